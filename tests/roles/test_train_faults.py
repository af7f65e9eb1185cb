"""`zerofleet train` with workers that fail: replaced, and in the end the games are those asked."""

import os
import signal
from pathlib import Path

import pytest
import run_kit
from run_kit import wait_for
from synchronous import check_complete
from test_worker_faults import game_file

from support import PATIENCE
from zerofleet.run.lease import read_lease
from zerofleet.run.series import read_series
from zerofleet.run.stats import read_stats

PATIENCE_SECONDS = 300.0 * PATIENCE
"""Each role is a new process that loads torch, and workers yield to everybody else."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def tree_run(forge, tmp_path):
    base = {**run_kit.TINY_TREES, "pacing.max_loops": 2, "search.num_simulations": 64}
    base["fleet.dead_after_seconds"] = 8 * PATIENCE
    run = run_kit.Run(forge, tmp_path, base=base, recipe="tic_tac_toe")
    yield run
    run.end()


def train(run, workers, *flags, fault=""):
    """The command as a user starts it; its roles, at each start, have the fault."""
    return run.start(
        "train",
        run.recipe,
        *flags,
        f"--run-dir={run.directory}",
        f"--workers={workers}",
        "--threads=1",
        "--device=cpu",
        *(f"--set={key}={value}" for key, value in run.base.items()),
        env={"ZEROFLEET_FAULT": fault},
    )


def worker_lease(run):
    paths = list((run.directory / "workers").glob("*-0.json"))
    return read_lease(run.store, f"workers/{paths[0].name}") if paths else None


def test_workers_that_run_out_of_memory_again_and_again(tree_run):
    # Each has delivered some games when it fails, so that none of these failures is in a row.
    command = train(tree_run, 1, fault="worker.before_evaluate:500:MemoryError")
    assert command.wait(PATIENCE_SECONDS) == 0, command.text()
    assert "exit status 1, starts again in 1 s; log: " in command.text()
    assert "MemoryError: fault point worker.before_evaluate" in command.text()
    assert "starts again in 2 s" not in command.text()
    check_complete(tree_run, 2)


def test_a_worker_that_is_suspended(tree_run):
    command = train(tree_run, 2, fault="worker.before_submit:2:freeze")
    wait_for(
        lambda: (len(read_stats(tree_run.store)) == 3) or command.poll() is not None,
        "two iterations",
        PATIENCE_SECONDS,
    )
    assert command.wait(PATIENCE_SECONDS) == 0, command.text()
    seconds = 1.5 * tree_run.base["fleet.dead_after_seconds"]
    words = f"was suspended (SIGSTOP) for {seconds:.0f} s and was killed, starts again in"
    assert words in command.text()
    check_complete(tree_run, 2)


def test_a_worker_that_somebody_kills(tree_run):
    command = train(tree_run, 2)
    lease = wait_for(
        lambda: (lease := worker_lease(tree_run)) and lease["state"] == "active" and lease,
        "a worker to play",
        PATIENCE_SECONDS,
    )
    os.kill(lease["pid"], signal.SIGKILL)
    assert command.wait(PATIENCE_SECONDS) == 0, command.text()
    assert "killed by SIGKILL (the kernel does this when memory runs out)" in command.text()
    check_complete(tree_run, 2)


def test_a_game_that_always_fails_ends_the_run(tree_run):
    tree_run.recipe = game_file(tree_run.home, 'raise KeyError("stone")', when="True")
    command = train(tree_run, 2)
    assert command.wait(PATIENCE_SECONDS) == 1, command.text()
    said = command.text()
    assert said.count("6 times in a row, not started again") == 2
    end = said[said.index("every worker failed again and again, so the run is stopped:") :]
    assert end.count("exit status 1: KeyError: 'stone'") == 2
    assert "raised by your legal_actions(position)" in end
    assert "go on with: zerofleet train" in end
    notes = [e["text"] for e in read_series(tree_run.directory / "logs", "trainer") if "text" in e]
    assert any("which failed (KeyError: 'stone')" in text for text in notes)
    assert tree_run.iteration() == 0
    assert not list(Path(tree_run.directory / "rejected").iterdir())


def test_the_time_given_is_that_of_the_command(run):
    """A trainer that is killed and started again has no more of it."""
    run.base = {**run_kit.TINY, "pacing.max_loops": 100_000}
    command = train(run, 1, "--minutes=0.5", fault="commit.after_latest:4")
    assert command.wait(PATIENCE_SECONDS) == 0, command.text()
    assert "[trainer] killed by SIGKILL" in command.text()
    assert run.iteration() >= 2
    run.audit()


def test_the_games_of_the_last_table_may_be_skipped(run):
    run.base = {**run_kit.RATED, "pacing.max_loops": 1, "arena.final_games": 1_000_000}
    command = train(run, 1)
    wait_for(lambda: "Measuring version 2" in command.text(), "the games", PATIENCE_SECONDS)
    command.signal(signal.SIGINT)
    assert command.wait(PATIENCE_SECONDS) == 0, command.text()
    _, end = command.text().split("Not measured to the end; the last rating:")
    assert "Strength of version 2" in end
    assert "Learning curve: " in end


def test_a_trainer_that_does_not_look_at_the_clock(run):
    """It hangs before it trains; the command ends all the same, and the games are kept."""
    run.base = run_kit.TINY
    command = train(run, 1, "--minutes=0.4", fault="trainer.before_train:1:hang")
    assert command.wait(PATIENCE_SECONDS) == 0, command.text()
    assert "the trainer does not end: it is stopped" in command.text()
    assert run.iteration() == 0
    assert run.audit().num_games_pending > 0
