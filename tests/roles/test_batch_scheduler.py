"""The scripts of examples/slurm as Slurm runs them: environment, SIGTERM, a time of grace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import run_kit
from run_kit import wait_for

from support import PATIENCE, read_only
from zerofleet.records.account import shard_account
from zerofleet.run.layout import DATA
from zerofleet.run.lease import read_lease

SCRIPTS = Path(__file__).parents[2] / "examples" / "slurm"
GRACE_SECONDS = 30 * PATIENCE
"""Slurm's default, KillWait."""


@pytest.fixture
def slurm(run):
    """Starts a task of the array; ends what still runs."""
    tasks = []

    def start(index):
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RUN": str(run.directory),
            "SLURM_JOB_NAME": "zerofleet",
            "SLURM_ARRAY_TASK_ID": str(index),
            "SLURM_CPUS_PER_TASK": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "XDG_STATE_HOME": str(run.home / "state"),
        }
        log = (run.home / f"slurm-{len(tasks)}.log").open("wb")
        with log:
            tasks.append(
                subprocess.Popen(
                    ["bash", str(SCRIPTS / "workers.sbatch")],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
        return tasks[-1]

    yield start
    for task in tasks:
        task.kill()
        task.wait()


def is_playing(run, worker):
    lease = read_lease(run.store, f"workers/{worker}.json")
    return lease is not None and lease["rates"].get("games_per_second", 0) > 0


def end_in_grace(task):
    """As at the end of a job's time; the seconds it took."""
    began = time.monotonic()
    task.send_signal(signal.SIGTERM)  # exec in the script: this is the worker
    assert task.wait(GRACE_SECONDS) == 0
    return time.monotonic() - began


def test_sigterm_saves_the_finished_games_in_the_time_of_grace(run, slurm):
    # One batch is longer than any job.
    run.settings |= {"selfplay.games_per_batch": 1_000_000, "pacing.min_new_positions": 10**9}
    run.trainer()
    run.wait_for_loop(0)
    task = slurm(3)
    wait_for(lambda: is_playing(run, "zerofleet-3"), "finished games")
    end_in_grace(task)
    (name,) = run.names(DATA)
    assert "_zerofleet-3_" in name
    assert 0 < len(shard_account(run.store.read(DATA + name)).game_numbers) < 1_000_000
    run.audit()


@pytest.mark.long
def test_sigterm_of_tree_search_saves_the_games_of_a_batch_that_is_not_full(run, slurm):
    run.base, run.recipe = run_kit.TINY_TREES, "connect_four"
    run.settings |= {
        "pacing.games_per_iteration": 0,
        "pacing.min_new_positions": 10**9,
        "selfplay.games_per_batch": 100,
        "selfplay.num_parallel_games": 64,
    }
    run.trainer()
    run.wait_for_loop(0)
    task = slurm(5)
    run.wait_for_shards()
    end_in_grace(task)
    games = [len(shard_account(run.store.read(DATA + n)).game_numbers) for n in run.names(DATA)]
    assert max(games) >= 100  # those that end in the same round belong to it
    assert min(games) > 0
    assert run.audit().num_games_pending == sum(games)
    assert "stopped: signal" in (run.home / "slurm-0.log").read_text()


def test_sigterm_while_the_run_is_away_spools_and_the_next_start_delivers(run, slurm):
    run.settings |= {"selfplay.games_per_batch": 1_000_000, "pacing.min_new_positions": 10**9}
    trainer = run.trainer()
    run.wait_for_loop(0)
    task = slurm(0)
    wait_for(lambda: is_playing(run, "zerofleet-0"), "finished games")
    assert trainer.stop() == 0
    with read_only(run.directory):
        end_in_grace(task)
        (spooled,) = (run.home / "state").rglob("*.npz")
        games = len(shard_account(spooled.read_bytes()).game_numbers)
        assert games > 0
    assert run.names(DATA) == []
    task = slurm(0)
    wait_for(lambda: spooled.name in run.names(DATA), "the spool to be delivered")
    assert len(shard_account(run.store.read(DATA + spooled.name)).game_numbers) == games
    end_in_grace(task)
    run.audit()


def test_scripts_say_what_is_missing():
    for script in ("workers.sbatch", "trainer.sbatch"):
        done = subprocess.run(
            ["bash", str(SCRIPTS / script)],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        assert "set RUN to the run directory" in done.stderr
