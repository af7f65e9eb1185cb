"""The tables people read: fleet, last loops, final strength. They shrink on narrow terminals."""

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from zerofleet.arena.elo import Ratings
from zerofleet.arena.intervals import elo_from_score
from zerofleet.arena.lines import duration_text, elo_text, score_text, short_opponent
from zerofleet.arena.stats import IterationStats, MatchStats, ScoreStats, find_match
from zerofleet.monitor.view import WorkerView
from zerofleet.run.words import parse_version_name

TINY, NARROW, WIDE = 56, 80, 120
"""Terminal widths below which tables leave out what matters less."""

_STATE_STYLES = {
    "active": "green",
    "waiting": "green",
    "syncing": "cyan",
    "error": "bold red",
    "offline": "yellow",
    "stopped": "dim",
}
_SHOWN_STATE = {"waiting": "active"}


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def _add_columns(table: Table, columns: Sequence[str], text_columns: Sequence[str]) -> None:
    for name in columns:
        is_text = name in text_columns
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=True, overflow="ellipsis"
        )


def shown_state(state: str) -> str:
    """A worker's state as people read it: one that waits is active."""
    return _SHOWN_STATE.get(state, state)


def fleet_table(workers: Sequence[WorkerView], *, width: int = WIDE) -> Table:
    """Returns one row per worker: state, model, batches, games, positions, speed."""
    columns = ["Worker", "State", "Model", "Batches", "Games", "Positions", "Games/s"]
    if width < NARROW:
        columns = ["Worker", "State", "Model", "Games", "Games/s"]
    if width < TINY:
        columns = ["Worker", "State", "Games/s"]
    if width >= WIDE and any(w.host for w in workers):
        columns.insert(1, "Host")
    if any(w.restarts for w in workers) and width >= NARROW:
        columns.append("Restarts")
    what = ", what each delivered since it was started" if "Batches" in columns else ""
    table = _table(f"Workers{what}")
    _add_columns(table, columns, ("Worker", "Host", "State"))
    for w in workers:
        state = shown_state(w.state)
        cells: dict[str, str | Text] = {
            "Worker": w.id,
            "Host": w.host,
            "State": Text(state, style=_STATE_STYLES.get(w.state, "yellow")),
            "Model": f"v{w.model_version:04d}" if w.model_version else "-",
            "Batches": f"{w.batch:,}",
            "Games": f"{w.games:,}",
            "Positions": f"{w.positions:,}",
            "Games/s": f"{w.games_per_second:.1f}",
            "Restarts": str(w.restarts) if w.restarts else "",
        }
        table.add_row(*(cells[c] for c in columns))
    return table


