"""What a training has reached, from its statistics: last iterations, phases, trends, criteria."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from rich import box
from rich.table import Table

from zerofleet.arena.lines import duration_text, elo_text, score_text
from zerofleet.arena.stats import IterationStats, MatchStats, ScoreStats, is_rated
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG, STOP, TRAINING_STATS
from zerofleet.run.stats import parse_stats, refitted
from zerofleet.run.stop import TIME_IS_OVER
from zerofleet.run.store import DirectoryStore, read_or_none
from zerofleet.run.words import counted, version_name

PHASES = ("early", "middle", "late")
"""Thirds of the iterations."""
_LOSSES = ("train", "policy", "value", "val")
_Figure = Callable[[IterationStats], float | None]


@dataclass(frozen=True)
class Training:
    """A training_stats.json and what its run says of itself."""

    name: str
    entries: Sequence[IterationStats]
    """Iterations that are done; the first net is none."""
    rated: Sequence[IterationStats] = ()
    """Those whose version is rated, the first net's among them."""
    game: str = ""
    max_loops: int = 0
    """0: not known."""
    unit: str = "iteration"
    """What its entries are called: iterations of a synchronous run, loops of another one."""
    stop_reason: str | None = None
    """What its STOP says; None: there is none, the run goes on or was interrupted."""

    @property
    def units(self) -> str:
        """The same of many."""
        return f"{self.unit}s"


@dataclass(frozen=True)
class Criterion:
    """Something a training should show, and whether it does."""

    text: str
    passed: bool | None
    """None: there are no figures to tell."""
    found: str


def read_training(path: Path) -> Training:
    """Reads a training_stats.json, or that of a run directory. Raises: RunError."""
    file = path / TRAINING_STATS if path.is_dir() else path
    if not path.exists():
        raise RunError(f"{path}: no such run directory or {TRAINING_STATS}")
    if not file.is_file():
        raise RunError(f"{file}: no such file; expected a {TRAINING_STATS} or a run directory")
    store = DirectoryStore(file.parent)
    try:
        entries = parse_stats(store.read(file.name))
    except RunError as error:
        raise RunError(f"{file}: {error}") from error
    config: Any = {}
    try:
        config = json.loads(read_or_none(store, CONFIG) or b"{}")
    except (RunError, ValueError):
        config = {}
    sections = config if isinstance(config, dict) else {}
    numbered = [e for e in entries if type(e.get("iteration")) is int]
    known = cast("list[IterationStats]", refitted(numbered))
    pacing = _section(sections, "pacing")
    try:
        stop = read_or_none(store, STOP)
    except RunError:
        stop = None
    return Training(
        name=str(path),
        entries=[e for e in known if e.get("iteration")],
        rated=[e for e in known if is_rated(e)],
        game=str(_section(sections, "game").get("name", "")),
        max_loops=int(_number(pacing.get("max_loops")) or 0),
        unit="loop" if pacing.get("games_per_iteration") == 0 else "iteration",
        stop_reason=None if stop is None else stop.decode(errors="replace").strip(),
    )


def totals_text(training: Training) -> str:
    """Iterations, games, positions and time of the whole training on one line."""
    entries = training.entries
    games = sum(e.get("games", 0) for e in entries)
    seconds = sum(e.get("seconds", 0.0) for e in entries)
    rate = f", {60 * games / seconds:,.0f} games/min" if seconds > 0 else ""
    first, last = entries[0]["iteration"], entries[-1]["iteration"]
    thinned = "" if len(entries) == last - first + 1 else f" ({len(entries):,} kept in the file)"
    positions = sum(e.get("positions", 0) for e in entries)
    return (
        f"{training.units.capitalize()} {first:,} to {last:,}{thinned}, learned from "
        f"{counted(games, 'game')}, {counted(positions, 'position')}, "
        f"{duration_text(seconds)}{rate}"
    )


