"""The picture of a benchmark: scores with intervals, ratings, and what games were like."""

from pathlib import Path

from zerofleet.arena.benchmark import Benchmark
from zerofleet.monitor.plot import new_figure, write_figure

_WON, _DRAWN, _LOST = "#0072B2", "#BBBBBB", "#D55E00"


def plot_benchmark(found: Benchmark, path: Path, *, title: str) -> Path:
    """Writes the picture (PNG) and returns its path. Raises: ImportError, naming the extra."""
    if found.scores:
        return _plot_scores(found, path, title)
    names = [m.opponent for m in found.matches]
    figure = new_figure(title, height=1.8 + 0.5 * len(names))
    left, right = figure.subplots(1, 2)
    rows = range(len(names))
    start = [0.0] * len(names)
    for label, colour, counts in (
        ("won", _WON, [m.wins for m in found.matches]),
        ("drawn", _DRAWN, [m.draws for m in found.matches]),
        ("lost", _LOST, [m.losses for m in found.matches]),
    ):
        shares = [100 * n / len(m.games) for n, m in zip(counts, found.matches, strict=True)]
        left.barh(rows, shares, left=start, color=colour, label=label, height=0.6)
        start = [a + b for a, b in zip(start, shares, strict=True)]
    scores = [m.score for m in found.matches]
    left.errorbar(
        [100 * s.value for s in scores],
        rows,
        xerr=[
            [100 * (s.value - s.low) for s in scores],
            [100 * (s.high - s.value) for s in scores],
        ],
        fmt="D",
        color="black",
        markersize=4,
        capsize=3,
        label="score, 95 %",
    )
    left.set_xlim(-1, 101)
    left.set_yticks(rows, names)
    left.invert_yaxis()
    left.set_title("Games against", loc="left", fontsize=11)
    left.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, -0.32), ncols=4, fontsize=8, frameon=False)
    rated = sorted(found.ratings, key=lambda item: item[1].elo)
    right.errorbar(
        [r.elo for _, r in rated],
        range(len(rated)),
        xerr=[r.error for _, r in rated],
        fmt="o",
        markersize=5,
        capsize=3,
        color=_WON,
    )
    right.set_yticks(range(len(rated)), [name for name, _ in rated])
    right.set_title("Elo (95 %)", loc="left", fontsize=11)
    right.grid(True, axis="x", color="#e6e6e6")
    for label in right.get_yticklabels():
        if label.get_text() == found.matches[0].player:
            label.set_fontweight("bold")
    return write_figure(figure, path)


def _plot_scores(found: Benchmark, path: Path, title: str) -> Path:
    figure = new_figure(title, height=1.8 + 0.5 * len(found.scores))
    axes = figure.subplots(1, 1)
    games = [[g.score for g in s.games] for s in found.scores]
    axes.boxplot(games, orientation="horizontal", showmeans=True, widths=0.6)
    axes.set_yticks(range(1, len(games) + 1), [s.player for s in found.scores])
    axes.invert_yaxis()
    axes.set_title("Scores: quartiles, and the mean as a triangle", loc="left", fontsize=11)
    axes.grid(True, axis="x", color="#e6e6e6")
    return write_figure(figure, path)
