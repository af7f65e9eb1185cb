"""What limits a run, in words, from made-up runs whose answer is plain."""

from dataclasses import replace

import pytest
from sample_run import sample_view

from zerofleet.monitor.bottleneck import (
    find_bottleneck,
    reuse_ratio,
    silent_workers,
    slow_workers,
    training_share,
)
from zerofleet.monitor.facts import LogLine, RunFacts
from zerofleet.monitor.view import RunView, WorkerView


def view(training_seconds: float | None = None, **changes) -> RunView:
    made = sample_view(3)
    entries = [dict(entry) for entry in made.entries]
    if training_seconds is not None:
        entries = [{**entry, "training_seconds": training_seconds} for entry in entries]
    workers = [worker(f"w{i}") for i in range(3)]
    return replace(made, **{"entries": entries, "workers": workers, **changes})


def worker(name: str, rate: float = 10.0, state: str = "active", **more) -> WorkerView:
    return WorkerView(name, state, games_per_second=rate, **more)


def test_training_takes_the_time():
    found = find_bottleneck(view(36.9), RunFacts(num_pending=12))  # of 41 s
    assert found.kind == "training"
    assert "90 %" in found.text
    assert "12 files" in found.text
    assert "More workers will not help" in found.advice


def test_the_trainer_waits_for_games():
    workers = [worker("w0"), worker("w1"), worker("w2", 2.0)]
    found = find_bottleneck(view(4.1, workers=workers), RunFacts())
    assert found.kind == "self-play"
    assert "90 %" in found.text
    assert found.advice.startswith("Look at w2 first.")
    synchronous = view(4.1, workers=workers, games_per_iteration=100)
    assert "slowest share: w2" in find_bottleneck(synchronous, RunFacts()).text


def test_neither():
    assert find_bottleneck(view(20.5), RunFacts()).kind == "balanced"
    assert find_bottleneck(view(), RunFacts()).kind == "unknown"
    assert find_bottleneck(view(4.1, phase="rating"), RunFacts()).kind == "rating"


def test_nobody_plays():
    for workers in ([], [worker("w0", state="error"), worker("w1", state="offline")]):
        found = find_bottleneck(view(20.5, workers=workers), RunFacts())
        assert found.kind == "workers"
        assert "zerofleet worker" in found.advice
        assert ("1 of 2 report errors" in found.text) == bool(workers)


def test_no_trainer():
    gone = view(20.5, phase="trainer offline", is_running=False)
    assert find_bottleneck(gone, RunFacts()).kind == "trainer"
    never = view(phase="waiting for the trainer")
    assert find_bottleneck(never, RunFacts()).kind == "trainer"


def test_the_end():
    ended = view(20.5, phase="trainer stopped", is_running=False, loop=10)
    facts = RunFacts(log=[LogLine(1.0, "done", "done after 10 loops: all done")])
    assert (
        find_bottleneck(ended, facts).text == "Nothing: the run is done. Still playing: 3 workers."
    )
    early = find_bottleneck(replace(ended, loop=4, workers=[]), facts)
    assert early.text == "Nothing: the run has ended."
    assert "goes on" in early.advice


def test_slow_is_measured_per_thread():
    quick = [worker(f"w{i}", 40.0, threads=4) for i in range(3)]
    assert slow_workers([*quick, worker("small", 10.0, threads=1)]) == []
    assert slow_workers([*quick, worker("slow", 10.0, threads=4)]) == ["slow"]
    assert slow_workers([worker("alone", 0.1)]) == []
    assert slow_workers([*quick, worker("gone", 0.0, "offline")]) == []


def test_silent():
    workers = [
        worker("well", silent_seconds=3.0),
        worker("quiet", silent_seconds=20.0),
        worker("gone", state="offline", silent_seconds=99.0),
        worker("stopped", state="stopped", silent_seconds=99.0),
    ]
    assert silent_workers(workers) == ["quiet", "gone"]


def test_ratios_are_those_of_the_last_loops():
    entries = [{"positions": 100, "samples": 1000, "seconds": 10.0, "training_seconds": 10.0}] * 10
    entries += [{"positions": 100, "samples": 300, "seconds": 10.0, "training_seconds": 2.0}] * 5
    assert reuse_ratio(entries) == 3.0
    assert training_share(entries) == pytest.approx(0.2)
    assert reuse_ratio([]) is None
    assert training_share([{"seconds": 1.0}]) is None