def iterations_table(
    entries: Sequence[IterationStats], *, title: str, width: int = 120, unit: str = "iteration"
) -> Table:
    """Returns one row per `unit`; columns without figures, or without room, are left out."""
    columns: list[tuple[str, Callable[[IterationStats], str]]] = [
        (unit.capitalize(), lambda e: f"{e.get('iteration', 0):,}"),
        ("Games", lambda e: f"{e.get('games', 0):,}"),
        ("Moves", lambda e: _text(plies(e), ".1f")),
        ("First", lambda e: _percent(first_won(e))),
        ("Drawn", lambda e: _percent(drawn(e))),
        ("Score", lambda e: _text(_stat(e, "mean_score"), ",.0f")),
        *((name.capitalize(), _loss_text(name)) for name in _LOSSES),
        ("Strength", _strength_text),
        ("Time", lambda e: duration_text(e["seconds"]) if "seconds" in e else ""),
    ]
    cells = {name: [text(e) for e in entries] for name, text in columns}
    cells = {name: texts for name, texts in cells.items() if any(texts)}
    for name in ("First", "Policy", "Value", "Time", "Val", "Games"):
        if sum(max(map(len, [name, *texts])) + 3 for name, texts in cells.items()) + 1 > width:
            cells.pop(name, None)
    table = _table(title)
    for name in cells:
        table.add_column(name, justify="right", no_wrap=True)
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def timeline_table(
    entries: Sequence[IterationStats], *, rows: int = 8, unit: str = "iteration"
) -> Table:
    """Returns games and positions so far and what the window held, at evenly spaced iterations."""
    sums: list[tuple[IterationStats, int, int]] = []
    games = positions = 0
    for entry in entries:
        games, positions = games + entry.get("games", 0), positions + entry.get("positions", 0)
        sums.append((entry, games, positions))
    count = len(sums)
    places = range(count) if count <= rows else [i * (count - 1) // (rows - 1) for i in range(rows)]
    table = _table("Timeline")
    for name in (unit.capitalize(), "Games so far", "Positions so far", "Buffer"):
        table.add_column(name, justify="right")
    if not any("window" in entry for entry in entries):
        table.columns.pop()
    for place in places:
        entry, games, positions = sums[place]
        window = _text(_number(entry.get("window")), ",.0f")
        row = (f"{entry['iteration']:,}", f"{games:,}", f"{positions:,}", window)
        table.add_row(*row[: len(table.columns)])
    return table


def phases_table(entries: Sequence[IterationStats]) -> Table:
    """Returns means over the first, middle and last third, and where they go."""
    thirds = _thirds(entries)
    table = _table("Phases")
    table.add_column("")
    for name, third in zip(PHASES, thirds, strict=True):
        span = f"{third[0]['iteration']:,}-{third[-1]['iteration']:,}" if third else "-"
        table.add_column(f"{name}\n{span}", justify="right")
    table.add_column("trend", justify="right")
    figures: list[tuple[str, _Figure, Callable[[float | None], str]]] = [
        ("Drawn", drawn, _percent),
        ("First player won", first_won, _percent),
        ("Average moves", plies, lambda v: _text(v, ".1f")),
        ("Mean score", lambda e: _stat(e, "mean_score"), lambda v: _text(v, ",.0f")),
        *((f"{n.capitalize()} loss", _loss(n), lambda v: _text(v, ".4f")) for n in _LOSSES),
        ("Elo", lambda e: _number(_section(e, "elo").get("rating")), lambda v: _text(v, ",.0f")),
        ("Games/min", _games_per_minute, lambda v: _text(v, ",.0f")),
    ]
    for name, figure, text in figures:
        means = [mean(figure, third) for third in thirds]
        if any(m is not None for m in means):
            trend = _trend(means[0], means[-1]) if thirds[1] else ""
            table.add_row(name, *(text(m) for m in means), trend)
    return table


FEW_DRAWS_AND_SHORT = {"chess": (0.6, 150.0)}
"""Games in which beginners hardly ever mate: games between nets that have learned something are
less often drawn, and shorter, than these. In most others a draw, or a long game, may well be what
good play leads to, and neither says anything."""


def criteria(
    training: Training, *, max_draw_share: float | None = None, max_moves: float | None = None
) -> list[Criterion]:
    """What a training that went well shows: complete, stronger, and in games in which it means
    something fewer draws and shorter games.

    Args:
      max_draw_share, max_moves: what drawn games and lengths should have fallen below, late; None:
        what is expected of the game, if anything is.
    """
    entries = training.entries
    early, _, late = _thirds(entries)
    found = [_complete(training)]
    draws, moves = FEW_DRAWS_AND_SHORT.get(training.game, (None, None))
    draws, moves = max_draw_share or draws, max_moves or moves
    before, after = mean(drawn, early), mean(drawn, late)
    if after is not None and draws is not None:
        text = f"draw rate below {_percent(draws)}"
        found.append(Criterion(text, after < draws, _from_to(before, after, _percent)))
    before, after = mean(plies, early), mean(plies, late)
    one_player = any(_stat(e, "mean_score") is not None for e in entries)
    if after is not None and moves is not None and not one_player:
        show: Callable[[float | None], str] = lambda v: _text(v, ".1f")  # noqa: E731
        text = f"average moves below {moves:g}"
        found.append(Criterion(text, after < moves, _from_to(before, after, show)))
    before, after = mean(_loss("train"), early), mean(_loss("train"), late)
    show = lambda v: _text(v, ".4f")  # noqa: E731
    passed = None if before is None or after is None else after < before
    found.append(Criterion("training loss falls", passed, _from_to(before, after, show)))
    found.append(_stronger(training.rated))
    return found


def _complete(training: Training) -> Criterion:
    """The run went on for as long as it was meant to: all loops, or the time it was given."""
    last, units = training.entries[-1]["iteration"], training.units
    if not training.max_loops:
        return Criterion(f"all {units} completed", None, "there is no config.json beside the file")
    all_of_them = f"all {training.max_loops:,} {units}"
    if training.max_loops == 1:
        all_of_them = f"the only {training.unit}"
    text, found = f"{all_of_them} completed", f"the last one is {last:,}"
    if last >= training.max_loops or training.stop_reason is None:
        return Criterion(text, last >= training.max_loops, found)
    if training.stop_reason == TIME_IS_OVER:
        found += f" of at most {training.max_loops:,} {units}"
        return Criterion("trained for the time given with --minutes", True, found)
    return Criterion(text, None, f"{found}; stopped: {training.stop_reason or 'by STOP'}")


def _stronger(rated: Sequence[IterationStats]) -> Criterion:
    """The newest rated version above the first one by more than both errors together."""
    name = "the last rated version is stronger than the first"
    if len(rated) < 2:
        return Criterion(name, None, "fewer than two versions are rated")
    (first, first_error), (last, last_error) = _rating(rated[0]), _rating(rated[-1])
    passed = last - first > (first_error**2 + last_error**2) ** 0.5
    texts = [
        f"{version_name(e.get('model_version', 0))} {_strength_text(e)}"
        for e in (rated[0], rated[-1])
    ]
    return Criterion(name, passed, " -> ".join(texts))


def criteria_table(found: Sequence[Criterion]) -> Table:
    """Returns one row per criterion: pass, fail or not known, and what was found."""
    table = _table("Criteria")
    for name in ("", "Criterion", "Found"):
        table.add_column(name)
    for c in found:
        verdict = {
            True: "[green]PASS[/green]",
            False: "[red]FAIL[/red]",
            None: "[dim]not known[/dim]",
        }[c.passed]
        table.add_row(verdict, c.text, c.found)
    return table


def compare_trainings(first: Training, second: Training) -> Table:
    """Returns the figures of two trainings, A and B, beside each other: means of the last third.

    The same iterations are compared: as many as the shorter one has.
    """
    count = min(len(first.entries), len(second.entries))
    units = first.units if first.unit == second.unit else "iterations"
    table = _table(f"After {count:,} {units} each, means of the last third")
    table.add_column("")
    for heading in ("A", "B", "B - A"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows: list[tuple[str, _Figure, str, bool]] = [
        ("Drawn, %", lambda e: None if (d := drawn(e)) is None else 100 * d, ".1f", True),
        ("Average moves", plies, ".1f", True),
        ("Mean score", lambda e: _stat(e, "mean_score"), ",.0f", True),
        *((f"{n.capitalize()} loss", _loss(n), ".4f", True) for n in _LOSSES),
        ("Games/min", _games_per_minute, ",.0f", True),
        ("Elo", lambda e: _number(_section(e, "elo").get("rating")), ",.0f", False),
    ]
    for name, figure, digits, of_late in rows:
        found = []
        for training in (first, second):
            entries = training.entries[:count]
            late = _thirds(entries)[2]
            known = [v for e in entries if (v := figure(e)) is not None]
            found.append(mean(figure, late) if of_late else known[-1] if known else None)
        if found[0] is not None or found[1] is not None:
            both = None if None in found else found[1] - found[0]  # type: ignore[operator]
            name += "" if of_late else ", newest"
            table.add_row(name, *(_text(v, digits) for v in found), _text(both, f"+{digits}"))
    return table


def read_measured(path: Path) -> tuple[list[MatchStats], list[ScoreStats]]:
    """The matches and scores in a JSON file, or in all of those in a folder, newest last.

    They are found wherever a file keeps them: in reports, in rating.json, in training_stats.json.
    Raises: RunError if there are none.
    """
    if not path.exists():
        raise RunError(f"{path}: no such file or folder; expected matches or scores in JSON files")
    files = (
        sorted(path.rglob("*.json"), key=lambda f: f.stat().st_mtime) if path.is_dir() else [path]
    )
    matches: list[MatchStats] = []
    scores: list[ScoreStats] = []
    problems = []
    for file in files:
        try:
            document = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            problems.append(f"{file}: {error}")
            continue
        _collect(document, matches, scores)
    if not matches and not scores:
        why = f" ({problems[0]})" if problems else ""
        raise RunError(f"{path}: no matches or scores in its JSON files{why}")
    return matches, scores


def _collect(document: Any, matches: list[MatchStats], scores: list[ScoreStats]) -> None:
    todo = [document]
    while todo:
        found = todo.pop()
        if isinstance(found, list):
            todo += reversed(found)
        elif isinstance(found, dict):
            wanted = {"score", "low", "high", "wins", "draws", "losses", "opponent", "player"}
            if wanted <= found.keys():
                matches.append(cast(MatchStats, {"games": 0, "distinct_games": 0, **found}))
            elif {"mean", "error", "player", "games"} <= found.keys():
                scores.append(cast(ScoreStats, found))
            else:  # matches of the opponents among themselves are another matter
                todo += reversed([v for k, v in found.items() if k != "reference_matches"])


def drawn(entry: IterationStats) -> float | None:
    """Share of drawn self-play games."""
    return _stat(entry, "draw_share", "draw_rate")


def first_won(entry: IterationStats) -> float | None:
    """Share of self-play games that the first player won."""
    won = _stat(entry, "first_player_win_share", "white_win_rate")
    score, draw = _stat(entry, "first_player_score"), drawn(entry)
    return score - draw / 2 if won is None and score is not None and draw is not None else won


def plies(entry: IterationStats) -> float | None:
    """Mean length of self-play games."""
    return _stat(entry, "mean_plies", "avg_moves")


def mean(figure: _Figure, entries: Sequence[IterationStats]) -> float | None:
    """Mean of the entries that have the figure."""
    known = [v for e in entries if (v := figure(e)) is not None]
    return sum(known) / len(known) if known else None


def _thirds(entries: Sequence[IterationStats]) -> list[Sequence[IterationStats]]:
    count = len(entries)
    ends = [0, max(1, count // 3), max(1, count - count // 3), count]
    if count < 3:  # too few to be three phases: the first and the last one
        return [entries[:1], [], entries[-1:]]
    return [entries[a:b] for a, b in pairwise(ends)]


def _games_per_minute(entry: IterationStats) -> float | None:
    games, seconds = _number(entry.get("games")), _number(entry.get("seconds"))
    return 60 * games / seconds if games and seconds else None


def _loss(name: str) -> _Figure:
    other = {"train": "total_loss", "policy": "policy_loss", "value": "value_loss"}.get(name, name)

    def read(entry: IterationStats) -> float | None:
        losses = _section(entry, "losses")
        found = _number(losses.get(name))
        return _number(losses.get(other)) if found is None else found

    return read


def _loss_text(name: str) -> Callable[[IterationStats], str]:
    return lambda entry: _text(_loss(name)(entry), ".4f")


def _rating(entry: IterationStats) -> tuple[float, float]:
    scores = entry.get("game_stats", {}).get("scores")
    if scores:
        return scores[0]["mean"], scores[0]["error"]
    elo = entry.get("elo", {})
    return elo.get("rating", 0.0), elo.get("error", 0.0)


def _strength_text(entry: IterationStats) -> str:
    scores = entry.get("game_stats", {}).get("scores")
    return score_text(scores[0]) if scores else elo_text(entry.get("elo", {}))


def _from_to(before: float | None, after: float | None, text: Callable[[float | None], str]) -> str:
    return f"{text(before)} -> {text(after)}" if before is not None else text(after)


def _trend(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return ""
    if before and abs(after - before) < 0.01 * abs(before):
        return "flat"
    return "falls" if after < before else "rises" if after > before else "flat"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def _stat(entry: IterationStats, *names: str) -> float | None:
    stats = _section(entry, "game_stats")
    return next((v for n in names if (v := _number(stats.get(n))) is not None), None)


def _section(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = entry.get(key)
    return section if isinstance(section, dict) else {}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None


def _text(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