def loops_table(
    entries: Sequence[IterationStats],
    *,
    width: int = WIDE,
    max_rows: int = 8,
    opponents: Sequence[str] | None = None,
) -> Table:
    """Returns the last loops: games, positions, losses, scores against fixed opponents, Elo.

    Games of one player have scores instead: the mean in self-play and of the version measured.

    Args:
      opponents: columns of scores; default: the fixed opponents of the last rated loop.
    """
    if opponents is None:
        opponents = fixed_opponents(entries)
    if width < NARROW:
        opponents = opponents[-1:]
    elif width < WIDE:
        opponents = [*opponents[:1], *opponents[1:][-1 if width < 100 else -2 :]]
    columns = ["Loop", "Model", "Games", "Positions", "Train loss", "Val loss"]
    if width < NARROW:
        columns = ["Loop", "Positions", "Val loss"] if width >= TINY else ["Loop"]
    elif width < WIDE:
        columns = ["Loop", "Positions", "Val loss"]
    headings = {o: f"vs {short_opponent(o)}" for o in opponents}
    one_player = any("mean_score" in e.get("game_stats", {}) for e in entries)
    measured = any("scores" in e.get("game_stats", {}) for e in entries)
    if one_player:
        columns += ["Self-play"] if width >= NARROW or not measured else []
        columns += ["Best"] if width >= WIDE else []
        columns += ["Score"] if measured else []
    if any("val_accuracy" in e.get("losses", {}) for e in entries) and width >= NARROW:
        columns += ["Accuracy"]
    gated = width >= NARROW and any("gate" in e for e in entries[-max_rows:])
    columns += headings.values()
    columns += ["Of games"] if width >= NARROW and (headings or measured) else []
    columns += [] if one_player else ["Elo"]
    columns += [*(("Gate",) if gated else ()), "Time"]
    rows: list[dict[str, str]] = []
    for entry in entries[-max_rows:]:
        losses, stats = entry.get("losses", {}), entry.get("game_stats", {})
        cells = {
            "Loop": str(entry.get("iteration", "")),
            "Model": f"v{entry.get('model_version', 0):04d}",
            "Games": f"{entry.get('games', 0):,}",
            "Positions": f"{entry.get('positions', 0):,}",
            "Train loss": f"{losses['train']:.4f}" if "train" in losses else "",
            "Val loss": f"{losses['val']:.4f}" if "val" in losses else "",
            "Accuracy": f"{losses['val_accuracy']:.1%}" if "val_accuracy" in losses else "",
            "Elo": elo_text(entry.get("elo", {})),
            "Self-play": f"{stats['mean_score']:,.0f}" if "mean_score" in stats else "",
            "Score": score_text(stats["scores"][0]) if "scores" in stats else "",
            "Best": f"{stats['best_score']:,.0f}" if "best_score" in stats else "",
            "Gate": _gate_cell(entry),
            "Time": duration_text(entry["seconds"]) if "seconds" in entry else "",
        }
        played = {s["games"] for s in stats.get("scores", [])[:1]}
        for opponent, heading in headings.items():
            match = find_match(entry, opponent)
            cells[heading] = f"{match['score']:.1%}" if match else ""
            played |= {match["games"]} if match else set()
        # Each score is of so many: at the end of a run more are played than after a loop.
        counts = (min(played), max(played)) if played else ()
        cells["Of games"] = "-".join(f"{n:,}" for n in dict.fromkeys(counts))
        rows.append(cells)
    for name in ("Train loss", "Games", "Positions"):  # what room is missing for
        taken = sum(max(map(len, [c, *(row[c] for row in rows)])) + 3 for c in columns)
        if name in columns and taken + 1 > width:
            columns.remove(name)
    table = _table(
        "Last loops" + (", each with the model it published" if "Model" in columns else "")
    )
    _add_columns(table, columns, ())
    for row in rows:
        table.add_row(*(row[c] for c in columns))
    return table


def _gate_cell(entry: IterationStats) -> str:
    """`57% ok` of a candidate that was published, `48% no` of one that was refused."""
    if "gate" not in entry:
        return ""
    gate = entry["gate"]
    return f"{gate['score']:.0%} {'ok' if gate['accepted'] else 'no'}"


def fixed_opponents(entries: Sequence[IterationStats]) -> list[str]:
    """Returns the opponents of the last rated loop that are not versions of the run."""
    for entry in reversed(entries):
        if matches := entry.get("game_stats", {}).get("matches"):
            names = [m["opponent"] for m in matches]
            return [n for n in names if parse_version_name(n) is None]
    return []


def strength_table(
    matches: Sequence[MatchStats], *, title: str = "Strength", width: int = WIDE
) -> Table:
    """Returns one row per opponent: games, won/drawn/lost, score and Elo difference.

    Scores carry their 95 % interval from the pairs of games; Elo bounds are those of the score.
    """
    columns = ["Opponent", "Games", "Distinct", "Won/drawn/lost", "Score", "95 %", "Elo difference"]
    if width < WIDE:
        columns = ["Opponent", "Won/drawn/lost", "Score", "95 %", "Elo difference"]
    if width < NARROW:
        columns = ["Opponent", "Won/drawn/lost", "Score", "95 %"]
    if width < TINY:
        columns = ["Opponent", "Score", "95 %"]
    table = _table(title)
    _add_columns(table, columns, ("Opponent", "Elo difference"))
    for m in matches:
        cells = {
            "Opponent": m["opponent"],
            "Games": f"{m['games']:,}",
            "Distinct": f"{m['distinct_games']:,}",
            "Won/drawn/lost": f"{m['wins']}/{m['draws']}/{m['losses']}",
            "Score": f"{m['score']:.1%}",
            "95 %": f"{m['low']:.1%} - {m['high']:.1%}",
            "Elo difference": elo_difference_text(m["score"], m["low"], m["high"]),
        }
        table.add_row(*(cells[c] for c in columns))
    return table


