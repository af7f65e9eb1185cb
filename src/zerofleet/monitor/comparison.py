"""Two sets of measured matches beside each other, with what their errors allow to say."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from zerofleet.arena.stats import MatchStats, ScoreStats

_Measured = tuple[Sequence[MatchStats], Sequence[ScoreStats]]


def compare_measured(first: _Measured, second: _Measured) -> Table:
    """Returns one row per opponent that both met: scores of A and B, difference, 95 % interval.

    Of several matches against one opponent the last counts. Where the interval of the difference
    holds 0 the two cannot be told apart by these games.
    """
    table = Table(title="Comparison", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("Against")
    for heading in ("A", "B", "B - A"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("B is")
    sides = [{m["opponent"]: m for m in matches} for matches, _ in (first, second)]
    for opponent in [o for o in sides[0] if o in sides[1]]:
        a, b = sides[0][opponent], sides[1][opponent]
        error = sum((m["high"] - m["low"]) ** 2 / 4 for m in (a, b)) ** 0.5
        _add(table, opponent, a["score"], b["score"], error, percent=True)
    scores = [{s["player"]: s for s in found} for _, found in (first, second)]
    own = [next((s for s in found), None) for _, found in (first, second)]
    pairs = {p: (scores[0][p], scores[1][p]) for p in scores[0] if p in scores[1]}
    if own[0] is not None and own[1] is not None:
        pairs.setdefault(f"{own[0]['player']}, {own[1]['player']}", (own[0], own[1]))
    for player, (one, other) in pairs.items():
        error = (one["error"] ** 2 + other["error"] ** 2) ** 0.5
        _add(table, player, one["mean"], other["mean"], error, percent=False)
    if not table.rows:
        table.add_row("nothing that both met", "", "", "", "")
    return table


def _add(table: Table, name: str, a: float, b: float, error: float, *, percent: bool) -> None:
    form = (lambda v, sign="": f"{100 * v:{sign}.1f} %") if percent else _plain
    verdict = "not told apart" if abs(b - a) <= error else "better" if b > a else "worse"
    table.add_row(name, form(a), form(b), f"{form(b - a, '+')} ± {form(error)}", verdict)


def _plain(value: float, sign: str = "") -> str:
    return f"{value:{sign},.0f}"
