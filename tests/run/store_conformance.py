"""What every store promises, as a test suite.

A store's test module subclasses `StoreConformance` and defines the fixture `store`. Listings may be
late, so the suite waits for them with `eventually`.
"""

import threading
import time

import pytest

from support import PATIENCE
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.store import exists, iterate, move, read_or_none


def eventually(condition, timeout_seconds=5.0 * PATIENCE):
    """Waits until `condition()` holds; False if it never does."""
    end = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def keys(store, prefix):
    return [entry.key for entry in iterate(store, prefix)]


class StoreConformance:
    def test_reads_back_what_was_put(self, store):
        for data in (b"", b"x", bytes(range(256)) * 5000):
            store.put("data/a.npz", data)
            assert store.read("data/a.npz") == data

    def test_a_missing_key(self, store):
        with pytest.raises(KeyMissingError, match="nothing"):
            store.read("data/nothing")
        assert read_or_none(store, "data/nothing") is None
        assert not exists(store, "data/nothing")
        store.delete("data/nothing")

    def test_deleting(self, store):
        store.put("a", b"1")
        store.delete("a")
        assert read_or_none(store, "a") is None
        assert eventually(lambda: keys(store, "") == [])

    def test_put_if_absent_keeps_the_first(self, store):
        assert store.put_if_absent("workers/w.json", b"first")
        assert not store.put_if_absent("workers/w.json", b"second")
        assert store.read("workers/w.json") == b"first"
        store.delete("workers/w.json")
        assert store.put_if_absent("workers/w.json", b"third")

    def test_lists_by_prefix_in_order(self, store):
        names = ["data/b", "data/a", "data-x", "data/a.b", "data/c/z", "datb", "d"]
        for name in names:
            store.put(name, name.encode())
        assert eventually(lambda: keys(store, "") == sorted(names))
        below = [name for name in sorted(names) if name.startswith("data/")]
        assert eventually(lambda: keys(store, "data/") == below)
        assert eventually(lambda: keys(store, "data/a") == ["data/a", "data/a.b"])

    def test_lists_in_pages(self, store):
        names = [f"data/v{number:04d}" for number in range(25)]
        for name in names:
            store.put(name, b"12")
        assert eventually(lambda: len(store.list("data/").entries) == 25)
        seen, after, pages = [], "", 0
        while after is not None:
            page = store.list("data/", after=after, limit=10)
            assert len(page.entries) <= 10
            assert all(entry.size_bytes == 2 for entry in page.entries)
            seen += page.keys
            after = page.next_after
            pages += 1
        assert seen == names
        assert pages == 3
        assert store.list("data/v002", limit=3).keys == tuple(names[20:23])

    def test_an_empty_listing(self, store):
        assert store.list("data/").entries == ()
        assert store.list("data/").next_after is None

    @pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "./a"])
    def test_refuses_what_is_no_key(self, store, key):
        with pytest.raises(ValueError, match="is not a key"):
            store.put(key, b"")
        with pytest.raises(ValueError, match="is not a key"):
            store.put_if_absent(key, b"")
        with pytest.raises(ValueError, match="is not a key"):
            store.read(key)
        with pytest.raises(ValueError, match="is not a key"):
            store.delete(key)

    def test_moving_can_be_redone(self, store):
        store.put("data/a", b"1")
        move(store, "data/a", "consumed/a")
        assert store.read("consumed/a") == b"1"
        assert read_or_none(store, "data/a") is None
        assert eventually(lambda: exists(store, "consumed/a"))
        move(store, "data/a", "consumed/a")
        with pytest.raises(KeyMissingError):
            move(store, "data/b", "consumed/b")

    def test_of_many_creators_one_wins(self, store):
        for round_number in range(10):
            key, wins = f"workers/{round_number}", []
            barrier = threading.Barrier(6)

            def create(number, key=key, wins=wins, barrier=barrier):
                barrier.wait()
                if store.put_if_absent(key, b"%d" % number * 1000):
                    wins.append(number)

            threads = [threading.Thread(target=create, args=(n,)) for n in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(wins) == 1
            assert store.read(key) == b"%d" % wins[0] * 1000

    def test_readers_never_see_a_part(self, store):
        done = threading.Event()
        partial = []

        def read():
            while not done.is_set():
                data = read_or_none(store, "model/version.txt")
                if data is not None and (len(data) != 200_000 or len(set(data)) != 1):
                    partial.append(len(data))

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(30):
            store.put("model/version.txt", b"%d" % (number % 10) * 200_000)
        done.set()
        for thread in threads:
            thread.join()
        assert partial == []
