"""Series, statistics, STOP, rejected shards, the spool, numbers: the small files of a run."""

import json

import pytest
import toy_run

from zerofleet.run.commit import commit
from zerofleet.run.documents import encode, sha256_hex
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.layout import TRAINER_LEASE, shard_name
from zerofleet.run.lease import Lease
from zerofleet.run.ledger import Ledger
from zerofleet.run.numbers import LEDGER, first_free_numbers
from zerofleet.run.rejected import quarantine, read_rejected
from zerofleet.run.series import SeriesWriter, read_series, series_names, tail_series
from zerofleet.run.spool import PendingBytes, PendingGate, Spool, SpoolFullError
from zerofleet.run.stats import append_stats, read_stats, thin
from zerofleet.run.stop import clear_stop, request_stop, stop_requested

NAME = "v0001_w0_0001.npz"


def test_series_come_back(tmp_path):
    with SeriesWriter(tmp_path, "trainer") as series:
        series.append({"step": 1, "loss": float("nan")})
    with SeriesWriter(tmp_path, "trainer") as series:
        series.append({"step": 2, "loss": 0.5})
    assert list(read_series(tmp_path, "trainer")) == [
        {"step": 1, "loss": None},
        {"step": 2, "loss": 0.5},
    ]
    assert series_names(tmp_path) == ["trainer"]
    assert list(read_series(tmp_path, "train")) == []
    assert list(read_series(tmp_path / "none", "train")) == []


def test_a_torn_line_costs_itself_only(tmp_path):
    with SeriesWriter(tmp_path, "w") as series:
        series.append({"step": 1})
    path = tmp_path / "series-w-000001.jsonl"
    path.write_bytes(path.read_bytes() + b'{"step": 2, "lo')
    assert list(read_series(tmp_path, "w")) == [{"step": 1}]
    with SeriesWriter(tmp_path, "w") as series:
        series.append({"step": 3})
    assert list(read_series(tmp_path, "w")) == [{"step": 1}, {"step": 3}]


def test_series_rotate(tmp_path):
    for start in (0, 10):
        with SeriesWriter(tmp_path, "w", rotate_bytes=50) as series:
            for step in range(start, start + 10):
                series.append({"step": step})
    assert [entry["step"] for entry in read_series(tmp_path, "w")] == list(range(20))
    assert len(list(tmp_path.iterdir())) > 2
    assert all(path.stat().st_size < 70 for path in tmp_path.iterdir())


def test_stats_can_be_redone_and_are_thinned(store):
    assert read_stats(store) == []
    for iteration in (1, 2, 2, 3, 1):
        append_stats(store, {"iteration": iteration, "seconds": 1.5})
    assert [entry["iteration"] for entry in read_stats(store)] == [1, 2, 3]
    for iteration in range(4, 40):
        append_stats(store, {"iteration": iteration}, max_entries=10)
    kept = [entry["iteration"] for entry in json.loads(store.read("training_stats.json"))]
    assert len(kept) <= 10
    assert (kept[0], kept[-5:]) == (1, [35, 36, 37, 38, 39])
    assert thin([{}] * 10_001, 10_000) == [{}] * 7_501
    store.put("training_stats.json", b"{}")
    with pytest.raises(DamagedError, match=r"training_stats\.json: expected a JSON list"):
        read_stats(store)


def test_stats_that_a_predecessor_put_back_are_written_again(store):
    known = []
    for iteration in range(3):
        known = append_stats(store, {"iteration": iteration}, known=known)
    frozen = store.read("training_stats.json")
    known = append_stats(store, {"iteration": 2, "elo": {}}, known=known)
    store.put("training_stats.json", frozen)  # it wakes up in the middle of its write
    known = append_stats(store, {"iteration": 3}, known=known)
    for iteration in (4, 5):
        known = append_stats(store, {"iteration": iteration}, known=known)
    store.put("training_stats.json", frozen)
    append_stats(store, {"iteration": 6}, known=known)
    entries = read_stats(store)
    assert [entry["iteration"] for entry in entries] == [0, 1, 2, 3, 4, 5, 6]
    assert ["elo" in entry for entry in entries] == [False, False, True, False, False, False, False]


