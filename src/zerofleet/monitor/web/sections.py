"""What the page shows, as JSON in three sections that change at different paces.

`head`: the run at this moment. `workers`: who plays. `curves`: the loops so far, thinned, so that
what a browser gets does not grow with the run.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zerofleet.arena.lines import duration_text, short_opponent
from zerofleet.arena.stats import IterationStats, is_rated
from zerofleet.monitor.bottleneck import (
    end_text,
    find_bottleneck,
    reuse_ratio,
    silent_workers,
    slow_workers,
    training_share,
)
from zerofleet.monitor.facts import RunFacts
from zerofleet.monitor.tables import fixed_opponents
from zerofleet.monitor.view import LIVE_STATES, RunView, WorkerView
from zerofleet.run.words import parse_version_name

MAX_POINTS = 500
"""Loops in a curve."""
MAX_WORKERS = 60
"""Rows sent with every change: those that need a look come first; the rest on request."""
MAX_VERSIONS = 50
_MAX_MESSAGE = 4000

_Document = dict[str, Any]


def head(view: RunView, facts: RunFacts, *, allow_play: bool) -> _Document:
    """The run at this moment: phase, figures, what limits it, errors, versions, log."""
    limit = find_bottleneck(view, facts)
    new, wanted, unit = view.collected
    eta = view.eta_seconds()
    rated = next((e for e in reversed(view.entries) if is_rated(e)), None)
    last = view.entries[-1] if view.entries else None
    return {
        "name": view.run_name or Path(view.run_dir).name or view.run_dir,
        "run_dir": view.run_dir,
        "game": view.game,
        "phase": view.phase,
        "is_running": view.is_running,
        "is_stopping": facts.is_stopping,
        "end": end_text(view, facts),
        "progress": view.progress,
        "loop": view.loop,
        "max_loops": view.max_loops,
        "collected": {"new": new, "wanted": wanted, "unit": unit},
        "eta": None if eta is None else duration_text(eta),
        "model_version": view.model_version,
        "num_live": view.num_live_workers,
        "num_expected": view.num_expected_workers,
        "games_per_second": view.games_per_second,
        "positions_per_second": view.positions_per_second,
        "window": view.window_positions,
        "max_positions": view.max_positions,
        "reuse": reuse_ratio(view.entries),
        "training_share": training_share(view.entries),
        "pending": {"files": facts.num_pending, "bytes": facts.pending_bytes},
        "strength": None if rated is None else _strength(rated),
        "losses": {} if last is None else _numbers(last.get("losses")),
        "bottleneck": {"kind": limit.kind, "text": limit.text, "advice": limit.advice},
        "errors": _errors(view, facts),
        "versions": _versions(view, facts),
        "num_versions": len(facts.versions),
        "log": [[line.time, line.kind, line.text[:_MAX_MESSAGE]] for line in facts.log[-40:]],
        "allow_play": allow_play,
    }


def workers(view: RunView, *, most: int | None = MAX_WORKERS) -> _Document:
    """The workers' table; those that failed, are silent or slow come first, then by id.

    Args:
      most: rows; None: all.
    """
    slow, silent = set(slow_workers(view.workers)), set(silent_workers(view.workers))

    def urgency(worker: WorkerView) -> tuple[int, str]:
        if worker.state == "error":
            return 0, worker.id
        if worker.id in silent:
            return 1, worker.id
        return (2 if worker.id in slow else 4 if worker.state == "stopped" else 3), worker.id

    shown = sorted(view.workers, key=urgency)[:most]
    return {
        "rows": [_worker(w, w.id in slow, w.id in silent) for w in shown],
        "total": len(view.workers),
        "slow": len(slow),
        "silent": len(silent),
        "failing": sum(w.state == "error" for w in view.workers),
        "stopped": sum(w.state == "stopped" for w in view.workers),
        "live": sum(w.state in LIVE_STATES for w in view.workers),
        "most_games_per_second": max((w.games_per_second for w in view.workers), default=0.0),
    }


def _worker(worker: WorkerView, is_slow: bool, is_silent: bool) -> _Document:
    return {
        "id": worker.id,
        "state": worker.state,
        "host": worker.host,
        "version": worker.model_version,
        "games": worker.games,
        "positions": worker.positions,
        "games_per_second": worker.games_per_second,
        "threads": worker.threads,
        "slow": is_slow,
        "silent": is_silent,
        # In steps, so that a healthy worker's row does not change with every look.
        "silent_seconds": int(worker.silent_seconds // 5 * 5) if is_silent else 0,
        "unconfirmed": not worker.is_confirmed and worker.state in LIVE_STATES,
        "note": worker.note[:300],
    }


def curves(entries: Sequence[IterationStats]) -> _Document:
    """The loops as columns, at most `MAX_POINTS` of them; None where a loop has no such figure."""
    rows = thin(entries)
    loss_names = _keys(rows, lambda e: _numbers(e.get("losses")))
    opponents = fixed_opponents(entries)
    rated = thin([e for e in entries if is_rated(e)])
    return {
        "loops": [e.get("iteration") for e in rows],
        "versions": [e.get("model_version") for e in rows],
        "num_loops": len(entries),
        "totals": {
            "games": sum(_int(e.get("games")) for e in entries),
            "positions": sum(_int(e.get("positions")) for e in entries),
        },
        "losses": {
            name: [_numbers(e.get("losses")).get(name) for e in rows] for name in loss_names
        },
        "mean_plies": [_stat(e, "mean_plies", "avg_moves") for e in rows],
        "results": _results(rows),
        "mean_score": [_stat(e, "mean_score") for e in rows],
        "best_score": [_stat(e, "best_score") for e in rows],
        "games": [_number(e.get("games")) for e in rows],
        "positions": [_number(e.get("positions")) for e in rows],
        "seconds": [_number(e.get("seconds")) for e in rows],
        "training_seconds": [_number(e.get("training_seconds")) for e in rows],
        "window": [_number(e.get("window")) for e in rows],
        "reuse": [reuse_ratio([e]) for e in rows],
        "rated": {
            "loops": [e.get("iteration") for e in rated],
            "versions": [e.get("model_version") for e in rated],
            "strength": [_strength(e) for e in rated],
            "scores": {short_opponent(o): [_match(e, o) for e in rated] for o in opponents[-6:]},
        },
        "opponents": _opponents(entries),
    }


def thin(entries: Sequence[IterationStats], most: int = MAX_POINTS) -> list[IterationStats]:
    """At most `most` entries, evenly spaced, the first and the last always among them."""
    count = len(entries)
    if count <= most:
        return list(entries)
    return [entries[round(i * (count - 1) / (most - 1))] for i in range(most)]


def _results(rows: Sequence[IterationStats]) -> _Document | None:
    """Shares of self-play games that the first player won, drawn, that the second won."""
    columns: dict[str, list[float | None]] = {"first": [], "draw": [], "second": []}
    for entry in rows:
        draw = _stat(entry, "draw_share", "draw_rate")
        score = _stat(entry, "first_player_score")
        first = _stat(entry, "first_player_win_share", "white_win_rate")
        if first is None and score is not None and draw is not None:
            first = score - draw / 2
        known = first is not None and draw is not None
        columns["first"].append(max(0.0, first) if first is not None else None)
        columns["draw"].append(draw)
        columns["second"].append(max(0.0, 1 - first - draw) if known else None)  # type: ignore[operator]
    return columns if any(value is not None for value in columns["draw"]) else None


def _strength(entry: IterationStats) -> _Document:
    """Elo with its error, or in games of one player the mean score with its error."""
    loop = {"version": entry.get("model_version"), "loop": entry.get("iteration")}
    elo = entry.get("elo")
    if isinstance(elo, dict):
        superiority = _number(elo.get("superiority"))
        value, error = _number(elo.get("rating")), _number(elo.get("error"))
        return {"kind": "Elo", "value": value, "error": error, "superiority": superiority, **loop}
    scores = _section(entry, "game_stats").get("scores")
    first = scores[0] if isinstance(scores, list) and scores else {}
    found = first if isinstance(first, dict) else {}
    value, error = _number(found.get("mean")), _number(found.get("error"))
    return {"kind": "score", "value": value, "error": error, "superiority": None, **loop}


def _opponents(entries: Sequence[IterationStats]) -> list[list[Any]]:
    """Fixed players with their newest rating: [name, Elo], or [name, mean score]."""
    for entry in reversed(entries):
        ratings = _section(entry, "elo").get("ratings")
        if isinstance(ratings, dict):
            return [
                [str(name), _number(pair[0])]
                for name, pair in ratings.items()
                if parse_version_name(name) is None and isinstance(pair, list) and pair
            ]
        scores = _section(entry, "game_stats").get("scores")
        if isinstance(scores, list):
            return [
                [str(s.get("player")), _number(s.get("mean"))]
                for s in scores[1:]
                if isinstance(s, dict)
            ]
    return []


def _match(entry: IterationStats, opponent: str) -> list[float | None] | None:
    """[score, low, high] of the entry's match against this opponent."""
    matches = _section(entry, "game_stats").get("matches")
    for match in matches if isinstance(matches, list) else ():
        if isinstance(match, dict) and match.get("opponent") == opponent:
            return [_number(match.get(key)) for key in ("score", "low", "high")]
    return None


