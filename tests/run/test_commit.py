import pytest

from zerofleet.run.commit import commit, read_checkpoints, read_latest
from zerofleet.run.consumed import consume, delete_outside_window, restore_uncounted
from zerofleet.run.errors import DamagedError, RunError
from zerofleet.run.ledger import Ledger
from zerofleet.run.store import iterate


def test_the_latest_commit_comes_back(store):
    assert read_latest(store) is None
    for number in (1, 2):
        commit(store, {"a": b"%d" % number, "b": b"same"}, summary={"iteration": number})
    latest = read_latest(store)
    assert latest.commit == 2
    assert latest.summary == {"iteration": 2}
    assert (latest.read(store, "a"), latest.read(store, "b")) == (b"2", b"same")


def test_keeps_the_last_and_the_best(store):
    for number, score in enumerate([1.0, 9.0, None, 3.0, 4.0, 2.0], start=1):
        commit(store, {"a": b"%d" % number}, summary={}, score=score, keep_last=2)
    kept = read_checkpoints(store)
    assert [entry.commit for entry in kept] == [2, 5, 6]
    assert [entry.read(store, "a") for entry in kept] == [b"2", b"5", b"6"]
    assert len(list(iterate(store, "checkpoints/"))) == 4
    assert sum(path.is_dir() for path in (store.root / "checkpoints").iterdir()) == 3


def test_an_unchanged_file_is_not_written_again(store):
    first = commit(store, {"window": b"big", "net": b"1"}, summary={})
    second = commit(
        store,
        {"window": first.files["window"], "net": b"2"},
        summary={},
        keep_last=1,
    )
    assert second.files["window"].key == first.files["window"].key
    assert second.read(store, "window") == b"big"
    assert len(list(iterate(store, "checkpoints/"))) == 3


def test_older_checkpoints_may_keep_less(store):
    for number in range(3):
        commit(store, {"window": b"w%d" % number, "net": b"n"}, summary={}, keep_names=["net"])
    assert [sorted(entry.files) for entry in read_checkpoints(store)] == [
        ["net"],
        ["net"],
        ["net", "window"],
    ]


def test_a_trainer_without_its_lease_commits_nothing(store):
    commit(store, {"a": b"1"}, summary={})

    def lost():
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="the lease is lost"):
        commit(store, {"a": b"2"}, summary={}, guard=lost)
    assert read_latest(store).read(store, "a") == b"1"


def test_damage_is_named(store):
    made = commit(store, {"a": b"123"}, summary={})
    store.put(made.files["a"].key, b"12")
    with pytest.raises(DamagedError, match="expected 3 bytes with sha256"):
        read_latest(store).read(store, "a")
    store.delete(made.files["a"].key)
    with pytest.raises(DamagedError, match="missing"):
        read_latest(store).read(store, "a")
    with pytest.raises(DamagedError, match="has no file 'b', only a"):
        read_latest(store).read(store, "b")
    store.put("checkpoints/latest.json", b'{"format": 1')
    with pytest.raises(DamagedError, match=r"checkpoints/latest\.json: expected JSON"):
        read_latest(store)


def test_a_commit_of_another_trainer_is_noticed(store):
    mine = commit(store, {"a": b"1"}, summary={})
    mine = commit(store, {"a": b"2"}, summary={}, after=mine)
    commit(store, {"a": b"the other one's"}, summary={})
    with pytest.raises(RunError, match="not the commit 2 this trainer went on from"):
        commit(store, {"a": b"3"}, summary={}, after=mine)


def test_consumed_shards(store):
    ledger = Ledger()
    for batch in (1, 2, 3):
        store.put(f"data/v0001_w0_000{batch}.npz", b"")
        consume(store, f"v0001_w0_000{batch}.npz")
        if batch != 2:
            ledger.count("w0", batch, "sha", [batch], 1)
    consume(store, "v0001_w0_0001.npz")
    assert restore_uncounted(store, ledger) == ["v0001_w0_0002.npz"]
    assert [entry.key for entry in iterate(store, "data/")] == ["data/v0001_w0_0002.npz"]
    assert delete_outside_window(store, {"v0001_w0_0003.npz"}) == 1
    assert [entry.key for entry in iterate(store, "consumed/")] == ["consumed/v0001_w0_0003.npz"]