def test_stop(store):
    assert not stop_requested(store)
    request_stop(store, "50 loops done")
    request_stop(store, "later")
    assert store.read("STOP") == b"50 loops done\n"
    clear_stop(store)
    assert not stop_requested(store)
    store.path("STOP").touch()
    assert stop_requested(store)


def test_rejected_shards_keep_name_and_reason(store):
    store.put(f"data/{NAME}", b"bad")
    quarantine(store, NAME, "game 3, ply 7: illegal move\n")
    assert store.read(f"rejected/{NAME}") == b"bad"
    assert read_rejected(store) == {NAME: "game 3, ply 7: illegal move"}
    quarantine(store, NAME, "redone after a crash")
    store.put(f"data/{NAME}", b"bad")
    quarantine(store, NAME, "redone before the delete")
    assert list(read_rejected(store)) == [NAME]
    store.put(f"data/{NAME}", b"another")
    assert quarantine(store, NAME, "also bad") == f"rejected/{NAME}.2"
    assert store.read(f"rejected/{NAME}.2") == b"another"


class Broken(toy_run.FiveCalls):
    """A store that can be switched off."""

    def __init__(self, store):
        super().__init__(store)
        self.is_down = False

        def put_if_absent(key, data):
            if self.is_down:
                raise StoreError("the mount is gone")
            return store.put_if_absent(key, data)

        self.put_if_absent = put_if_absent


def test_the_spool_delivers_later_and_in_order(store, tmp_path):
    now = [0.0]
    broken = Broken(store)
    spool = Spool(broken, tmp_path / "spool", max_bytes=10, clock=lambda: now[0])
    names = [shard_name(1, "w0", batch) for batch in (1, 2, 3, 12345)]
    assert spool.submit(names[0], b"1234")
    broken.is_down = True
    assert spool.state == "active"
    assert not spool.submit(names[1], b"1234")
    assert not spool.submit(names[2], b"1234")
    assert (spool.state, spool.error, spool.size_bytes) == ("waiting", "the mount is gone", 8)
    with pytest.raises(SpoolFullError, match="8 bytes wait here and 4 more exceed its bound of 10"):
        spool.submit(names[3], b"1234")
    broken.is_down = False
    assert not spool.flush(), "it backs off first"
    now[0] = 100.0
    assert Spool(broken, tmp_path / "spool").names == names[1:3], "a restart finds them"
    assert spool.submit(names[3], b"1234")
    assert spool.state == "active"
    assert [entry.key for entry in store.list("data/").entries] == [f"data/{n}" for n in names]


def test_a_spool_that_somebody_else_empties(store, tmp_path):
    """The process that takes an id over delivers what the other one, which is frozen, has left."""
    broken = Broken(store)
    broken.is_down = True
    old = Spool(broken, tmp_path / "spool")
    names = [shard_name(1, "w0", batch) for batch in (1, 2)]
    for name in names:
        old.submit(name, b"1234")
    shards = old.shards()
    assert next(shards) == (names[0], b"1234")
    assert Spool(store, tmp_path / "spool").flush()
    assert list(shards) == []
    assert (old.names, old.size_bytes) == ([], 0)
    assert old.flush(now=True)


def test_pauses_grow_to_a_minute(store, tmp_path):
    now = [0.0]
    broken = Broken(store)
    broken.is_down = True
    spool = Spool(broken, tmp_path / "spool", clock=lambda: now[0])
    spool.submit(NAME, b"1")
    pauses = []
    for _ in range(9):
        before = now[0]
        tried = spool._retry_at
        now[0] = tried
        spool.flush()
        pauses.append(tried - before)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_redelivered_shard_is_no_error_and_another_one_is(store, tmp_path):
    spool = Spool(store, tmp_path / "spool")
    assert spool.submit(NAME, b"1")
    assert spool.submit(NAME, b"1")
    assert not spool.submit(NAME, b"2")
    assert "two workers may use one id" in spool.error