def ladder_table(
    ratings: Ratings, matches: Sequence[MatchStats], *, title: str = "Ladder", width: int = WIDE
) -> Table:
    """Returns one row per player, the strongest first: Elo, likelihood of being above the next.

    `LOS` is the likelihood of superiority over the player one row below, from the errors of the
    difference.
    """
    columns = ["Player", "Elo", "LOS", "Games", "Score", "Distinct"]
    if width < NARROW:
        columns = ["Player", "Elo", "LOS"]
    table = _table(title)
    _add_columns(table, columns, ("Player",))
    ordered = sorted(ratings.names, key=lambda n: -ratings[n].elo)
    for name, below in zip(ordered, [*ordered[1:], None], strict=True):
        rating = ratings[name]
        own = [m for m in matches if name in (m["player"], m["opponent"])]
        games = sum(m["games"] for m in own)
        points = sum(
            m["games"] * (m["score"] if m["player"] == name else 1 - m["score"]) for m in own
        )
        cells = {
            "Player": name,
            "Elo": f"{rating.elo:.0f} ± {rating.error:.0f}",
            "LOS": f"{ratings.superiority(name, below):.1%}" if below else "",
            "Games": f"{games:,}",
            "Score": f"{points / games:.1%}" if games else "",
            "Distinct": f"{sum(m['distinct_games'] for m in own):,}",
        }
        table.add_row(*(cells[c] for c in columns))
    return table


def score_table(
    scores: Sequence[ScoreStats], *, title: str = "Strength", width: int = WIDE
) -> Table:
    """Returns one row per player of a game for one: mean score with its 95 % interval, the rest."""
    tiles = any("largest_tile" in s for s in scores)
    columns = ["Player", "Games", "Score", "Median", "Best", "Plies"]
    if width < WIDE:
        columns = ["Player", "Score", "Best"]
    if width < TINY:
        columns = ["Player", "Score"]
    if tiles and width >= NARROW:
        columns.append("Largest tile")
    table = _table(title)
    _add_columns(table, columns, ("Player", "Largest tile"))
    for s in scores:
        digits = 0 if abs(s["best"]) >= 100 else 2
        cells = {
            "Player": s["player"],
            "Games": f"{s['games']:,}",
            "Score": score_text(s),
            "Median": f"{s['median']:,.{digits}f}",
            "Best": f"{s['best']:,.{digits}f}",
            "Plies": f"{s['mean_plies']:,.0f}",
            "Largest tile": tile_shares_text(s),
        }
        table.add_row(*(cells[c] for c in columns))
    return table


def tile_shares_text(scores: ScoreStats, *, most: int = 3) -> str:
    """Returns the shares of games by largest tile, `2048 4 %  1024 31 %`, the `most` largest."""
    counts = sorted(((int(t), n) for t, n in scores.get("largest_tile", {}).items()), reverse=True)
    shares = [f"{tile} {n / scores['games']:.0%}".replace("%", " %") for tile, n in counts[:most]]
    return "  ".join(shares)


def elo_difference_text(score: float, low: float, high: float) -> str:
    """Returns `+120 (+84 to +160)`, or a one-sided statement where a bound is infinite."""
    value, least, most = (elo_from_score(s) for s in (score, low, high))
    if math.isinf(value):
        return f"over {least:+.0f}" if value > 0 else f"under {most:+.0f}"
    if math.isinf(most):
        return f"{value:+.0f} (over {least:+.0f})"
    if math.isinf(least):
        return f"{value:+.0f} (under {most:+.0f})"
    return f"{value:+.0f} ({least:+.0f} to {most:+.0f})"
