"""A shard comes back as it was written, and its bytes depend on its contents alone."""

import io
from dataclasses import fields

import numpy as np
import pytest
from make_records import GAMES, meta_for, random_records

from zerofleet.records import GameRecords, ShardError, decode_shard, encode_shard, read_shard


def assert_equal(a: GameRecords, b: GameRecords) -> None:
    for field in fields(GameRecords):
        x, y = getattr(a, field.name), getattr(b, field.name)
        assert x.dtype == y.dtype, field.name
        np.testing.assert_array_equal(x, y, err_msg=field.name)


@pytest.mark.parametrize("game", GAMES)
def test_round_trip(game: str) -> None:
    meta, games = meta_for(game), random_records(game, 20)
    data = encode_shard(meta, games)
    meta_back, games_back = decode_shard(data, name="x")
    assert meta_back == meta
    assert_equal(games, games_back)
    assert encode_shard(meta_back, games_back) == data


def test_numpy_alone_reads_it() -> None:
    games = random_records("connect_four", 5)
    data = encode_shard(meta_for("connect_four"), games)
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        assert next(iter(file)) == "meta"
        assert b'"game":"connect_four"' in file["meta"].tobytes()
        np.testing.assert_array_equal(file["action"], games.action)


def test_what_numpy_writes_is_read() -> None:
    meta, games = meta_for("tic_tac_toe"), random_records("tic_tac_toe", 5)
    arrays = {field.name: getattr(games, field.name) for field in fields(games)}
    out = io.BytesIO()
    np.savez_compressed(
        out, meta=np.frombuffer(meta.model_dump_json().encode(), np.uint8), **arrays
    )
    assert_equal(decode_shard(out.getvalue(), name="x")[1], games)


def test_alpha_beta_games_need_two_bytes_a_position() -> None:
    full = random_records("ultimate_ttt", 400)
    games = GameRecords.without_policy(
        game_start=full.game_start,
        action=full.action,
        ply_flags=np.full_like(full.ply_flags, 2),
        search_value=full.search_value * np.float32(0),
        returns=full.returns,
        termination=full.termination,
        game_number=full.game_number,
    )
    data = encode_shard(meta_for("ultimate_ttt"), games)
    assert len(data) / games.num_plies < 2.5


def test_read_shard_checks_the_size_of_the_file_first(tmp_path) -> None:
    path = tmp_path / "v0003_host_7-2_0012.npz"
    path.write_bytes(encode_shard(meta_for("tic_tac_toe"), random_records("tic_tac_toe", 3)))
    assert read_shard(path)[1].num_games == 3
    with pytest.raises(
        ShardError, match=r"^v0003_host_7-2_0012.npz: the file has .* more than 99;"
    ):
        read_shard(path, max_bytes=99)


def test_writer_refuses_wrong_types_and_structure() -> None:
    from dataclasses import replace

    games = random_records("tic_tac_toe", 3)
    with pytest.raises(ShardError, match="action: expected int32, got int64"):
        encode_shard(meta_for("tic_tac_toe"), replace(games, action=games.action.astype(np.int64)))
    with pytest.raises(ShardError, match="game_number: expected distinct"):
        encode_shard(
            meta_for("tic_tac_toe"), replace(games, game_number=np.zeros(3, dtype=np.int64))
        )
