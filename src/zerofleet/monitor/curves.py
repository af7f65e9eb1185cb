"""Curves in a terminal: lines of braille dots, two by four to a character."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_AXIS_WIDTH = 8


@dataclass(frozen=True)
class Curve:
    """One line of a chart."""

    name: str
    values: Sequence[float | None]
    """None: nothing was measured there; the line goes on to the next value."""
    style: str = "cyan"


def draw_curves(curves: Sequence[Curve], *, width: int, height: int, digits: int = 0) -> Text:
    """Returns a chart of `height` lines of `width` columns: a legend, then the curves.

    Curves share both axes; the x axis is the place in the list, thinned to what fits. The legend
    has the newest value of each.
    """
    known = [c for c in curves if any(v is not None for v in c.values)]
    if not known or width < _AXIS_WIDTH + 8 or height < 3:
        return Text("nothing yet", style="dim")
    values = [v for c in known for v in c.values if v is not None]
    # What comes before the first value of any curve takes no room.
    start = min(next(i for i, v in enumerate(c.values) if v is not None) for c in known)
    known = [replace(c, values=c.values[start:]) for c in known]
    low, high = min(values), max(values)
    if low == high:
        low, high = (low - 0.5 * abs(low), high + 0.5 * abs(high)) if low else (0.0, 1.0)
    columns, rows = width - _AXIS_WIDTH, height - 1
    cells = [[0] * columns for _ in range(rows)]
    styles = [[""] * columns for _ in range(rows)]
    for curve in known:
        _draw(curve, cells, styles, low, high)
    chart = _legend(known, width, digits)
    for row in range(rows):
        label = {0: high, rows - 1: low}.get(row)
        text = "" if label is None else number_text(label, digits)
        chart.append(f"\n{text:>{_AXIS_WIDTH - 1}} ", style="dim")
        for column in range(columns):
            chart.append(chr(0x2800 + cells[row][column]), style=styles[row][column])
    return chart


def number_text(value: float, digits: int = 0) -> str:
    """A number short enough for an axis: `1,004`, `0.0127`, `12.5k`, `3.1M`."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.1f}M"
    if size >= 1e5:
        return f"{value / 1e3:.0f}k"
    return f"{value:,.{digits}f}"


def _legend(curves: Sequence[Curve], width: int, digits: int) -> Text:
    line = Text(" " * _AXIS_WIDTH, overflow="ellipsis", no_wrap=True)
    for curve in curves:
        newest = next(v for v in reversed(curve.values) if v is not None)
        line.append(f"{curve.name} ", style=curve.style)
        line.append(f"{number_text(newest, digits)}  ", style="bold")
    line.truncate(width)
    return line


def _draw(
    curve: Curve, cells: list[list[int]], styles: list[list[str]], low: float, high: float
) -> None:
    num_x, num_y = 2 * len(cells[0]), 4 * len(cells)
    last_index = max(1, len(curve.values) - 1)
    points = [
        (
            round(i * (num_x - 1) / last_index),
            round((high - v) / (high - low) * (num_y - 1)),
        )
        for i, v in enumerate(curve.values)
        if v is not None
    ]
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        steps = max(1, abs(x1 - x0), abs(y1 - y0))
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step // steps, y0 + (y1 - y0) * step // steps
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
            styles[y // 4][x // 2] = curve.style
