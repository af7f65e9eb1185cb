"""The full-screen picture of a run in a terminal: curves, workers, what limits it, the log."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.reactive import reactive
from textual.widgets import DataTable, Footer, ProgressBar, Static

from zerofleet.arena.lines import elo_text, score_text
from zerofleet.arena.stats import IterationStats, is_rated
from zerofleet.monitor.bottleneck import (
    end_text,
    find_bottleneck,
    reuse_ratio,
    silent_workers,
    slow_workers,
)
from zerofleet.monitor.curves import Curve, draw_curves
from zerofleet.monitor.facts import RunFacts, clock_text
from zerofleet.monitor.terminal import eta_text, facts_text, loop_text
from zerofleet.monitor.view import RunView, WorkerView
from zerofleet.monitor.watching import Look

_MAX_RATES = 600
_MAX_WORKERS = 200
_STYLES = ("cyan", "yellow", "green", "magenta", "blue", "red")
_STATE_STYLES = {"error": "bold red", "offline": "yellow", "stopped": "dim"}


class Chart(Static):
    """Curves that are drawn anew at every size."""

    curves: reactive[tuple[Curve, ...]] = reactive(())

    def __init__(self, title: str, *, digits: int = 0, **more: Any) -> None:
        super().__init__(**more)
        self.border_title = title
        self.digits = digits

    def render(self) -> Text:
        """The curves at the widget's present size."""
        size = self.content_size
        return draw_curves(self.curves, width=size.width, height=size.height, digits=self.digits)


class WatchApp(App[None]):
    """Looks at a run every few seconds until `q`."""

    CSS = """
    Screen { layout: vertical; }
    #head { height: auto; padding: 0 1; background: $panel; }
    #progress { height: 1; padding: 0 1; }
    #progress Bar { width: 1fr; }
    #limit { height: auto; padding: 0 1; }
    #charts { grid-size: 2 2; height: 1fr; min-height: 12; }
    .-narrow #charts { grid-size: 1 4; grid-rows: 9; height: 36; }
    Chart { border: round $primary; padding: 0 1; height: 100%; }
    #lower { height: auto; max-height: 40%; layout: horizontal; }
    .-narrow #lower { layout: vertical; max-height: 100; }
    #workers { width: 1fr; height: auto; max-height: 14; border: round $primary; }
    #log { width: 1fr; height: 14; border: round $primary; padding: 0 1; text-wrap: nowrap;
           text-overflow: ellipsis; }
    .-narrow #workers, .-narrow #log { width: 100%; }
    .-narrow { overflow-y: auto; }
    """
    # As textual declares it, without ClassVar.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("r", "look", "Look now"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, look: Look, *, interval_seconds: float) -> None:
        super().__init__()
        self._look_at_run = look
        self._interval_seconds = interval_seconds
        self._rates: deque[float] = deque(maxlen=_MAX_RATES)

    def compose(self) -> ComposeResult:
        """The parts, from the top."""
        yield Static(id="head")
        yield ProgressBar(id="progress", total=1.0, show_eta=False)
        yield Static(id="limit")
        with Grid(id="charts"):
            yield Chart("Strength", id="strength")
            yield Chart("Losses", digits=4, id="losses")
            yield Chart("Self-play", digits=1, id="selfplay")
            yield Chart("Games a second, since this began", digits=1, id="rates")
        with Vertical(id="lower"):
            yield DataTable(id="workers", cursor_type="none", zebra_stripes=True)
            yield Static(id="log")
        yield Footer()

    def on_mount(self) -> None:
        """The first look, and one every interval."""
        table = self.query_one(DataTable)
        table.border_title = "Workers"
        table.add_columns("Worker", "State", "Model", "Games", "Games/s", "")
        self.query_one("#log", Static).border_title = "Log"
        self.action_look()
        self.set_interval(self._interval_seconds, self.action_look)

    def action_look(self) -> None:
        """Reads the run in a thread: a slow disk does not stop the keyboard."""
        self.run_worker(self._look_once, thread=True, group="look", exclusive=False)

    def _look_once(self) -> None:
        view, facts = self._look_at_run()
        if self.is_running:
            self.call_from_thread(self.show, view, facts)

    def show(self, view: RunView, facts: RunFacts) -> None:
        """Draws the run, unless the screen is being left meanwhile."""
        if not self.query("#head"):
            return
        self._rates.append(view.games_per_second)
        limit = find_bottleneck(view, facts)
        self.query_one("#head", Static).update(_head(view, facts))
        bar = self.query_one(ProgressBar)
        bar.display = view.progress is not None
        bar.update(progress=view.progress or 0.0)
        text = Text.assemble(("What limits it  ", "bold"), limit.text, " ", (limit.advice, "dim"))
        self.query_one("#limit", Static).update(text)
        entries = view.entries
        self.query_one("#strength", Chart).curves = strength_curves(entries)
        self.query_one("#losses", Chart).curves = loss_curves(entries)
        chart = self.query_one("#selfplay", Chart)
        chart.border_title, chart.curves = selfplay_curves(entries)
        self.query_one("#rates", Chart).curves = (Curve("games/s", list(self._rates), "green"),)
        self._show_workers(view.workers)
        self._show_log(view, facts)

    def _show_workers(self, workers: Sequence[WorkerView]) -> None:
        slow, silent = set(slow_workers(workers)), set(silent_workers(workers))
        table = self.query_one(DataTable)
        table.clear()
        ordered = sorted(
            workers, key=lambda w: (w.state != "error", w.id not in silent, w.id not in slow, w.id)
        )
        for w in ordered[:_MAX_WORKERS]:
            remark = w.note or ("silent" if w.id in silent else "slow" if w.id in slow else "")
            table.add_row(
                Text(w.id),
                Text(w.state, style=_STATE_STYLES.get(w.state, "green")),
                f"v{w.model_version:04d}" if w.model_version else "-",
                Text(f"{w.games:,}", justify="right"),
                Text(f"{w.games_per_second:.1f}", justify="right"),
                Text(remark[:120], style="red" if w.note else "yellow"),
            )
        hidden = len(workers) - _MAX_WORKERS
        table.border_subtitle = f"and {hidden:,} more" if hidden > 0 else ""

    def _show_log(self, view: RunView, facts: RunFacts) -> None:
        lines = [f"{clock_text(line.time)} {line.text}" for line in facts.log[-60:]]
        lines += [*view.messages, *facts.problems]
        box = self.query_one("#log", Static)
        room = max(1, box.content_size.height)
        text = Text("\n".join(line.splitlines()[0] for line in lines if line), no_wrap=True)
        text.overflow = "ellipsis"
        shown = text.split("\n")[-room:]
        box.update(Text("\n", no_wrap=True, overflow="ellipsis").join(shown))


