"""The live picture of a run in a terminal, and its plain-text twin where there is no terminal."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from zerofleet.arena.lines import duration_text, trainer_line
from zerofleet.monitor.tables import TINY, fleet_table, loops_table, shown_state
from zerofleet.monitor.view import LIVE_STATES, RunView, WorkerView
from zerofleet.run.words import counted

MAX_WORKERS = 100
"""Rows of the table of workers, on however many lines; a row takes about half a millisecond."""
PLAIN_PROGRESS_SECONDS = 30.0
"""Without a terminal, a line of progress at most this often."""


class Monitor(Protocol):
    """Shows a run until it is left: `with open_monitor() as monitor: monitor.update(view)`."""

    def update(self, view: RunView) -> None:
        """Shows the run as it is now."""

    def __enter__(self) -> Self:
        """Starts showing."""

    def __exit__(self, *_: object) -> None:
        """Gives the terminal back."""


def open_monitor(console: Console | None = None) -> Monitor:
    """Returns the live picture if the console is a terminal, else plain lines."""
    console = console or Console()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveMonitor(console)
    return PlainMonitor(console)


def render_run(view: RunView, *, width: int, height: int = 40) -> RenderableType:
    """Returns one frame; it fits `width` columns and, by leaving out old loops, `height` lines."""
    parts: list[RenderableType] = [_headline(view), _progress(view, width)]
    max_workers = min(MAX_WORKERS, max(1, (height - 12) // 2))
    num_messages = 3 if height < 28 else 5  # an error in a user's game has four lines
    if view.workers:
        shown, others = _worth_a_row(view.workers, max_workers)
        parts.append(fleet_table(shown, width=width))
        if others:
            text = f"  and {others}"
            parts.append(Text(text, style="dim", overflow="ellipsis", no_wrap=True))
        notes = [f"  {w.id}: {w.note}" for w in view.workers if w.note]
        parts += [Text(n, style="red", overflow="ellipsis", no_wrap=True) for n in notes[:4]]
    if view.entries:
        rows = max(1, min(8, height - 11 - num_messages - min(len(view.workers), max_workers)))
        parts.append(loops_table(view.entries, width=width, max_rows=rows))
    parts += [
        Text(f"  {m}", style="yellow", overflow="ellipsis", no_wrap=True)
        for m in view.messages[-num_messages:]
    ]
    return Group(*parts)


def _worth_a_row(workers: Sequence[WorkerView], most: int) -> tuple[Sequence[WorkerView], str]:
    """At most so many workers, in order, and words for the others: those that simply play."""
    if len(workers) <= most:
        return workers, ""
    # By how little there is to say: one that plays is like the next one.
    plain = [not w.note and w.state in (*LIVE_STATES, "stopped") for w in workers]
    shown = set(sorted(range(len(workers)), key=lambda n: (plain[n], n))[:most])
    hidden = Counter(shown_state(w.state) for n, w in enumerate(workers) if n not in shown)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(hidden.items()))
    others = f"{counted(hidden.total(), 'more worker')}: {counts}"
    return [workers[n] for n in sorted(shown)], others


def _headline(view: RunView) -> Text:
    line = Text(overflow="ellipsis", no_wrap=True)
    line.append(view.run_name or view.run_dir, style="bold")
    if view.game:
        line.append(f"  {view.game}")
    if view.elapsed_seconds is not None:
        line.append(f"  {duration_text(view.elapsed_seconds)}")
    line.append(eta_text(view), style="cyan")
    return line


def eta_text(view: RunView) -> str:
    """`  about 12 min to go`, with blanks before it, or nothing where that is not known."""
    eta = view.eta_seconds()
    if eta is None:
        return ""
    return f"  about {duration_text(eta)} to go" if eta >= 0.5 else "  ending"


def _progress(view: RunView, width: int) -> RenderableType:
    loop = loop_text(view)
    if view.phase == "collecting":
        new, wanted, unit = view.collected
        what = f"{new:,} / {wanted:,} " + (f"new {unit}" if width >= TINY else "new")
    else:
        what = phase_text(view)
    grid = Table.grid(padding=(0, 2))
    share = view.progress
    bar: RenderableType = ""
    if share is not None and width >= 60:
        bar = ProgressBar(total=1.0, completed=share, width=max(10, min(30, width // 4)))
    grid.add_row(Text(loop, style="bold"), what, bar)
    return Group(grid, Text(facts_text(view), style="dim", overflow="ellipsis", no_wrap=True))


def loop_text(view: RunView) -> str:
    """`Loop 4/50`, or `3/50 loops done` where no trainer runs."""
    of = f"{view.loop}/" if view.max_loops else ""
    if view.is_running:
        return f"Loop {of}{view.max_loops or view.loop}"
    return f"{of}{counted(view.max_loops or view.loop, 'loop')} done"


def phase_text(view: RunView) -> str:
    """What the trainer does; whose rating it waits for, which is not the loop in progress."""
    if view.phase == "rating" and view.first_unfinished is not None:
        return f"rating loop {view.first_unfinished}"
    return view.phase


def facts_text(view: RunView) -> str:
    """Model, workers, games a second and the window on one line."""
    facts = [
        f"model v{view.model_version:04d}" if view.model_version else "no model yet",
        f"workers {view.num_live_workers}/{view.num_expected_workers}",
        f"{view.games_per_second:.1f} games/s",
    ]
    if view.max_positions and view.window_positions is not None and view.is_running:
        facts.append(window_text(view.window_positions, view.positions_so_far))
    return "  ".join(facts)


def window_text(window: int, positions: int | None) -> str:
    """`window: newest 250,000 of 512,000`, the positions that the run has collected so far."""
    if positions is None or positions <= window:
        return f"window: {counted(window, 'position')}"
    return f"window: newest {window:,} of {positions:,}"


class LiveMonitor:
    """Redraws one frame in place, at most four times a second."""

    def __init__(self, console: Console):
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def update(self, view: RunView) -> None:
        """Draws the run at the terminal's present size."""
        size = self._console.size
        frame = render_run(view, width=size.width, height=size.height)
        self._live.update(frame, refresh=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)


