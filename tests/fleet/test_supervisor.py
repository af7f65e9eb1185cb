import subprocess
import sys
import time

from support import PATIENCE
from zerofleet.fleet.launcher import Command
from zerofleet.fleet.local import LocalLauncher
from zerofleet.fleet.supervisor import RestartPolicy, Supervisor


class ScriptedHandle:
    pid = 1234

    def __init__(self, statuses):
        self.statuses = statuses
        self.asked = []

    def poll(self):
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def terminate(self):
        self.asked.append("terminate")

    def kill(self):
        self.asked.append("kill")
        self.statuses[:] = [-9]


class ScriptedLauncher:
    """Each start takes the next script: the answers of poll."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.handles = []

    def start(self, command):
        script = self.scripts.pop(0)
        if isinstance(script, OSError):
            raise script
        self.handles.append(ScriptedHandle(script))
        return self.handles[-1]


class ScriptedVitals:
    def __init__(self):
        self.said, self.achieved = "", None

    def trouble(self, name):
        return self.said

    def progress(self, name):
        return self.achieved


def supervise(tmp_path, launcher, vitals=None, **policy):
    now, events = [0.0], []
    supervisor = Supervisor(
        launcher,
        [Command("worker w0", ("worker",), tmp_path / "w0.log")],
        policy=RestartPolicy(**policy),
        vitals=vitals,
        on_event=events.append,
        clock=lambda: now[0],
    )
    return supervisor, now, events


def test_restarts_with_growing_pauses_and_says_why(tmp_path):
    (tmp_path / "w0.log").write_text("...\nMemoryError: no more\n")
    launcher = ScriptedLauncher([1], [-11], [None])
    supervisor, now, events = supervise(tmp_path, launcher)
    supervisor.poll()
    supervisor.poll()
    assert [event.kind for event in events] == ["started", "failed"]
    assert events[-1].text.startswith("exit status 1, starts again in 1 s; log: ")
    assert events[-1].text.endswith("...\nMemoryError: no more")
    assert events[-1].reason == "MemoryError: no more"
    now[0] = 0.9
    assert supervisor.poll()
    assert len(launcher.handles) == 1
    now[0] = 1.0
    supervisor.poll()
    supervisor.poll()
    assert "killed by SIGSEGV, starts again in 2 s" in events[-1].text
    now[0] = 3.0
    supervisor.poll()
    assert events[-1].text == "started (process 1234, start 3)"


def test_parks_after_failures_in_a_row(tmp_path):
    launcher = ScriptedLauncher([1], OSError(2, "no such file"), [1])
    supervisor, now, events = supervise(tmp_path, launcher, max_failures=3)
    while supervisor.poll():
        now[0] += 10
    assert supervisor.children[0].state == "parked"
    assert "3 times in a row, not started again" in events[-1].text
    assert any("cannot be started" in event.text for event in events)


def test_a_long_life_forgives_earlier_failures(tmp_path):
    launcher = ScriptedLauncher([1], [None, 1], [None])
    supervisor, now, events = supervise(tmp_path, launcher)
    supervisor.poll()
    supervisor.poll()
    now[0] = 1.0
    supervisor.poll()
    now[0] = 100.0
    supervisor.poll()
    supervisor.poll()
    assert "starts again in 1 s" in events[-1].text


def test_a_long_life_without_progress_forgives_nothing(tmp_path):
    vitals = ScriptedVitals()
    launcher = ScriptedLauncher(*([None, 1] for _ in range(9)))
    supervisor, now, events = supervise(tmp_path, launcher, vitals, max_failures=3)
    for achieved in (1, 1, 2, 2, 2):  # of a worker: the shards it has delivered
        vitals.achieved = achieved
        supervisor.poll()  # starts it
        supervisor.poll()
        now[0] += 1000
        supervisor.poll()  # it failed
        now[0] += 1000
    pauses = [event.text.split(" in ")[1] for event in events if event.kind == "failed"]
    assert [pause.split(" s;")[0] for pause in pauses] == ["1", "2", "1", "2"]
    assert events[-1].kind == "parked"
    assert "3 times in a row" in events[-1].text


def test_what_is_in_trouble_is_killed_and_started_again(tmp_path):
    vitals = ScriptedVitals()
    launcher = ScriptedLauncher([None], [None])
    supervisor, now, events = supervise(tmp_path, launcher, vitals)
    supervisor.poll()
    supervisor.poll()
    vitals.said = "was suspended"
    supervisor.poll()
    assert launcher.handles[0].asked == ["kill"]
    assert events[-1].kind == "failed"
    assert events[-1].text.startswith("was suspended and was killed, starts again in 1 s")
    vitals.said = ""
    now[0] = 1.0
    supervisor.poll()
    assert events[-1].kind == "started"


def test_a_usage_error_is_not_repeated(tmp_path):
    supervisor, _, events = supervise(tmp_path, ScriptedLauncher([2]))
    supervisor.poll()
    assert not supervisor.poll()
    assert events[-1].kind == "parked"


def test_a_clean_end_is_final(tmp_path):
    supervisor, _, events = supervise(tmp_path, ScriptedLauncher([0]))
    supervisor.poll()
    assert not supervisor.poll()
    assert events[-1].kind == "finished"


def test_stops_real_processes_in_bounded_time(tmp_path):
    scripts = {
        "polite": "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        "stubborn": "trap '' TERM; echo ready; while :; do sleep 0.05; done",
    }
    events = []
    supervisor = Supervisor(
        LocalLauncher(),
        [Command(n, ("/bin/sh", "-c", s), tmp_path / n) for n, s in scripts.items()],
        on_event=events.append,
    )
    supervisor.poll()
    end = time.monotonic() + 30 * PATIENCE
    while any((tmp_path / name).read_text() != "ready\n" for name in scripts):
        assert time.monotonic() < end
        time.sleep(0.02)
    start = time.monotonic()
    supervisor.stop(grace_seconds=2 * PATIENCE)
    assert time.monotonic() - start < 20 * PATIENCE
    assert {event.name: event.kind for event in events[2:]} == {
        "polite": "finished",
        "stubborn": "killed",
    }
    assert not supervisor.poll()


RUNS_UNTIL_TOLD = """
import os, signal, sys, threading
from pathlib import Path
from zerofleet.fleet.launcher import Command
from zerofleet.fleet.local import LocalLauncher
from zerofleet.fleet.supervisor import Supervisor, stop_signals

before = signal.getsignal(signal.SIGTERM)
with stop_signals() as stop:
    supervisor = Supervisor(
        LocalLauncher(), [Command("w0", ("/bin/sleep", "60"), Path(sys.argv[1]))]
    )
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    supervisor.run(stop.is_set, poll_seconds=0.02, grace_seconds=5)
assert signal.getsignal(signal.SIGTERM) == before
print(supervisor.children[0].reason)
"""


def test_runs_until_told_to_stop(tmp_path):
    # A process of its own: libraries that other tests load take signals, too.
    command = [sys.executable, "-c", RUNS_UNTIL_TOLD, str(tmp_path / "w0.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "killed by SIGTERM"


def test_at_the_end_of_a_run_commands_end_by_themselves(tmp_path):
    launcher = ScriptedLauncher([None, None, 3])
    supervisor, _, events = supervise(tmp_path, launcher)
    supervisor.poll()
    supervisor.wait(60)  # the clock of this test stands still
    assert [event.kind for event in events] == ["started"]  # and not again
    assert supervisor.children[0].state == "finished"
    assert launcher.handles[0].asked == []
