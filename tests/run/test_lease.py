import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from support import PATIENCE
from zerofleet.run import lease as lease_module
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.layout import worker_lease_key
from zerofleet.run.lease import (
    Heartbeat,
    Lease,
    LeaseHeldError,
    LeaseLostError,
    LeaseStoppedError,
    LeaseWatch,
    configured_dead_after,
    read_lease,
)

KEY = worker_lease_key("w0")


def elsewhere(store, **changes):
    """Makes the lease in the store look like one of another host."""
    document = json.loads(store.read(KEY))
    document.update({"host": "gpu3", "boot_id": "another boot", **changes})
    store.put(KEY, json.dumps(document).encode())
    return document


def test_numbers_go_on_after_a_release(store):
    first = Lease.acquire(store, KEY, info={"threads": 2})
    assert first.reserve(100) == lease_module.Reservation(1, 0)
    assert first.reserve(50) == lease_module.Reservation(2, 100)
    first.release()
    assert read_lease(store, KEY)["state"] == "stopped"
    second = Lease.acquire(store, KEY, settle_seconds=0)
    assert second.session != first.session
    assert second.reserve(1) == lease_module.Reservation(3, 150)


def test_a_reservation_is_durable_before_it_is_used(store):
    lease = Lease.acquire(store, KEY)
    reserved = lease.reserve(10)
    assert read_lease(store, KEY)["next_batch"] == reserved.batch + 1
    assert read_lease(store, KEY)["next_game"] == reserved.first_game + 10


def test_a_second_holder_in_this_process_is_refused_at_once(store):
    Lease.acquire(store, KEY)
    start = time.monotonic()
    with pytest.raises(LeaseHeldError, match=rf"process {os.getpid()} on host .* is alive; stop"):
        Lease.acquire(store, KEY)
    assert time.monotonic() - start < 1 * PATIENCE


def test_a_live_holder_elsewhere_is_refused_when_it_beats(store):
    Lease.acquire(store, KEY)
    document = elsewhere(store)
    told = []

    def beat():
        for counter in range(7, 16):
            time.sleep(0.3)
            store.put(KEY, json.dumps({**document, "counter": counter}).encode())

    thread = threading.Thread(target=beat)
    thread.start()
    with pytest.raises(LeaseHeldError, match="on host gpu3"):
        Lease.acquire(store, KEY, dead_after_seconds=5 * PATIENCE, on_wait=told.append)
    thread.join()
    assert "watching it" in told[0]


def test_a_silent_holder_elsewhere_is_taken_over(store):
    old = Lease.acquire(store, KEY)
    old.reserve(10)
    elsewhere(store)
    new = Lease.acquire(store, KEY, dead_after_seconds=0.4, settle_seconds=0)
    new.set_dead_after(60)  # a busy machine may be slow to write it
    assert new.reserve(5) == lease_module.Reservation(2, 10)
    with pytest.raises(LeaseLostError, match="taken over by"):
        old.beat()
    with pytest.raises(LeaseLostError):
        old.reserve(1)
    assert read_lease(store, KEY)["session"] == new.session
    old.release()
    assert read_lease(store, KEY)["state"] != "stopped"


def test_the_holder_that_was_suspended_while_writing_stops(store, monkeypatch):
    lease = Lease.acquire(store, KEY)
    ticks = iter([0.0, 0.0, 45.0])
    monkeypatch.setattr(lease_module, "boot_clock", lambda: next(ticks))
    with pytest.raises(LeaseLostError, match="was suspended"):
        lease.reserve(1)


def test_lower_bounds_for_a_lease_that_was_deleted(store):
    lease = Lease.acquire(store, KEY, minimum_batch=8, minimum_game=700)
    assert lease.reserve(1) == lease_module.Reservation(8, 700)


def test_a_lease_deleted_by_hand_comes_back_with_its_numbers(store):
    lease = Lease.acquire(store, KEY)
    lease.reserve(10)
    store.delete(KEY)
    lease.beat(state="active")
    assert read_lease(store, KEY)["next_batch"] == 2


