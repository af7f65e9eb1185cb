"""Bad shards in a real run: each ends in rejected/ with one clear line, nothing else is lost."""

import json
import os
import pickle
import shutil
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import run_kit

from sample_data import games, meta_of
from zerofleet.records.read import decode_shard
from zerofleet.records.shard import ARRAYS
from zerofleet.records.write import encode_shard, npz_bytes
from zerofleet.roles.progress import worker_stats
from zerofleet.run.layout import CONSUMED, DATA, REJECTED
from zerofleet.run.rejected import read_rejected

NUM_SHARDS = 90
NUM_CUT, NUM_FLIPPED = 30, 40


@pytest.fixture(scope="module")
def prepared(forge, tmp_path_factory):
    """A run with version 1 and many small shards of a real worker, all pending."""
    run = run_kit.Run(forge, tmp_path_factory.mktemp("prepared"))
    trainer = run.trainer(pacing__min_new_positions=10**9)
    run.wait_for_loop(0)
    worker = run.worker("w0", "--games-per-batch=2")
    run.wait_for_shards(NUM_SHARDS)
    assert (worker.stop(), trainer.stop()) == (0, 0)
    yield run
    run.end()


@pytest.fixture
def many(prepared, run):
    """A copy of the prepared run."""
    shutil.copytree(prepared.directory, run.directory)
    run.settings |= {"replay.keep": "all"}
    return run


@pytest.mark.parametrize(
    "host",
    [
        {"net_share": 0.5},
        {"seconds": "soon", "net_share": [1], "peak_memory_mib": "much"},
        {"seconds": float("nan"), "net_share": 1e300, "peak_memory_mib": float("inf")},
    ],
)
def test_what_a_worker_says_of_its_host_ends_no_trainer(host):
    meta = meta_of("connect_four").model_copy(update={"host": host})
    shard = SimpleNamespace(meta=meta, games=games("connect_four", 3))
    stats = worker_stats([shard, shard])
    assert stats["w1"]["games"] == 6
    json.dumps(stats, allow_nan=False)


def learn(run, loops=1):
    trainer = run.trainer(pacing__max_loops=max(0, run.iteration()) + loops)
    assert trainer.wait() == 0, trainer.text()
    assert "Traceback" not in trainer.text()
    return trainer


def check_rejected(run, trainer, expected):
    """`expected` maps names to a part of the reason; nothing else is rejected."""
    reasons = read_rejected(run.store)
    assert reasons.keys() == expected.keys()
    for name, part in expected.items():
        assert part in reasons[name], f"{name}: {reasons[name]}"
        assert "\n" not in reasons[name]
        assert (run.directory / REJECTED / name).exists()
        assert not (run.directory / DATA / name).exists()
        lines = [line for line in trainer.text().splitlines() if f"rejected {name}: " in line]
        assert lines == [f"rejected {name}: {reasons[name]}"]


def num_games(run, names):
    """Games in these shards, all of which were learned from; the worker's last one may be short."""
    return sum(
        decode_shard(run.store.read(CONSUMED + name), name=name)[1].num_games for name in names
    )


