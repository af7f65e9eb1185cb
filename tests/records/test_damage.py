"""Every way a shard can be wrong gives one ShardError with one clear line."""

import contextlib
import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_records import meta_for, random_records

from zerofleet.records import (
    FORMAT_VERSION,
    GameRecords,
    ShardError,
    check_identity,
    decode_shard,
    encode_shard,
    validate,
)

META = meta_for("connect_four")
GAMES = random_records("connect_four", 6)
DATA = encode_shard(META, GAMES)


def raw_members(games: GameRecords = GAMES, meta: dict | None = None) -> dict[str, np.ndarray]:
    document = META.model_dump() if meta is None else meta
    arrays = {"meta": np.frombuffer(json.dumps(document).encode(), np.uint8)}
    return arrays | {field.name: getattr(games, field.name) for field in fields(games)}


def save(arrays: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def refuse(data: bytes, match: str, **options: int) -> None:
    with pytest.raises(ShardError, match=match) as caught:
        decode_shard(data, name="a.npz", **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("a.npz: ")


@pytest.mark.parametrize("size", [0, 1, 30, 200, len(DATA) // 2, len(DATA) - 30, len(DATA) - 1])
def test_truncated(size: int) -> None:
    refuse(DATA[:size], "damaged")


def test_flipped_bits_are_found_or_harmless() -> None:
    rng = random.Random(1)
    num_refused = 0
    for _ in range(1500):
        damaged = bytearray(DATA)
        damaged[rng.randrange(len(DATA))] ^= 1 << rng.randrange(8)
        try:
            meta, games = decode_shard(bytes(damaged), name="x")
        except ShardError:
            num_refused += 1
        else:  # times and attributes of the archive carry no meaning
            assert encode_shard(meta, games) == DATA
    assert num_refused > 1000


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_noise(noise: bytes) -> None:
    for data in (noise, DATA[:100] + noise + DATA[100:], DATA + noise):
        with contextlib.suppress(ShardError):
            assert decode_shard(data, name="x")[0] == META


def test_pickled_array_is_not_loaded() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return (pytest.fail, ("the pickle was executed",))

    arrays = raw_members() | {"action": np.array([Bomb()], dtype=object)}
    refuse(save(arrays), "action: expected int32, got pickled objects; never loaded")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("meta.npy", pickle.dumps(Bomb()))
    refuse(out.getvalue(), "meta: expected a plain .npy array")


def test_bomb_is_refused_before_it_is_inflated() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.npy", bytes(100))
        archive.writestr("action.npy", bytes(50_000_000))
    assert len(out.getvalue()) < 100_000
    refuse(
        out.getvalue(), "inflated, it has 50,000,100 bytes, more than 1,000,000", max_bytes=10**6
    )


def test_bomb_that_lies_about_its_size() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.npy", bytes(50_000_000))
    honest = (50_000_000).to_bytes(4, "little")
    refuse(out.getvalue().replace(honest, (200).to_bytes(4, "little")), "damaged")


def test_too_large_a_file() -> None:
    refuse(DATA, "the file has .* more than 1,000", max_bytes=1000)


def test_keys() -> None:
    arrays = raw_members()
    refuse(save(arrays | {"planes": np.zeros(3)}), "unknown array 'planes'")
    refuse(save({k: v for k, v in arrays.items() if k != "returns"}), "no array 'returns'")
    refuse(save({k: v for k, v in arrays.items() if k != "meta"}), "no meta")
    refuse(save(arrays | {f"a{i}": np.zeros(1) for i in range(60)}), "expected 13 arrays, got 73")
    out = io.BytesIO(DATA)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(out, "a") as archive,
    ):
        archive.writestr("action.npy", b"again")
    refuse(out.getvalue(), "twice")


def test_other_compression() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("meta.npy", b"x")
    refuse(out.getvalue(), "meta: expected deflate, got compression method 12")


def test_meta() -> None:
    good = META.model_dump()
    later = good | {"format_version": FORMAT_VERSION + 1, "new": 1}
    refuse(save(raw_members(meta=later) | {"more": np.zeros(2)}), "format version 2, newer than 1")
    refuse(save(raw_members(meta=good | {"format_version": "1"})), "expected format_version 1")
    refuse(save(raw_members(meta=good | {"batch": -1})), "meta.batch")
    refuse(save(raw_members(meta=good | {"batch": "12"})), "meta.batch")
    refuse(save(raw_members(meta=good | {"kind": "positions"})), "meta.kind")
    refuse(save(raw_members(meta=good | {"worker_id": "../x"})), "meta.worker_id")
    refuse(save(raw_members(meta=good | {"surprise": 1})), "meta.surprise")
    refuse(save(raw_members() | {"meta": np.frombuffer(b"[1]", np.uint8)}), "JSON object, got list")
    refuse(save(raw_members() | {"meta": np.frombuffer(b"\xff{", np.uint8)}), "UTF-8 JSON")
    refuse(save(raw_members() | {"meta": np.full(10**5, ord("["), np.uint8)}), "UTF-8 JSON")
    refuse(save(raw_members() | {"meta": np.zeros(2**21, np.uint8)}), "meta: expected at most")


def test_types_and_shapes() -> None:
    arrays = raw_members()
    for key in arrays:
        wrong = np.float64 if arrays[key].dtype != np.float32 else np.float16
        refuse(save(arrays | {key: arrays[key].astype(wrong)}), f"{key}: expected .* got <f")
        refuse(save(arrays | {key: arrays[key][None]}), f"{key}: expected . dimensions")
        if key not in ("meta", "policy_action", "initial_text"):
            refuse(save(arrays | {key: arrays[key][:-1]}), "expected")
    refuse(save(arrays | {"action": GAMES.action.astype(">i4")}), "action: expected int32 .* >i4")
    refuse(save(arrays | {"returns": np.asfortranarray(GAMES.returns)}), "returns: .*Fortran")


def changed(key: str, at: int, value: float) -> GameRecords:
    array = getattr(GAMES, key).copy()
    array[at] = value
    return replace(GAMES, **{key: array})


INF, NAN = float("inf"), float("nan")
BIG = 2**62
STRUCTURE = [
    (changed("game_start", 0, 1), "game_start: expected to begin with 0"),
    (changed("game_start", -1, 10**6), "game_start: expected to begin with 0 and end with"),
    (changed("game_start", 2, GAMES.game_start[1]), "game_start: always rises"),
    (changed("game_start", 2, BIG), "game_start: always rises"),
    (changed("game_start", 2, -BIG), "game_start: always rises"),
    (changed("policy_start", 4, BIG), "policy_start: never falls"),
    (changed("policy_start", 4, -1), "policy_start: never falls"),
    (changed("initial_start", 1, 7), "initial_start: never falls"),
    (changed("action", 5, -1), r"action\[5\]: expected an action >= 0, got -1"),
    (changed("ply_flags", 7, 0x42), r"ply_flags\[7\]: expected known bits only, got 66"),
    (changed("ply_flags", 1, 1), "ply 1: policy entries exactly where the flag says, got none"),
    (changed("ply_flags", 0, 0), "ply 0: policy entries exactly where the flag says, got entries"),
    (changed("search_value", 3, 1.01), r"search_value\[3\]: expected -1..1 or NaN"),
    (changed("search_value", 3, -INF), r"search_value\[3\]"),
    (changed("returns", 0, NAN), r"returns\[0, 0\]: expected -1..1, got nan"),
    (changed("returns", 0, INF), r"returns\[0, 0\]"),
    (changed("termination", 2, 4), r"termination\[2\]: expected 0..3, got 4"),
    (changed("game_number", 2, -1), r"game_number\[2\]"),
    (changed("game_number", 2, 100), "game_number: expected distinct numbers, got 100 twice"),
    (changed("policy_prob", 3, NAN), r"policy_prob\[3\]"),
    (changed("policy_prob", 3, 0), r"policy_prob\[3\]: expected 0 < p <= 1"),
    (changed("policy_prob", 3, -0.1), r"policy_prob\[3\]"),
    (changed("policy_prob", 3, 0.99), "policy_prob of ply 0: expected to sum to 1"),
    (changed("policy_action", 3, -7), r"policy_action\[3\]"),
]


@pytest.mark.parametrize(("games", "match"), STRUCTURE, ids=[m for _, m in STRUCTURE])
def test_structure(games: GameRecords, match: str) -> None:
    refuse(save(raw_members(games)), match)
    with pytest.raises(ShardError, match=match):
        encode_shard(META, games)


def test_policy_entries_that_belong_left_out() -> None:
    start, prob = GAMES.policy_start, GAMES.policy_prob.copy()
    prob[: start[1]] = [0.9995] + [0.0005 / 6] * 6
    refuse(save(raw_members(replace(GAMES, policy_prob=prob))), "ply 0: an entry below 1/1024")


def test_no_games() -> None:
    empty = {
        field.name: getattr(GAMES, field.name)[: 1 if field.name.endswith("_start") else 0]
        for field in fields(GAMES)
    }
    refuse(save(raw_members(GameRecords(**empty))), "no games")


def test_a_name_that_is_not_its_own() -> None:
    check_identity(META, name="x", model_version=3, worker="host_7-2", batch=12)
    with pytest.raises(ShardError, match="was it renamed"):
        check_identity(META, name="x", model_version=3, worker="host_7-2", batch=13)


def test_errors_stay_on_one_line() -> None:
    meta = META.model_copy(update={"game": "con\nnect\x00_4"})
    with pytest.raises(ShardError) as caught:
        validate(meta, GAMES, name="x")
    assert "\n" not in str(caught.value)
    assert "\x00" not in str(caught.value)
