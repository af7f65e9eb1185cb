"""The learning curve of a run as a picture, by version: strength, losses and their parts."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerofleet.arena.elo import RatingError, Ratings
from zerofleet.arena.lines import short_opponent
from zerofleet.arena.rating import anchor_of, rate_run
from zerofleet.arena.stats import IterationStats, ScoreStats, find_match, playing_version
from zerofleet.monitor.tables import fixed_opponents
from zerofleet.run.atomic import write_atomic
from zerofleet.run.words import parse_version_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by people who do not see red and green as different.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_INK = "#333333"


def plot_learning_curve(entries: Sequence[IterationStats], path: Path, *, title: str) -> Path:
    """Writes the picture (PNG, 1600 x 1100) and returns its path; panels without data say so.

    Elo is fitted anew from all results of the run together; bars are 95 % intervals.
    Raises: ImportError, naming the extra, where matplotlib is not installed.
    """
    figure, axes = _panels(entries, title, rows=2)
    if any("mean_score" in e.get("game_stats", {}) for e in entries):
        _plot_game_scores(axes[0][0], entries)
        if any(measured.get("largest_tile") for _, measured in _measured_versions(entries)):
            _plot_tiles(axes[0][1], entries)
        else:
            _plot_lengths(axes[0][1], entries)
    else:
        _plot_elo(axes[0][0], entries, anchor_of(entries))
        _plot_scores(axes[0][1], entries)
    _plot_losses(axes[1][0], entries)
    if any("policy" in e.get("losses", {}) for e in entries):
        _plot_loss_parts(axes[1][1], entries)
    else:
        _plot_scale(axes[1][1], entries)
    return write_figure(figure, path)


def plot_ladder(entries: Sequence[IterationStats], path: Path, *, title: str, anchor: str) -> Path:
    """Writes the strength of versions alone (PNG, 1600 x 600) and returns its path.

    Games of one player: their scores. Raises: ImportError, naming the extra.
    """
    figure, axes = _panels(entries, title, rows=1)
    if any("scores" in e.get("game_stats", {}) for e in entries):
        _plot_game_scores(axes[0][0], entries)
        _plot_tiles(axes[0][1], entries)
    else:
        _plot_elo(axes[0][0], entries, anchor)
        _plot_scores(axes[0][1], entries)
    return write_figure(figure, path)


def new_figure(title: str, *, height: float = 7.3) -> "Figure":
    """Returns an empty picture of 1600 pixels' width. Raises: ImportError, naming the extra."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"pictures need matplotlib ({error}): pip install zerofleet[train]"
        ) from error
    figure = Figure(figsize=(10.7, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=13, fontweight="bold", color=_INK)
    return figure


def write_figure(figure: "Figure", path: Path) -> Path:
    """Writes a PNG, whole or not at all; returns its path."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, picture.getvalue())
    return path


def _panels(entries: Sequence[IterationStats], title: str, *, rows: int) -> "tuple[Figure, Any]":
    """A picture with two panels a row, by model version."""
    figure = new_figure(title, height=4.0 if rows == 1 else 7.3)
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots(rows, 2, squeeze=False)
    versions = [e.get("model_version", 0) for e in entries] or [1]
    for panel in axes.flat:
        panel.set_xlim(min(versions) - 0.5, max(versions) + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure, axes


def _prepare(axes: "Axes", heading: str, label: str) -> None:
    axes.set_title(heading, loc="left", fontsize=11, color=_INK)
    axes.set_ylabel(label, color=_INK)
    axes.set_xlabel("model version", color=_INK)
    axes.grid(True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _say_empty(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", color="#888888", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])


def _plot_game_scores(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    """Scores of one player: of the versions as measured, of fixed opponents, and in self-play."""
    _prepare(axes, "Score", "mean score")
    played = [
        (playing_version(e), e["game_stats"]["mean_score"])  # who played them
        for e in entries
        if "mean_score" in e.get("game_stats", {})
    ]
    if played:  # a ladder has no self-play
        axes.plot(*zip(*played, strict=True), "-", color=_COLOURS[1], lw=1.2, label="self-play")
    if measured := _measured_versions(entries):
        axes.errorbar(
            [version for version, _ in measured],
            [scores["mean"] for _, scores in measured],
            yerr=[scores["error"] for _, scores in measured],
            fmt="o-",
            markersize=4,
            capsize=3,
            elinewidth=1,
            color=_COLOURS[0],
            label="measured",
        )
        _mark_levels(axes, {s["player"]: s["mean"] for s in _newest_opponents(entries)})
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.legend(loc="best", fontsize=9, framealpha=0.6)


def _measured_versions(entries: Sequence[IterationStats]) -> list[tuple[int, ScoreStats]]:
    return [
        (e.get("model_version", 0), e["game_stats"]["scores"][0])
        for e in entries
        if e.get("game_stats", {}).get("scores")
    ]


def _newest_opponents(entries: Sequence[IterationStats]) -> list[ScoreStats]:
    for entry in reversed(entries):
        if scores := entry.get("game_stats", {}).get("scores"):
            return scores[1:]
    return []


def _plot_tiles(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    """2048: shares of the measured games that reach a tile."""
    _prepare(axes, "Games that reach a tile", "share of the games")
    measured = [m for m in _measured_versions(entries) if m[1].get("largest_tile")]
    if not measured:
        _say_empty(axes, "this game has no tiles")
        return
    reached = {int(t) for _, s in measured for t in s.get("largest_tile", {})}
    for colour, tile in zip(_COLOURS, sorted(reached, reverse=True), strict=False):
        shares = [
            100
            * sum(n for t, n in s.get("largest_tile", {}).items() if int(t) >= tile)
            / s["games"]
            for _, s in measured
        ]
        versions = [version for version, _ in measured]
        axes.plot(versions, shares, "o-", markersize=3.5, color=colour, label=f"{tile}")
    axes.set_ylim(-2, 102)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9, frameon=False)


def _mark_levels(axes: "Axes", levels: Mapping[str, float]) -> None:
    """Fixed opponents: dashed lines with their names at the right, apart from each other."""
    for level in levels.values():
        axes.axhline(level, color="#999999", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    low, high = axes.get_ylim()
    line_height = 0.05 * (high - low)
    place = low - line_height
    for name, level in sorted(levels.items(), key=lambda item: item[1]):
        place = max(level, place + line_height)
        axes.annotate(
            name,
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color="#666666",
        )


def _plot_elo(axes: "Axes", entries: Sequence[IterationStats], anchor: str) -> None:
    _prepare(axes, "Strength", f"Elo ({anchor} = 0)")
    try:
        ratings: Ratings | None = rate_run(entries, anchor=anchor)
    except RatingError:
        ratings = None
    versions = sorted(
        (v, n) for n in (ratings.names if ratings else ()) if (v := parse_version_name(n))
    )
    if ratings is None or not versions:
        _say_empty(axes, "no rated version yet")
        return
    numbers = [v for v, _ in versions]
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, numbers[0] - 0.5), max(right, numbers[-1] + 0.5))
    rated = [ratings[n] for _, n in versions]
    axes.errorbar(
        numbers,
        [r.elo for r in rated],
        yerr=[r.error for r in rated],
        fmt="o-",
        markersize=4,
        capsize=3,
        elinewidth=1,
        color=_COLOURS[0],
    )
    fixed = [name for name in ratings.names if parse_version_name(name) is None]
    _mark_levels(axes, {name: ratings[name].elo for name in fixed})


def _plot_scores(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    _prepare(axes, "Score against fixed opponents", "score (wins + half draws)")
    drawn = False
    for colour, opponent in zip(_COLOURS, fixed_opponents(entries), strict=False):
        points = [(e.get("model_version", 0), m) for e in entries if (m := find_match(e, opponent))]
        if not points:
            continue
        drawn = True
        versions = [v for v, _ in points]
        axes.fill_between(
            versions,
            [100 * m["low"] for _, m in points],
            [100 * m["high"] for _, m in points],
            color=colour,
            alpha=0.12,
            linewidth=0,
        )
        label = opponent if len(opponent) < 20 else short_opponent(opponent)
        values = [100 * m["score"] for _, m in points]
        axes.plot(versions, values, "o-", markersize=3.5, color=colour, label=label)
    if not drawn:
        _say_empty(axes, "no matches yet")
        return
    axes.set_ylim(-2, 102)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9, frameon=False)


def _plot_losses(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    _prepare(axes, "Loss", "loss")
    _plot_loss_keys(axes, entries, {"train": "training", "val": "validation"})


def _plot_loss_parts(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    """Of nets of policy and value: the entropy of the targets is the floor of the policy loss."""
    _prepare(axes, "Parts of the loss", "nats")
    names = {"policy": "policy", "policy_entropy": "entropy of its targets", "value": "value"}
    _plot_loss_keys(axes, entries, names)


def _plot_loss_keys(
    axes: "Axes", entries: Sequence[IterationStats], names: Mapping[str, str]
) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    drawn: list[float] = []
    for colour, (key, label) in zip(_COLOURS, names.items(), strict=False):
        points: list[tuple[int, Any]] = [
            (e.get("model_version", 0), e["losses"].get(key))
            for e in entries
            if e.get("losses", {}).get(key) is not None
        ]
        if points:
            drawn += [value for _, value in points]
            axes.plot(*zip(*points, strict=True), "o-", markersize=3.5, color=colour, label=label)
    if not drawn:
        _say_empty(axes, "no losses yet")
        return
    axes.legend(loc="best", fontsize=9, framealpha=0.6)
    low, high = min(drawn), max(drawn)
    if 0 < 10 * low < high:
        axes.set_yscale("log")  # the first losses would flatten all others
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    elif (margin := (0.1 * abs(high) - (high - low)) / 2) > 0:
        axes.set_ylim(low - margin, high + margin)  # small differences are to look small


def _plot_lengths(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    _prepare(axes, "Length of self-play games", "plies")
    points = [
        (playing_version(e), e["game_stats"]["mean_plies"])
        for e in entries
        if "mean_plies" in e.get("game_stats", {})
    ]
    axes.plot(*zip(*points, strict=True), "o-", markersize=3.5, color=_COLOURS[2])
    axes.set_ylim(bottom=0)


def _plot_scale(axes: "Axes", entries: Sequence[IterationStats]) -> None:
    _prepare(axes, "Evaluation scale", "sd of evaluations (log odds)")
    points = [
        (e.get("model_version", 0), e["game_stats"]["eval_sd"])
        for e in entries
        if "eval_sd" in e.get("game_stats", {})
    ]
    if not points:
        _say_empty(axes, "not measured yet")
        return
    axes.plot(*zip(*points, strict=True), "o-", markersize=3.5, color=_COLOURS[2])
    axes.set_ylim(0, 1.25 * max(value for _, value in points))
