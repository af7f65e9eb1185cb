import json
import os
import signal
import subprocess

import pytest

from zerofleet.fleet.vitals import LeaseVitals
from zerofleet.run.layout import CONFIG, LATEST, worker_lease_key
from zerofleet.run.lease import Lease
from zerofleet.run.process import ProcessIdentity, start_time
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def run(tmp_path):
    store, now = DirectoryStore(tmp_path), [100.0]
    store.put(CONFIG, json.dumps({"fleet": {"dead_after_seconds": 10}}).encode())
    return store, LeaseVitals(store, clock=lambda: now[0]), now


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["/bin/sleep", "600"])
    yield process
    process.kill()
    process.wait()


def lease_of(store, process):
    """A lease that says it is held by this process."""
    key = worker_lease_key("w0")
    Lease.acquire(store, key)
    document = json.loads(store.read(key))
    document |= {"pid": process.pid, "process_start": start_time(process.pid)}
    store.put(key, json.dumps(document).encode())


def suspend(process):
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


def test_a_suspended_worker_is_in_trouble_after_a_while(run, sleeper):
    store, vitals, now = run
    assert vitals.trouble("w0") == ""  # no lease yet
    lease_of(store, sleeper)
    for _ in range(100):
        now[0] += 1
        assert vitals.trouble("w0") == ""  # silent, but it runs
    suspend(sleeper)
    for _ in range(14):
        now[0] += 1
        assert vitals.trouble("w0") == ""
    now[0] += 1
    assert vitals.trouble("w0") == "was suspended (SIGSTOP) for 15 s"


def test_it_may_go_on(run, sleeper):
    store, vitals, now = run
    lease_of(store, sleeper)
    for _ in range(5):
        suspend(sleeper)
        for _ in range(10):
            now[0] += 1
            assert vitals.trouble("w0") == ""
        os.kill(sleeper.pid, signal.SIGCONT)
        os.waitpid(sleeper.pid, os.WCONTINUED)
        now[0] += 1
        assert vitals.trouble("w0") == ""


def test_an_observer_that_was_away_saw_nothing(run, sleeper):
    store, vitals, now = run
    lease_of(store, sleeper)
    vitals.trouble("w0")
    suspend(sleeper)
    now[0] += 1000  # the laptop was closed
    assert vitals.trouble("w0") == ""


def test_a_process_that_is_gone_is_not_suspended(sleeper):
    here = ProcessIdentity.current()
    assert not here.is_suspended()
    other = ProcessIdentity(here.host, here.boot_id, here.pid_namespace, sleeper.pid, 1)
    suspend(sleeper)
    assert not other.is_suspended()  # the id is another process's by now
    assert other.is_gone()


def test_what_lasts_is_progress(run):
    store, vitals, _ = run
    assert vitals.progress("trainer") is None
    store.put(LATEST, b"one")
    first = vitals.progress("trainer")
    store.put(LATEST, b"two")
    assert vitals.progress("trainer") != first

    assert vitals.progress("w0") is None
    lease = Lease.acquire(store, worker_lease_key("w0"))
    lease.reserve(5)
    assert vitals.progress("w0") is None  # numbers are not games
    lease.beat(totals={"batches": 1})
    first = vitals.progress("w0")
    lease.beat(totals={"batches": 2})
    second = vitals.progress("w0")
    assert None not in (first, second)
    assert first != second
    lease.release()
    Lease.acquire(store, worker_lease_key("w0"))
    assert vitals.progress("w0") == second  # the next session has delivered nothing yet
