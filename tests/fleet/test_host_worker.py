import signal

import pytest

from zerofleet.fleet.host import HostWorker
from zerofleet.fleet.host_figures import Owner
from zerofleet.fleet.spec import FleetSpec, WorkerSpec
from zerofleet.fleet.worker_command import start_mark
from zerofleet.run.store import DirectoryStore


class Link:
    """A host whose worker is in the given states, one after the other."""

    def __init__(self, *states):
        self._states = iter(states)

    def ask(self, verb, **_):
        assert verb == "state"
        return next(self._states)


@pytest.mark.parametrize(
    ("status", "word", "state"),
    [
        (-signal.SIGKILL, "killed by SIGKILL", "waiting"),
        (2, "exit status 2", "parked"),
        (None, "is gone without a word", "waiting"),
    ],
)
def test_how_a_worker_ended_may_come_after_its_end(tmp_path, monkeypatch, status, word, state):
    """It is written down on the host when the process is gone already."""
    monkeypatch.setattr("zerofleet.fleet.host.LOOK_SECONDS", 0.0)
    spec, owner = WorkerSpec(name="w0", host="there"), Owner("run", "session", "here")
    events = []
    worker = HostWorker(DirectoryStore(tmp_path), spec, FleetSpec(), owner, on_event=events.append)
    record = {"id": "7", "pid": 100, "spec": start_mark(spec)}
    plays = {
        "runs": True,
        "worker": record,
        "owner": {"session": "session"},
        "free_bytes": 1 << 40,
    }
    gone = {**plays, "runs": False, "ended": None, "tail": "its last words"}
    link = Link(plays, gone, {**gone, "ended": status})
    for _ in range(3):
        assert not worker._look_after_worker(link)
    assert [event.kind for event in events] == ["started", "parked" if status == 2 else "failed"]
    assert word in events[1].text
    assert worker.child.state == state
    assert worker.child.num_failures == 1