def test_pending_bytes_close_the_gate(store, monkeypatch):
    now = [0.0]
    gate = PendingGate(store, 10, check_seconds=5, clock=lambda: now[0])
    assert gate.is_open()
    store.put("data/a", b"x" * 11)
    assert gate.is_open()
    now[0] = 5.0
    assert not gate.is_open()
    assert gate.pending_bytes == 11

    def no_list(*args, **kwargs):
        raise StoreError("the mount is gone")

    monkeypatch.setattr(store, "list", no_list)
    now[0] = 10.0
    assert not gate.is_open(), "the last figure stands"


def test_a_spool_that_cannot_be_written_is_full(store, tmp_path):
    broken = Broken(store)
    broken.is_down = True
    (tmp_path / "spool").write_text("a file where the directory should be")
    with pytest.raises(SpoolFullError, match=r"cannot write 1 bytes.*the mount is gone"):
        Spool(broken, tmp_path / "spool").submit(NAME, b"1")


def test_numbers_without_a_lease(store):
    assert first_free_numbers(store, "w0", toy_run.read_shard) == (1, 0)
    ledger = Ledger()
    ledger.count("w0", 4, sha256_hex(b""), range(10, 20), 5)
    commit(store, {LEDGER: encode(ledger.to_json())}, summary={})
    assert first_free_numbers(store, "w0", toy_run.read_shard) == (5, 20)
    store.put("data/v0001_w0_0007.npz", toy_run.make_shard("w0", 7, range(30, 40)))
    store.put("data/v0001_w1_0099.npz", b"of another worker")
    store.put("rejected/v0001_w0_0008.npz", b"whatever")
    store.put("rejected/v0001_w0_0008.npz.reason.txt", b"whatever")
    assert first_free_numbers(store, "w0", toy_run.read_shard) == (9, 40)
    assert first_free_numbers(store, "w2") == (1, 0)
    undelivered = [
        ("v0001_w0_0012.npz", toy_run.make_shard("w0", 12, range(50, 60))),
        ("v0001_w0_0013.npz", b"damaged"),
    ]
    found = first_free_numbers(store, "w0", toy_run.read_shard, undelivered=undelivered)
    assert found == (14, 60)


def test_the_end_of_a_series_is_its_last_whole_lines(tmp_path):
    with SeriesWriter(tmp_path, "x", rotate_bytes=200) as series:
        for number in range(40):
            series.append({"number": number})
    (tmp_path / "series-x-000009.jsonl").write_bytes(b'{"number": 40}\n{"torn": ')
    numbers = [e["number"] for e in read_series(tmp_path, "x")]
    assert numbers == list(range(41))
    assert [e["number"] for e in tail_series(tmp_path, "x")] == numbers
    for size in (1, 20, 60, 100, 333, 10_000):
        tail = [e["number"] for e in tail_series(tmp_path, "x", max_bytes=size)]
        assert tail == numbers[len(numbers) - len(tail) :]
        assert len(tail) >= min(41, size // 16 - 4)
    assert tail_series(tmp_path, "nothing") == []


def test_the_gate_asks_the_trainer_and_lists_only_without_one(store, monkeypatch):
    """A thousand workers that list a thousand shards each would be work for a file server."""
    now, listed = [0.0], []
    real = store.list
    monkeypatch.setattr(store, "list", lambda *a, **k: listed.append(a) or real(*a, **k))
    gate = PendingGate(store, 10, check_seconds=5, clock=lambda: now[0])
    store.put("data/v0001_w_0001.npz", b"123456")
    assert gate.is_open()
    assert listed
    lease = Lease.acquire(store, TRAINER_LEASE, settle_seconds=0)
    pending = PendingBytes(store, clock=lambda: now[0])
    lease.beat(**pending())
    now[0], listed[:] = 6, []
    assert gate.is_open()
    assert gate.pending_bytes == 6
    store.put("data/v0001_w_0002.npz", b"123456")
    lease.beat(**pending())  # it looks at most every 5 s, too
    now[0] = 12
    lease.beat(**pending())
    listed.clear()
    assert not gate.is_open()
    assert gate.pending_bytes == 12
    assert listed == []
    # The trainer has ended: its figure says nothing any more.
    lease.release()
    store.delete("data/v0001_w_0001.npz")
    now[0] = 18
    assert gate.is_open()
    assert gate.pending_bytes == 6
