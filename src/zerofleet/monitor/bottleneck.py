"""What limits a run at the moment, in words, and what can be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from zerofleet.arena.stats import IterationStats
from zerofleet.monitor.facts import RunFacts
from zerofleet.monitor.view import LIVE_STATES, RunView, WorkerView
from zerofleet.run.words import counted

RECENT_LOOPS = 5
"""Loops whose times count."""
SLOW_SHARE = 0.5
"""A worker is slow if it plays less than this share of the median games a second of a thread."""
SILENT_SECONDS = 15.0
"""A live worker that has not changed its lease for so long is called silent."""
_MOSTLY = 0.65


@dataclass(frozen=True)
class Bottleneck:
    """One sentence about what limits the run, and one about what helps."""

    kind: str
    """nothing, trainer, workers, training, self-play, rating, balanced, unknown."""
    text: str
    advice: str = ""


def slow_workers(workers: Sequence[WorkerView]) -> list[str]:
    """Ids of workers at work that play less than half of what is usual here, per thread."""
    rates = {
        w.id: w.games_per_second / max(1, w.threads)
        for w in workers
        if w.state in LIVE_STATES and w.games_per_second > 0
    }
    if len(rates) < 2:
        return []
    usual = median(rates.values())
    return [worker for worker, rate in rates.items() if rate < SLOW_SHARE * usual]


def silent_workers(workers: Sequence[WorkerView]) -> list[str]:
    """Ids of workers that should be at work and have said nothing for a while, or are gone."""
    return [
        w.id
        for w in workers
        if w.state == "offline" or (w.state in LIVE_STATES and w.silent_seconds >= SILENT_SECONDS)
    ]


def training_share(entries: Sequence[IterationStats]) -> float | None:
    """Share of the wall time of the last loops that training took; None if it is not known."""
    recent = [
        e
        for e in entries[-RECENT_LOOPS:]
        if isinstance(e.get("training_seconds"), int | float)
        and isinstance(e.get("seconds"), int | float)
    ]
    total = sum(e["seconds"] for e in recent)
    return min(1.0, sum(e["training_seconds"] for e in recent) / total) if total > 0 else None


def reuse_ratio(entries: Sequence[IterationStats]) -> float | None:
    """How often each new position was trained on, over the last loops; None if not known."""
    recent = [e for e in entries[-RECENT_LOOPS:] if isinstance(e.get("samples"), int)]
    positions = sum(e.get("positions", 0) for e in recent)
    return sum(e["samples"] for e in recent) / positions if positions > 0 else None


def find_bottleneck(view: RunView, facts: RunFacts) -> Bottleneck:
    """Returns what limits the run now, from its lease files and the times of its last loops."""
    if not view.is_running:
        return _not_running(view, facts)
    if view.phase == "waiting for the trainer":
        return Bottleneck("trainer", "No trainer has started yet.", "Start it: zerofleet trainer.")
    live = [w for w in view.workers if w.state in LIVE_STATES]
    failing = [w for w in view.workers if w.state == "error"]
    if not live:
        why = f" {len(failing)} of {len(view.workers)} report errors." if failing else ""
        return Bottleneck(
            "workers", f"Nobody plays: no worker is at work.{why}", "Start one: zerofleet worker."
        )
    share = training_share(view.entries)
    if view.phase == "rating":
        return Bottleneck(
            "rating",
            "The trainer waits for the matches that rate a version.",
            "Fewer arena.eval_games, or a rating every few loops (arena.every).",
        )
    if share is None:
        return Bottleneck(
            "unknown", "Not known yet: it shows after the first loop that trains on games."
        )
    percent = f"{share:.0%}".replace("%", " %")
    waiting = f"{1 - share:.0%}".replace("%", " %")
    if share >= _MOSTLY:
        pending = counted(facts.num_pending, "file")
        files = f"; {pending} of games not taken in yet" if facts.num_pending else ""
        return Bottleneck(
            "training",
            f"Training: it takes {percent} of the time of the last loops{files}.",
            "More workers will not help. A GPU for the trainer, a smaller net or fewer passes over "
            "each position will.",
        )
    slow = slow_workers(view.workers)
    silent = silent_workers(view.workers)
    late = slow or silent
    if 1 - share >= _MOSTLY:
        text = f"Self-play: {waiting} of the time the trainer waits for games."
        advice = "More workers or faster ones will help; so will fewer simulations a move."
        if late and view.games_per_iteration:
            text += f" Each iteration waits for its slowest share: {', '.join(late[:3])}."
        elif late:
            advice = f"Look at {', '.join(late[:3])} first. {advice}"
        return Bottleneck("self-play", text, advice)
    return Bottleneck(
        "balanced",
        f"Balanced: training takes {percent} of the time, waiting for games {waiting}.",
    )


def end_text(view: RunView, facts: RunFacts) -> str:
    """How a run ended, in the trainer's words; what it last did if it is not there any more."""
    last = facts.log[-1] if facts.log else None
    if view.phase == "trainer stopped" and last is not None and last.kind == "done":
        return last.text
    return view.phase


def _not_running(view: RunView, facts: RunFacts) -> Bottleneck:
    if view.phase == "trainer offline":
        return Bottleneck(
            "trainer",
            "The trainer is gone: nothing is learned and no version is published.",
            "Start it again on the same directory; it goes on where it was.",
        )
    working = sum(w.state in LIVE_STATES for w in view.workers)
    playing = ""
    if working and not facts.is_stopping:
        playing = f" Still playing: {counted(working, 'worker')}."
    if view.max_loops and view.loop >= view.max_loops:
        return Bottleneck("nothing", f"Nothing: the run is done.{playing}")
    return Bottleneck(
        "nothing",
        f"Nothing: the run has ended.{playing}",
        "The same command on the same directory goes on with it.",
    )