class PlainMonitor:
    """Prints a line for each rated loop, changed worker and message, and now and then progress.

    Lines are never wrapped, so that they can be searched and parsed.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic):
        self._console = console
        self._clock = clock
        self._last_iteration: int | None = None
        self._states: dict[str, str] = {}
        self._messages: Counter[str] = Counter()
        self._last_progress = -PLAIN_PROGRESS_SECONDS

    def update(self, view: RunView) -> None:
        """Prints what is new since the last call; loops from before the first call stay unsaid."""
        newest = max((e.get("iteration", 0) for e in view.finished), default=0)
        if self._last_iteration is None:
            self._last_iteration = newest
        for entry in view.finished:
            if entry.get("iteration", 0) > self._last_iteration:
                self._say(trainer_line(entry, max_loops=view.max_loops or None))
        # A trainer that is started again may rate anew what was told.
        self._last_iteration = max(newest, self._last_iteration)
        for w in view.workers:
            # Between iterations workers wait a moment: that is no news.
            state = "active" if w.state == "waiting" and not w.note else w.state
            if self._states.get(w.id) != state:
                self._say(f"[{w.id}] {state}" + (f": {w.note}" if w.note else ""))
                self._states[w.id] = state
        messages: Counter[str] = Counter()
        for message in view.messages:
            messages[message] += 1
            if messages[message] > self._messages[message]:  # the same may come again
                self._say(message)
        self._messages = messages
        now = self._clock()
        if now - self._last_progress >= PLAIN_PROGRESS_SECONDS:
            self._last_progress = now
            self._say(self._progress_line(view))

    def _progress_line(self, view: RunView) -> str:
        loop = loop_text(view)
        what = phase_text(view)
        if view.phase == "collecting":
            new, wanted, unit = view.collected
            what += f" {new:,}/{wanted:,} {unit}"
        if view.phase != "rating" and view.first_unfinished is not None:
            what += f" (loop {view.first_unfinished} is being rated)"  # its line is still to come
        return f"{loop}  {what}  {facts_text(view)}{eta_text(view)}"

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