def test_cut_and_flipped_shards(many):
    rng = np.random.default_rng(7)
    names = many.names(DATA)
    good = {name: many.store.read(DATA + name) for name in names}
    bad = names[: NUM_CUT + NUM_FLIPPED]
    for number, name in enumerate(bad):
        data = bytearray(good[name])
        if number < NUM_CUT:
            data = data[: len(data) * number // NUM_CUT]
        else:
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        many.store.put(DATA + name, bytes(data))
    trainer = learn(many)
    rejected = read_rejected(many.store)
    assert set(bad[:NUM_CUT]) <= rejected.keys() <= set(bad)
    check_rejected(many, trainer, dict.fromkeys(rejected, ""))
    # A bit that no reader looks at (a time, a flag of the archive) may be another one; what counts
    # is that what was taken is what was played.
    for name in set(names) - rejected.keys():
        meta, games = decode_shard(many.store.read(CONSUMED + name), name=name)
        before = decode_shard(good[name], name=name)
        assert meta == before[0]
        for key in ARRAYS:
            np.testing.assert_array_equal(getattr(games, key), getattr(before[1], key))
    report = many.audit()
    assert report.num_games_counted == num_games(many, set(names) - rejected.keys())
    assert len(rejected) >= NUM_CUT + NUM_FLIPPED // 2


def rewritten(data, name, *, meta=None, **arrays):
    """A shard with other contents, written without the checks of the writer."""
    said, games = decode_shard(data, name=name)
    document = {**json.loads(said.model_dump_json()), **(meta or {})}
    values = {"meta": np.frombuffer(json.dumps(document).encode(), np.uint8)}
    values |= {key: arrays.get(key, getattr(games, key)) for key in ARRAYS}
    return npz_bytes(values)


class Harmful:
    def __reduce__(self):
        return os.kill, (os.getpid(), signal.SIGKILL)


def pickled(data, name):
    _, games = decode_shard(data, name=name)
    arrays = {key: getattr(games, key) for key in ARRAYS}
    arrays |= {"meta": np.zeros(1, np.uint8), "action": np.array([Harmful()], object)}
    path = name + ".tmp.npz"
    try:
        np.savez(path, **arrays)
        with open(path, "rb") as file:
            return file.read()
    finally:
        os.unlink(path)


def test_every_kind_of_bad_shard(many, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = iter(many.names(DATA))
    expected = {}

    def spoil(reason, make):
        name = next(names)
        many.store.put(DATA + name, make(many.store.read(DATA + name), name))
        expected[name] = reason

    def illegal(data, name):
        action = decode_shard(data, name=name)[1].action.copy()
        action[1] = action[0]  # that cell is taken
        return rewritten(data, name, action=action)

    def wrong_result(data, name):
        return rewritten(data, name, returns=-decode_shard(data, name=name)[1].returns + 0.5)

    spoil("illegal", illegal)
    spoil("returns", wrong_result)
    spoil("newer than 1; update", lambda d, n: rewritten(d, n, meta={"format_version": 2}))
    spoil("of another run", lambda d, n: rewritten(d, n, meta={"model_sha256": "ab" * 32}))
    spoil("games of tic_tac_toe", lambda d, n: rewritten(d, n, meta={"game": "tic_tac_toe"}))
    spoil("was it renamed?", lambda d, n: rewritten(d, n, meta={"worker_id": "other"}))
    spoil("meta", pickled)
    spoil("damaged", lambda d, n: pickle.dumps(Harmful()))
    spoil("damaged", lambda d, n: b"")
    # Files that are no shards at all, one of a version that was never published, a huge one.
    many.store.put(DATA + "notes.txt", b"hello")
    expected["notes.txt"] = "is not the name of a shard"
    unknown = "v0099_w0_7777.npz"
    source = next(names)
    data = rewritten(
        many.store.read(DATA + source), source, meta={"model_version": 99, "batch": 7777}
    )
    many.store.put(DATA + unknown, data)
    expected[unknown] = "never published"
    huge = "v0001_w0_8888.npz"
    with (many.directory / DATA / huge).open("wb") as file:
        file.truncate(300 * 2**20)
    expected[huge] = "at most 268,435,456 are accepted"
    good = set(many.names(DATA)) - expected.keys()
    trainer = learn(many)
    check_rejected(many, trainer, expected)
    assert many.audit().num_games_counted == num_games(many, good) > 0


def test_a_duplicate_counts_once_and_a_conflict_is_rejected(many):
    names = many.names(DATA)
    learn(many)
    counted = many.audit().num_games_counted
    same, other, overlap = names[:3]
    assert many.names(DATA) == []
    # The very same shard again: not counted, not kept in data/.
    many.store.put(DATA + same, many.store.read(CONSUMED + same))
    # Other games under a batch number that is counted.
    data = many.store.read(CONSUMED + other)
    number = np.array([10**6, 10**6 + 1])
    conflict = rewritten(data, other, game_number=number)
    many.store.put(DATA + other, conflict)
    # A new batch number, with games that are counted.
    again = "v0001_w0_7777.npz"
    again_bytes = rewritten(many.store.read(CONSUMED + overlap), overlap, meta={"batch": 7777})
    many.store.put(DATA + again, again_bytes)
    trainer, worker = many.resume(2, "w1")
    assert (trainer.wait(), worker.wait()) == (0, 0)
    check_rejected(
        many,
        trainer,
        {other: "two workers use one id", again: "counted already in another batch"},
    )
    assert many.store.read(REJECTED + other) == conflict
    assert many.store.read(CONSUMED + other) == data
    report = many.audit()
    from_w1 = [name for name in many.names(CONSUMED) if "_w1_" in name]
    new = sum(decode_shard(many.store.read(CONSUMED + n), name=n)[1].num_games for n in from_w1)
    assert report.num_games_counted == counted + new


def test_the_shards_are_what_encode_shard_writes(prepared):
    """The bytes a worker delivers are reproducible from what they say."""
    name = prepared.names(DATA)[0]
    data = prepared.store.read(DATA + name)
    assert encode_shard(*decode_shard(data, name=name)) == data