def test_of_two_takers_one_stays(store):
    Lease.acquire(store, KEY).release()
    results = []

    def take():
        try:
            results.append(Lease.acquire(store, KEY, settle_seconds=0.5 * PATIENCE))
        except LeaseHeldError as error:
            results.append(error)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [entry for entry in results if isinstance(entry, Lease)]
    assert len(held) == 1
    held[0].confirm()


HOLDER = textwrap.dedent(
    """
    import sys, time
    from zerofleet.run.lease import Heartbeat, Lease
    from zerofleet.run.store import DirectoryStore
    store = DirectoryStore(sys.argv[1])
    lease = Lease.acquire(store, sys.argv[2], dead_after_seconds=0.6, settle_seconds=0.05)
    lease.set_dead_after(60)
    lease.reserve(10)
    with Heartbeat(lease, interval_seconds=0.1):
        print("held", flush=True)
        time.sleep(60)
    """
)


@pytest.fixture
def holder(store):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store.root), KEY], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_live_process_is_refused_and_a_killed_one_replaced_at_once(store, holder):
    with pytest.raises(LeaseHeldError, match=f"process {holder.pid} on host"):
        Lease.acquire(store, KEY)
    holder.send_signal(signal.SIGKILL)  # Not waited for: a zombie counts as gone.
    start = time.monotonic()
    while True:
        try:
            lease = Lease.acquire(store, KEY, settle_seconds=0)
            break
        except LeaseHeldError:
            time.sleep(0.02)
    assert time.monotonic() - start < 5 * PATIENCE
    assert lease.reserve(1).batch == 2


def test_a_frozen_process_is_taken_over_and_stops_when_it_wakes(store, holder):
    holder.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.01)
    lease = Lease.acquire(store, KEY, dead_after_seconds=0.6, settle_seconds=0)
    lease.set_dead_after(60)  # a busy machine may be slow to write it
    assert lease.reserve(1).batch == 2
    holder.send_signal(signal.SIGCONT)
    time.sleep(0.4)
    assert lease.reserve(1).batch == 3
    deadline = time.monotonic() + 10 * PATIENCE
    # The holder may have been frozen in the middle of a write, which lands whenever it lands.
    while read_lease(store, KEY)["session"] != lease.session and time.monotonic() < deadline:
        lease.reserve(1)
        time.sleep(0.02)
    lease.confirm()
    assert read_lease(store, KEY)["session"] == lease.session


def test_who_watches_a_holder_can_be_told_to_stop(store):
    Lease.acquire(store, KEY)
    elsewhere(store)
    asked = []
    with pytest.raises(LeaseStoppedError, match="told to stop while its holder was watched"):
        Lease.acquire(store, KEY, pause=lambda seconds: asked.append(seconds) or len(asked) == 3)
    assert asked == [1.0] * 3


def test_the_late_write_of_a_predecessor_is_overwritten(store):
    old = Lease.acquire(store, KEY)
    elsewhere(store)
    stale = store.read(KEY)
    new = Lease.acquire(store, KEY, dead_after_seconds=0.2, settle_seconds=0)
    new.set_dead_after(60)  # a busy machine may be slow to write it
    new.reserve(10)
    store.put(KEY, stale)  # The old holder was frozen between its read and this write.
    assert new.reserve(10) == lease_module.Reservation(2, 10)
    with pytest.raises(LeaseLostError):
        old.beat()


def test_heartbeat_reports_loss(store):
    lease = Lease.acquire(store, KEY)
    lost = threading.Event()
    with Heartbeat(lease, interval_seconds=0.02, on_lost=lost.set) as heartbeat:
        heartbeat.update(state="active", rates={"games_per_hour": 5000.0})
        heartbeat.check()
        deadline = time.monotonic() + 5 * PATIENCE
        while read_lease(store, KEY)["state"] != "active" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert read_lease(store, KEY)["rates"] == {"games_per_hour": 5000.0}
        deadline = time.monotonic() + 5 * PATIENCE
        while not lost.is_set() and time.monotonic() < deadline:
            elsewhere(store, session="f" * 32)  # again, where a beat of ours was under way
            lost.wait(0.2)
        with pytest.raises(LeaseLostError, match=r"process .* on host gpu3"):
            heartbeat.check()


