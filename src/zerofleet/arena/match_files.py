"""A match as files and as JSON: what `zerofleet match` writes."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zerofleet.arena.game_files import game_texts
from zerofleet.arena.intervals import Interval, pair_superiority
from zerofleet.arena.long_match import LongMatch
from zerofleet.arena.match import MatchResult
from zerofleet.arena.scores import ScoreResult
from zerofleet.games.protocol import Game
from zerofleet.run.atomic import write_atomic


def match_json(found: LongMatch, game: Game, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns everything but the games; the same match gives the same object."""
    result = found.result
    return {
        "format": 1,
        "game": game.spec,
        **settings,
        **result.stats(),
        "elo": elo_json(result.elo),
        "superiority": round(pair_superiority(result.pairs), 4),
        "sprt": found.sprt.to_json() if found.sprt else None,
    }


def elo_json(elo: Interval) -> list[float | None]:
    """Value, low and high; None where infinite, which JSON has not."""
    return [round(x, 1) if math.isfinite(x) else None for x in (elo.value, elo.low, elo.high)]


def write_games(
    folder: Path, game: Game, results: Sequence[MatchResult | ScoreResult], *, stem: str
) -> list[Path]:
    """Writes every game: one a line as text, and as PGN or SGF where the game has that.

    Returns: the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{stem}.{e}": text for e, text in game_texts(game, results).items()}
    for path, text in files.items():
        write_atomic(path, text.encode())
    return list(files)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(value, indent=2) + "\n").encode())