def _errors(view: RunView, facts: RunFacts) -> list[_Document]:
    """What went wrong, the latest last: workers, refused files, files that cannot be read."""
    found = [{"who": name, "text": reason} for name, reason in facts.rejected[-5:]]
    found += [{"who": w.id, "text": w.error[-_MAX_MESSAGE:]} for w in view.workers if w.error][-12:]
    for entry in view.entries[-1:]:
        if why := _section(entry, "game_stats").get("rating_error"):
            found.append({"who": "rating", "text": str(why)[:_MAX_MESSAGE]})
    if view.phase.startswith("trainer stopped: "):
        found.append({"who": "trainer", "text": view.phase.removeprefix("trainer stopped: ")})
    return found + [{"who": "files", "text": p} for p in (*view.messages, *facts.problems)]


def _versions(view: RunView, facts: RunFacts) -> list[_Document]:
    """The newest versions, newest first, with what each was rated."""
    rated = {e.get("model_version"): e for e in view.entries[-10 * MAX_VERSIONS :] if is_rated(e)}
    playing: dict[int, int] = {}
    for worker in view.workers:
        if worker.state in LIVE_STATES:
            playing[worker.model_version] = playing.get(worker.model_version, 0) + 1
    return [
        {
            "version": version.number,
            "loop": version.iteration,
            "bytes": version.size_bytes,
            "architecture": version.architecture[:200],
            "strength": _strength(rated[version.number]) if version.number in rated else None,
            "workers": playing.get(version.number, 0),
        }
        for version in reversed(facts.versions[-MAX_VERSIONS:])
    ]


def _keys(
    rows: Sequence[IterationStats], read: Callable[[IterationStats], Mapping[str, float]]
) -> list[str]:
    names: dict[str, None] = {}
    for entry in rows:
        names.update(dict.fromkeys(read(entry)))
    return list(names)[:12]


def _stat(entry: IterationStats, *names: str) -> float | None:
    stats = _section(entry, "game_stats")
    return next((v for n in names if (v := _number(stats.get(n))) is not None), None)


def _section(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = entry.get(key)
    return section if isinstance(section, dict) else {}


def _numbers(section: Any) -> dict[str, float]:
    if not isinstance(section, dict):
        return {}
    return {k: n for k, v in section.items() if (n := _number(v)) is not None}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < 1e300 else None


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0