def test_a_heartbeat_follows_the_pace_of_the_run(store):
    lease = Lease.acquire(store, KEY, dead_after_seconds=3600)
    with Heartbeat(lease, interval_seconds=3600) as heartbeat:
        heartbeat.set_pace(interval_seconds=0.02, dead_after_seconds=60)
        start = lease_counter = read_lease(store, KEY)["counter"]
        deadline = time.monotonic() + 10 * PATIENCE
        while lease_counter < start + 5 and time.monotonic() < deadline:
            time.sleep(0.01)
            lease_counter = read_lease(store, KEY)["counter"]
        assert lease_counter >= start + 5
        heartbeat.check()


def test_a_holder_stops_when_a_write_takes_half_of_the_silence_that_means_death(store, monkeypatch):
    lease = Lease.acquire(store, KEY, dead_after_seconds=3600)
    now = iter(range(0, 1000, 2))  # each look at the clock is two seconds later
    monkeypatch.setattr(lease_module, "boot_clock", lambda: float(next(now)))
    lease.beat()
    lease.set_dead_after(2)
    with pytest.raises(LeaseLostError, match="silent, for 2 s"):
        lease.beat()


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        (None, 60),
        (b'{"fleet": {"dead_after_seconds": 7}}', 7),
        (b"{}", 60),
        (b'{"fleet": {"dead_after_seconds": "soon"}}', 60),
        (b'{"fleet": 3}', 60),
        (b"no JSON", 60),
    ],
)
def test_who_looks_at_a_run_knows_its_silence_that_means_death(store, config, seconds):
    if config is not None:
        store.put("config.json", config)
    assert configured_dead_after(store) == seconds


def test_heartbeat_goes_on_when_the_store_comes_back(store, monkeypatch):
    lease = Lease.acquire(store, KEY)
    real = store.put
    broken = threading.Event()
    broken.set()

    def put(key, data):
        if broken.is_set():
            raise StoreError("the mount is gone")
        real(key, data)

    monkeypatch.setattr(store, "put", put)
    with Heartbeat(lease, interval_seconds=0.02) as heartbeat:
        heartbeat.update(state="waiting")
        deadline = time.monotonic() + 5 * PATIENCE
        while not heartbeat.store_error and time.monotonic() < deadline:
            time.sleep(0.01)
        assert heartbeat.store_error == "the mount is gone"
        broken.clear()
        while read_lease(store, KEY)["state"] != "waiting" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert read_lease(store, KEY)["state"] == "waiting"


@pytest.mark.parametrize("num_failures", [5, 6])
def test_who_commits_asks_again_whether_the_lease_is_his(store, monkeypatch, num_failures):
    lease = Lease.acquire(store, KEY)
    answers = [StoreError("away")] * num_failures + [store.read(KEY)]

    def read(key):
        answer = answers.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    monkeypatch.setattr(store, "read", read)
    with pytest.raises(StoreError, match="away") if num_failures == 6 else nullcontext():
        lease.confirm()


def test_a_watch_goes_by_its_own_clock():
    now = [0.0]
    watch = LeaseWatch(60, clock=lambda: now[0])
    lease = {"session": "a", "counter": 1, "state": "active", "time": "1970-01-01"}
    assert watch.observe(KEY, lease)
    assert not watch.has_changed(KEY)
    now[0] = 59.0
    assert watch.observe(KEY, {**lease, "counter": 2})
    assert watch.has_changed(KEY)
    now[0] = 118.0
    assert watch.observe(KEY, {**lease, "counter": 2})
    now[0] = 119.0
    assert not watch.observe(KEY, {**lease, "counter": 2})
    assert watch.observe(KEY, {**lease, "session": "b", "counter": 0})
    assert not watch.observe(KEY, {**lease, "session": "b", "counter": 1, "state": "stopped"})


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 9}'])
def test_a_file_that_is_no_lease(store, data):
    store.put(KEY, data)
    with pytest.raises(DamagedError, match=r"workers/w0\.json"):
        Lease.acquire(store, KEY)


def test_an_unknown_state_is_refused(store):
    with pytest.raises(ValueError, match="not one of active"):
        Lease.acquire(store, KEY).beat(state="offline")
