import threading
import time
from types import SimpleNamespace

import pytest

from support import PATIENCE
from zerofleet.run import many
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.lease import LeaseWatch
from zerofleet.run.many import NUM_AHEAD, NUM_TIMED, delete_many, in_order, read_many
from zerofleet.run.store import DirectoryStore, iterate


def slow(call):
    """Takes longer than what is worth while to wait for."""

    def slowly(item):
        time.sleep(0.002)
        return call(item)

    return slowly


@pytest.mark.parametrize("count", [0, 1, NUM_TIMED, NUM_TIMED + 1, 300])
@pytest.mark.parametrize("pace", [lambda call: call, slow])
def test_results_come_in_the_order_of_the_items(count, pace):
    assert list(in_order(pace(lambda n: n * n), range(count))) == [n * n for n in range(count)]


def test_calls_that_wait_are_made_side_by_side():
    meet = threading.Barrier(8)

    def call(number):
        time.sleep(0.002)
        if number >= NUM_TIMED:
            meet.wait(30 * PATIENCE)  # only if eight are under way at once
        return number

    assert list(in_order(call, range(NUM_TIMED + 8))) == list(range(NUM_TIMED + 8))


def test_calls_that_do_not_wait_stay_in_this_thread(monkeypatch):
    monkeypatch.setattr(many, "time", SimpleNamespace(monotonic=lambda: 0.0))  # they take no time
    threads = set(in_order(lambda _: threading.current_thread(), range(100)))
    assert threads == {threading.current_thread()}


def test_an_error_is_raised_at_its_place_and_little_is_asked_ahead():
    asked = []

    def call(number):
        time.sleep(0.002)
        asked.append(number)
        if number == 20:
            raise StoreError("away")
        return number

    taken = []
    with pytest.raises(StoreError, match="away"):
        taken.extend(in_order(call, range(10_000)))
    assert taken == list(range(20))
    assert max(asked) <= 20 + 2 * NUM_AHEAD


def test_who_stops_taking_stops_the_calls():
    asked = []
    results = in_order(slow(asked.append), range(10_000))
    for _ in range(NUM_TIMED + 2):
        next(results)
    results.close()
    number = len(asked)
    assert number < 10_000
    assert len(asked) == number  # close has waited for those under way


class SlowStore(DirectoryStore):
    def read(self, key):
        time.sleep(0.002)
        return super().read(key)

    def delete(self, key):
        time.sleep(0.002)
        super().delete(key)


def test_reading_and_deleting_many(tmp_path):
    store = SlowStore(tmp_path)
    keys = [f"data/{number:03d}" for number in range(50)]
    for key in keys[::2]:
        store.put(key, key.encode())
    found = list(read_many(store, keys))
    assert [key for key, _ in found] == keys
    assert [data for _, data in found][:4] == [b"data/000", None, b"data/002", None]
    assert delete_many(store, keys[:10]) == 10
    assert [entry.key for entry in iterate(store, "data/")] == keys[10::2]


def test_leases_of_many_workers(tmp_path):
    store = SlowStore(tmp_path)
    fields = '"format": 1, "session": "s", "generation": 0, "counter": 0, "next_game": 0'
    for number in range(30):
        lease = f'{{{fields}, "next_batch": {number}}}'
        store.put(f"workers/w{number:02d}.json", lease.encode())
    store.put("workers/w07.json", b"{}")
    store.put("workers/notes.txt", b"of a person")
    watch = LeaseWatch()
    found = dict(watch.read(store))
    assert len(found) == 30
    assert isinstance(found["workers/w07.json"], DamagedError)
    assert found["workers/w29.json"]["next_batch"] == 29
    # Of those that have not changed since, none is read again.
    read, real = [], store.read
    store.read = lambda key: read.append(key) or real(key)
    store.put("workers/w05.json", f'{{{fields}, "next_batch": 500}}'.encode())
    store.delete("workers/w06.json")
    store.put("workers/w30.json", f'{{{fields}, "next_batch": 30}}'.encode())
    again = dict(watch.read(store))
    assert read == ["workers/w05.json", "workers/w30.json"]
    assert again["workers/w05.json"]["next_batch"] == 500
    assert "workers/w06.json" not in again
    assert {k: v for k, v in again.items() if k not in read} == {
        k: v for k, v in found.items() if k not in (*read, "workers/w06.json")
    }
