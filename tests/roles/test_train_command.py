"""`zerofleet train` killed and stopped: nobody is left behind, and the same command goes on."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest
import run_kit

from support import PATIENCE
from zerofleet.run.lease import read_lease
from zerofleet.run.stats import read_stats

MARK = "ZEROFLEET_TEST_COMMAND"
"""In the environment of all that a command starts."""
PATIENCE_SECONDS = 200.0 * PATIENCE
"""Each role is a new process that loads torch, and workers yield to everybody else."""


def train(run, max_loops=10_000, workers=1, **settings):
    """The command as a user starts it, tiny."""
    keys = {**run_kit.RATED, "pacing.max_loops": max_loops, "arena.final_games": 0}
    keys |= {name.replace("__", "."): value for name, value in settings.items()}
    return run.start(
        "train",
        "ultimate_ttt",
        f"--run-dir={run.directory}",
        f"--workers={workers}",
        "--threads=1",
        "--device=cpu",
        *(f"--set={key}={value}" for key, value in keys.items()),
        env={MARK: f"{run.directory}#{len(run.roles)}"},
    )


def children(run, command=None):
    """Process ids of what a command, or all of this run, ever started and that still runs."""
    number = "" if command is None else f"{run.roles.index(command)}\0"
    mark = f"{MARK}={run.directory}#{number}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def states(run):
    """What the roles say about themselves."""
    keys = ["trainer.json", *(f"workers/{p.name}" for p in (run.directory / "workers").iterdir())]
    return {key: read_lease(run.store, key)["state"] for key in keys}


def check_sound(run, watcher):
    """Every game delivered counts once, every loop has one entry."""
    run.audit(watcher.delivered())
    loops = [entry["iteration"] for entry in read_stats(run.store)]
    assert loops == list(range(run.iteration() + 1))


@pytest.mark.timeout(600)
def test_killed_and_stopped(run):
    watcher = run_kit.Watcher(run)
    watcher.start()
    first = train(run, arena__eval_games=0)
    run.wait_for_loop(1, PATIENCE_SECONDS)
    assert len(children(run)) >= 4  # trainer and worker, each with its guardian
    first.signal(signal.SIGKILL)
    first.wait()
    # At once again, while what the first one left behind is ending.
    second = train(run, arena__eval_games=0)
    run_kit.wait_for(lambda: not children(run, first), "the orphans to end")
    run.wait_for_loop(run.iteration() + 2, PATIENCE_SECONDS)
    second.signal(signal.SIGTERM)
    assert second.wait(PATIENCE_SECONDS) == 130
    assert children(run) == []
    assert set(states(run).values()) == {"stopped"}
    assert len(states(run)) == 2  # the worker was found again under its old name
    assert "Stopped. Go on with: zerofleet train ultimate_ttt" in second.text()
    check_sound(run, watcher)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_campaign_of_kills_and_stops(run):
    watcher = run_kit.Watcher(run)
    watcher.start()
    rng = random.Random(1)
    for _ in range(20):
        # Sometimes before there is anything, mostly in the middle of the work.
        number = rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        command = train(run, workers=2)
        if rng.random() < 0.8:
            run.wait_for_loop(run.iteration() + 1, PATIENCE_SECONDS)
        time.sleep(rng.uniform(0, 2))
        command.signal(number)
        status = command.wait(PATIENCE_SECONDS)
        if number == signal.SIGKILL:
            assert status == -signal.SIGKILL
        else:
            assert status == 130, command.text()
            # Those of a command that was killed before may still be ending.
            assert children(run, command) == []
    done = run.iteration() + 2
    assert train(run, done, workers=2).wait(PATIENCE_SECONDS) == 0
    run_kit.wait_for(lambda: not children(run), "everything to end")
    assert run.iteration() == done
    assert set(states(run).values()) == {"stopped"}
    assert len(states(run)) == 3
    check_sound(run, watcher)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_command_that_is_killed_with_its_guardians(run):
    """Even then the roles end: the kernel tells them."""
    watcher = run_kit.Watcher(run)
    watcher.start()
    first = train(run)
    run.wait_for_loop(1, PATIENCE_SECONDS)
    guardians = [
        pid for pid in children(run) if b"guardian.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert guardians
    first.signal(signal.SIGSTOP)
    for pid in guardians:
        os.kill(pid, signal.SIGKILL)
    first.signal(signal.SIGKILL)
    first.wait()
    run_kit.wait_for(lambda: not children(run), "the roles to end")
    assert train(run, run.iteration() + 1).wait(PATIENCE_SECONDS) == 0
    check_sound(run, watcher)
