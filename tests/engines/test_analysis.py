"""The search behind our engines: limits, tree, reports. Time is that of a made-up clock."""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import zerofleet
from zerofleet.engines.analysis import Analysis, Report
from zerofleet.engines.control import Control
from zerofleet.games.evaluation import Evaluation, LeafBatch, random_evaluator

CHESS = zerofleet.load_game("chess")
STEP_SECONDS = 0.125
"""An evaluation takes so long, exactly."""


@pytest.fixture
def clock(monkeypatch):
    """Time that passes while a net is evaluated, and then alone."""

    class Clock:
        now = 0.0

        def evaluator(self, batch: LeafBatch) -> Evaluation:
            self.now += STEP_SECONDS
            return random_evaluator(batch)

    clock = Clock()
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


def analysis_of(evaluator=random_evaluator, position: str = "startpos", **options) -> Analysis:
    analysis = Analysis(CHESS, evaluator, **{"memory_mib": 16, **options})
    analysis.set_position(CHESS.parse(position))
    return analysis


def counting(after: int, do: Callable[[], None]):
    """An evaluator that does something in its n-th call, and the number of its calls."""
    calls = []

    def evaluator(batch: LeafBatch) -> Evaluation:
        calls.append(len(batch))
        if len(calls) == after:
            do()
        return random_evaluator(batch)

    return evaluator, calls


@pytest.mark.parametrize("count", [1, 7, 8, 100])
def test_simulations_are_counted_exactly(count):
    found = analysis_of().search(Control(simulations=count))
    assert found.simulations == count
    assert sum(line.visits for line in found.lines) == count
    visits = [line.visits for line in found.lines]
    assert visits == sorted(visits, reverse=True)


def test_it_stops_after_the_batch_that_is_being_evaluated():
    control = Control(simulations=10**6)
    evaluator, calls = counting(20, control.stop)
    found = analysis_of(evaluator).search(control)
    assert len(calls) == 20
    assert found.simulations < 20 * 8


def test_time_is_never_exceeded_by_a_step(clock):
    for seconds in (1.0, 1.1, 3.0):
        analysis, begun = analysis_of(clock.evaluator), clock.now
        analysis.search(Control(seconds=seconds))
        assert seconds - 2 * STEP_SECONDS <= clock.now - begun <= seconds


def test_without_time_there_is_one_step(clock):
    found = analysis_of(clock.evaluator).search(Control(seconds=0.0))
    assert found.simulations == 1


def test_held_time_begins_when_it_is_released(clock):
    control = Control(seconds=2.0, hold=True)

    def evaluator(batch: LeafBatch) -> Evaluation:
        found = clock.evaluator(batch)
        if clock.now == 10.0:
            control.release()
        return found

    analysis_of(evaluator).search(control)
    assert 11.0 <= clock.now <= 12.0


@pytest.mark.parametrize("shorter", [True, False])
def test_clocks_are_saved_where_more_time_changes_nothing(clock, shorter):
    """One legal move, or one that the others cannot catch up with."""
    only = analysis_of(clock.evaluator, "k7/7p/8/8/8/8/1r6/K7 w - - 0 1")
    only.search(Control(seconds=5.0, may_be_shorter=shorter))
    assert (clock.now < 1.0) == shorter

    def certain(batch: LeafBatch) -> Evaluation:
        """Of the first move of each position."""
        found = clock.evaluator(batch)
        counts = np.diff(batch.legal_start)
        prior = np.repeat(0.1 / counts, counts).astype(np.float32)
        prior[batch.legal_start[:-1]] += 0.9
        return Evaluation(prior, 0.1 * found.value)

    begun = clock.now
    analysis_of(certain).search(Control(seconds=20.0, may_be_shorter=shorter))
    assert (clock.now - begun < 12.0) == shorter