def _head(view: RunView, facts: RunFacts) -> Text:
    line = Text()
    line.append(view.run_name or Path(view.run_dir).name or view.run_dir, style="bold")
    line.append(f"  {view.game}  ")
    phase = view.phase if view.is_running else end_text(view, facts)
    line.append(phase, style="green" if view.is_running else "yellow")
    new, wanted, unit = view.collected
    if view.phase == "collecting" and wanted:
        line.append(f" {new:,} / {wanted:,} new {unit}")
    line.append(f"\n{loop_text(view)}  {facts_text(view)}")
    if (reuse := reuse_ratio(view.entries)) is not None:
        line.append(f"  reuse {reuse:.1f}x")
    rated = next((e for e in reversed(view.entries) if is_rated(e)), None)
    if rated is not None:
        line.append(f"  {_strength(rated)}", style="bold")
    line.append(eta_text(view), style="cyan")
    return line


def _strength(entry: IterationStats) -> str:
    scores = entry.get("game_stats", {}).get("scores")
    return f"score {score_text(scores[0])}" if scores else f"Elo {elo_text(entry['elo'])}"


def strength_curves(entries: Sequence[IterationStats]) -> tuple[Curve, ...]:
    """Elo of the rated versions with the bounds of their 95 % intervals, or mean scores."""
    found = []
    for entry in entries:
        scores = entry.get("game_stats", {}).get("scores")
        if scores:
            found.append((scores[0]["mean"], scores[0]["error"]))
        elif "rating" in entry.get("elo", {}):
            found.append((entry["elo"]["rating"], entry["elo"].get("error", 0.0)))
    return (
        Curve("95 %: up to", [v + e for v, e in found], "bright_black"),
        Curve("from", [v - e for v, e in found], "bright_black"),
        Curve("strength", [v for v, _ in found], "cyan"),
    )


def loss_curves(entries: Sequence[IterationStats]) -> tuple[Curve, ...]:
    """Every loss that is recorded, training first."""
    names = dict.fromkeys(n for e in entries for n in e.get("losses", {}))
    wanted = [n for n in names if n not in ("val_before", "val_policy", "val_value")]
    return tuple(
        Curve(
            name.replace("_", " "),
            [_number(dict(e.get("losses", {})).get(name)) for e in entries],
            _STYLES[i % len(_STYLES)],
        )
        for i, name in enumerate(wanted)
    )


def selfplay_curves(entries: Sequence[IterationStats]) -> tuple[str, tuple[Curve, ...]]:
    """What the games are like, with its title: scores alone, lengths of games, drawn shares."""
    stats = [dict(e.get("game_stats", {})) for e in entries]
    if any("mean_score" in s for s in stats):
        scores = [_number(s.get("mean_score")) for s in stats]
        return "Mean score of self-play", (Curve("score", scores, "cyan"),)
    drawn = [_number(s.get("draw_share")) for s in stats]
    percent = [None if d is None else 100 * d for d in drawn]
    plies = [_number(s.get("mean_plies")) for s in stats]
    curves = (Curve("plies", plies, "cyan"), Curve("drawn %", percent, "yellow"))
    return "Length of self-play games, drawn games", curves


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
