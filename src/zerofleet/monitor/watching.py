"""Watching a run again and again, from its directory or from its statistics alone."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.text import Text

from zerofleet.arena.lines import trainer_line
from zerofleet.arena.stats import IterationStats
from zerofleet.monitor.facts import FactsReader, RunFacts
from zerofleet.monitor.read import RunReader
from zerofleet.monitor.terminal import PlainMonitor
from zerofleet.monitor.view import RunView
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG, TRAINER_LEASE, TRAINING_STATS
from zerofleet.run.place import Place, existing_store
from zerofleet.run.stats import parse_stats, refitted
from zerofleet.run.store import DirectoryStore
from zerofleet.run.words import counted

_FIRST_LINES = 5
"""Loops that are told when watching begins."""
Look = Callable[[], tuple[RunView, RunFacts]]
"""Reads the run once."""


def look_at_run(run_dir: Place | Path) -> Look:
    """Looks at a run. Raises: RunError if there is none."""
    store = existing_store(Place.of(run_dir))
    reader, facts = RunReader(store, run_dir=str(run_dir)), FactsReader(store)
    return lambda: (replace(reader.read(), elapsed_seconds=None), facts.read())


def look_at_file(path: Path) -> Look:
    """Looks at a training_stats.json: at the whole run where it lies in one, else at it alone.

    Raises: RunError if there is no such file, or something else is in it.
    """
    if not path.is_file():
        raise RunError(f"{path}: no such file; expected a {TRAINING_STATS}")
    is_of_run = path.name == TRAINING_STATS and any(
        (path.parent / name).exists() for name in (CONFIG, TRAINER_LEASE)
    )
    if is_of_run:
        return look_at_run(path.parent)
    store = DirectoryStore(path.parent)
    try:
        known = cast("list[IterationStats]", refitted(parse_stats(store.read(path.name))))
    except RunError as error:
        raise RunError(f"{path}: {error}") from None

    def look() -> tuple[RunView, RunFacts]:
        nonlocal known
        messages = []
        try:
            known = cast("list[IterationStats]", refitted(parse_stats(store.read(path.name))))
        except RunError as error:
            messages.append(str(error))
        last = known[-1] if known else IterationStats()
        view = RunView(
            run_dir=str(path),
            phase="statistics alone: no trainer and no workers to see",
            loop=last.get("iteration", 0),
            model_version=last.get("model_version", 0),
            window_positions=None,
            entries=known,
            elapsed_seconds=None,
            messages=messages,
        )
        return view, RunFacts()

    return look


def watch_simple(look: Look, console: Console, *, interval_seconds: float) -> None:
    """Prints the last loops, then what is new, until the run ends."""
    monitor = PlainMonitor(console)
    view, _ = look()
    finished = view.finished
    if len(finished) > _FIRST_LINES:
        console.print(
            f"... {counted(len(finished) - _FIRST_LINES, 'loop')} before these", highlight=False
        )
    for entry in finished[-_FIRST_LINES:]:
        line = trainer_line(entry, max_loops=view.max_loops or None)
        console.print(Text(line), soft_wrap=True, highlight=False)
    while True:
        monitor.update(view)
        if not view.is_running:
            break
        time.sleep(interval_seconds)
        view, facts = look()
        if problems := facts.problems:
            view = replace(view, messages=[*view.messages, *problems])
    console.print(Text(view.phase), soft_wrap=True, highlight=False)
