"""When a trainer ends: at once, soon, and how long what it is doing may still take."""

import threading

import pytest
import run_kit
from synchronous import check_complete

from zerofleet.roles.ending import Ending
from zerofleet.run.layout import DATA, TRAINER_LEASE
from zerofleet.run.lease import read_lease
from zerofleet.run.stats import read_stats
from zerofleet.run.stop import request_stop, stop_requested
from zerofleet.run.store import DirectoryStore


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ending(tmp_path, clock):
    """Of a run of ten minutes: what is being done may take one minute more."""
    return Ending(DirectoryStore(tmp_path), threading.Event(), minutes=10, clock=clock)


def test_it_ends_when_the_time_is_over(ending, clock):
    clock.now += 599
    assert not ending.is_over()
    clock.now += 1
    assert ending.is_over()
    assert ending.is_time_over()
    assert not ending.is_told()


def test_it_ends_when_somebody_writes_stop(ending, clock, tmp_path):
    assert not ending.is_over()
    request_stop(DirectoryStore(tmp_path))
    clock.now += 1
    assert ending.is_over()
    assert not ending.is_time_over()


def test_a_run_whose_loops_are_done_takes_its_time(ending, clock, tmp_path):
    """The STOP that the trainer itself writes is for the workers."""
    ending.request_stop("all loops are done")
    assert stop_requested(DirectoryStore(tmp_path))
    ending.begin()  # matches of the last version
    clock.now += 599
    assert not ending.is_over()
    assert not ending.is_too_long()
    clock.now += 1
    assert ending.is_over()  # of the time given there is no more


def test_told_by_a_signal_nothing_may_take_longer(tmp_path, clock):
    told = threading.Event()
    ending = Ending(DirectoryStore(tmp_path), told, clock=clock)
    ending.begin()
    clock.now += 1e6
    assert not ending.is_over()
    assert not ending.is_too_long(0.99)
    told.set()
    assert ending.is_over()
    assert ending.is_too_long(0.99)


@pytest.mark.parametrize(("share", "is_too_long"), [(0.001, True), (0.6, True), (0.75, False)])
def test_a_loop_that_is_nearly_done_is_finished(ending, clock, share, is_too_long):
    clock.now += 420
    ending.begin()
    clock.now += 120
    assert not ending.is_too_long(share)
    clock.now += 60  # time is over; so much was done in three minutes
    assert ending.is_too_long(share) == is_too_long
    assert not ending.is_too_long(0.99)
    clock.now += 61
    assert ending.is_too_long(0.99)  # it did not keep what it promised


def test_what_begins_after_the_end_has_its_time_too(ending, clock):
    clock.now += 650
    assert ending.is_over()
    ending.begin()  # matches
    clock.now += 59
    assert not ending.is_too_long()
    clock.now += 2
    assert ending.is_too_long()


def test_a_short_run_has_half_a_minute(tmp_path, clock):
    ending = Ending(DirectoryStore(tmp_path), threading.Event(), minutes=0.1, clock=clock)
    assert ending.allowance_seconds == 30


def stop_while_training(run, **settings):
    """A trainer that would train for hours is told to stop as soon as it does."""
    worker = run.worker("w0")
    trainer = run.trainer(**settings)

    def has_trained():
        progress = (read_lease(run.store, TRAINER_LEASE) or {}).get("progress", {})
        return progress.get("phase") == "training" and progress.get("share", 0) > 0

    run_kit.wait_for(has_trained, "some training")
    request_stop(run.store)
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0
    return trainer


def go_on(run, max_loops):
    trainer, worker = run.resume(max_loops)
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0


def test_tree_search_cuts_a_long_loop_short(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path, base=run_kit.TINY_TREES, recipe="tic_tac_toe")
    try:
        stop_while_training(run, replay__passes_per_sample=10_000)
        assert run.iteration() == 1  # what was trained counts
        check_complete(run, 1)
        run.settings["replay.passes_per_sample"] = 2
        go_on(run, 2)
        check_complete(run, 2)
    finally:
        run.end()


def test_alpha_beta_gives_a_long_loop_up_and_keeps_its_games(run):
    trainer = stop_while_training(run, training__train_epochs=100_000)
    assert "loop 1 was not finished; its games are kept for it" in trainer.text()
    assert run.iteration() == 0
    waiting = set(run.names(DATA))
    assert waiting
    run.settings["training.train_epochs"] = 1
    go_on(run, 1)
    assert run.iteration() == 1
    assert read_stats(run.store)[-1]["positions"] > 0
    assert not waiting & set(run.names(DATA))
    run.audit()