def test_reports_come_at_a_sensible_rate(clock):
    told: list[Report] = []
    analysis_of(clock.evaluator).search(Control(seconds=20.0), report=told.append)
    times = [report.seconds for report in told]
    assert all(0.1 <= b - a <= 1.0 + STEP_SECONDS for a, b in pairwise(times))
    assert 15 < len(told) < 120
    assert all(r.lines and r.deepest >= r.depth >= 1 and 0 <= r.full <= 1 for r in told)
    counts = [report.simulations for report in told]
    assert counts == sorted(counts)


def test_a_full_tree_ends_the_search_unless_it_is_held():
    analysis = analysis_of()
    found = analysis.search(Control())
    assert found.full == 1.0
    control = Control(hold=True)
    done = []
    thread = threading.Thread(target=lambda: done.append(analysis.search(control)))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    control.stop()
    thread.join(30)
    assert done[0].lines[0].visits > 0
    # The next position is searched all the same, whatever was kept.
    analysis.set_position(CHESS.initial_state(), found.lines[0].actions[:1])
    assert analysis.search(Control(simulations=50)).simulations == 50


def test_positions_that_go_on_keep_the_tree_and_others_do_not():
    analysis = analysis_of()
    start = CHESS.initial_state()

    def visits() -> int:
        return sum(line.visits for line in analysis.search(Control(simulations=10)).lines)

    line = analysis.search(Control(simulations=500)).lines[0].actions
    analysis.set_position(start, line[:2])
    kept = visits()
    assert kept > 12
    analysis.set_position(start, line[:2])
    assert visits() == kept + 10
    analysis.set_position(start, line[:1])  # back
    assert visits() == 10
    analysis.forget()
    assert visits() == 10
    with pytest.raises(ValueError, match=r"is not legal|illegal"):
        analysis.set_position(start, [0, 0])
    assert visits() == 20  # as before


def test_a_failed_evaluation_ends_its_search_and_no_other():
    """Such as a GPU that is out of memory once."""

    def fail() -> None:
        raise RuntimeError("out of memory")

    for failing_call in (1, 5):
        evaluator, _ = counting(failing_call, fail)
        analysis = analysis_of(evaluator)
        with pytest.raises(RuntimeError, match="out of memory"):
            analysis.search(Control(simulations=100))
        found = analysis.search(Control(simulations=100))
        assert found == replace(
            analysis_of().search(Control(simulations=100)), seconds=found.seconds
        )


def test_a_search_that_finds_nothing_new_ends():
    """Every line ends the game after three plies; no mean depth of 40 will ever be reached."""
    game = zerofleet.load_game("tic_tac_toe")
    state = game.initial_state()
    for action in (0, 4, 8, 2, 6, 7):
        state.apply(action)
    analysis = Analysis(game, random_evaluator, memory_mib=16)
    analysis.set_position(state)
    found = analysis.search(Control(depth=40))
    assert found.simulations < 10_000
    assert found.deepest <= 3


def test_draws_are_what_the_net_and_the_rules_say():
    def drawish(batch: LeafBatch) -> Evaluation:
        found = random_evaluator(batch)
        wdl = np.tile(np.array([[0.2, 0.5, 0.3]], np.float32), (len(batch), 1))
        return Evaluation(found.prior, found.value, wdl)

    position = "7k/5Q2/5K2/8/8/8/8/8 w - - 0 1"
    for evaluator, open_draw in ((drawish, 0.5), (random_evaluator, 0.0)):
        analysis = analysis_of(evaluator, position)
        state = analysis.state

        def draw(text: str) -> float:
            return analysis.draw_probability(CHESS.action_from_text(state, text))  # noqa: B023

        assert draw("Kg6") == 1.0  # stalemate
        assert draw("Qh5+") == open_draw
        assert draw("Qg7#") == 0.0


def test_an_immediate_win_needs_no_search():
    evaluator, calls = counting(0, lambda: None)
    analysis = analysis_of(evaluator, "7k/5Q2/5K2/8/8/8/8/8 w - - 0 1")
    found = analysis.search(Control(seconds=100.0))
    assert len(calls) <= 2
    assert found.lines[0].wins
    assert CHESS.action_to_text(analysis.state, found.lines[0].actions[0]) == "Qg7#"
    assert not any(line.wins for line in found.lines[1:])
