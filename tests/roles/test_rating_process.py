"""Ratings run beside training, in a process that may be killed at any moment."""

import os
import signal
from pathlib import Path

import pytest
import run_kit

from zerofleet.run.stats import read_stats

SLOW = {"arena__eval_games": 20_000, "arena__opponents": '["minimax:4"]', "arena__depth": 4}
"""A rating that takes minutes."""


@pytest.fixture
def run(run):
    run.base = run_kit.RATED
    return run


def rating_processes(run):
    """Process ids of the ratings of this run, without their guardians."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        mine = str(run.directory) in words and "zerofleet.roles.rating" in words
        if mine and not any(word.endswith("guardian.py") for word in words):
            found.append(int(path.parent.name))
    return found


def elo_of(run):
    """Iterations by whether they have an Elo."""
    return {entry["iteration"]: "elo" in entry for entry in read_stats(run.store)}


def wait_for_rating(run):
    return run_kit.wait_for(lambda: rating_processes(run), "a rating to start")


def test_training_does_not_wait_for_a_rating(run):
    trainer = run.trainer(pacing__max_loops=10_000, **SLOW)
    worker = run.worker()
    run.wait_for_loop(1)
    assert elo_of(run)[0] is False
    (rating,) = wait_for_rating(run)
    assert os.getpriority(os.PRIO_PROCESS, rating) == 19
    # Both may be told to stop; the rating is left for the next start, if it is still of interest.
    assert (trainer.stop(), worker.stop()) == (0, 0)
    run_kit.wait_for(lambda: not rating_processes(run), "the rating to end")
    last = run.iteration()
    trainer, worker = run.resume(last + 1)
    assert (trainer.wait(), worker.wait()) == (0, 0)
    assert elo_of(run)[last] is True
    assert elo_of(run)[last + 1] is True
    # The entry was there before its Elo, and is there once.
    assert sorted(elo_of(run)) == [entry["iteration"] for entry in read_stats(run.store)]
    assert (run.directory / "games" / f"v{last + 2:04d}.txt").exists()
    run.audit()


def test_a_rating_that_dies_is_skipped_and_said(run):
    trainer = run.trainer(pacing__max_loops=1, **SLOW)
    (rating,) = wait_for_rating(run)
    os.kill(rating, signal.SIGKILL)
    trainer.wait_for_text("version 1 is not rated: killed by SIGKILL")
    assert elo_of(run) == {0: False}
    worker = run.worker()
    run.wait_for_loop(1)
    (rating,) = wait_for_rating(run)
    os.kill(rating, signal.SIGKILL)
    assert (trainer.wait(), worker.wait()) == (0, 0)
    assert elo_of(run) == {0: False, 1: False}
    # Started again, the newest version is rated.
    assert run.trainer(pacing__max_loops=1).wait() == 0
    assert elo_of(run) == {0: False, 1: True}
    run.audit()


def test_a_rating_ends_with_its_trainer(run):
    trainer = run.trainer(**SLOW)
    wait_for_rating(run)
    trainer.signal(signal.SIGKILL)
    run_kit.wait_for(lambda: not rating_processes(run), "the rating to end")
