"""From finished games to what a net sees of them; the gate of validate.py for such nets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, GameRecords

_NOT_REPLAYED = ("search_value", "policy_prob", "game_number")


@dataclass(frozen=True)
class EncodedPositions:
    """Observations of chosen plies. S positions; the first four fields as in `LeafBatch`."""

    planes: NDArray[Any]
    """uint8 [S, C, ceil(H * W / 8)], or float32 [S, C, H, W] of real-valued observations."""
    scalars: NDArray[np.float32]
    """[S, scalars]."""
    legal_start: NDArray[np.int64]
    """[S + 1] into the next."""
    legal_action: NDArray[np.int32]
    """In the game's own order within a position."""
    ply: NDArray[np.int64]
    """[S] index into the per-ply arrays of the records."""
    game: NDArray[np.int64]
    """[S] index into the per-game arrays."""
    to_play: NDArray[np.uint8]
    """[S] the mover."""


def encode(
    rules: Any,
    games: GameRecords,
    *,
    name: str,
    mask: int = 0,
    without: int = 0,
    threads: int = 1,
) -> EncodedPositions:
    """Replays every move of every game, checks what `validate` checks, and encodes.

    Args:
      rules: the game, as `load_game` returns it.
      name: what error messages call the shard.
      mask, without: plies of players that have all flag bits of `mask` and none of `without`.
      threads: of the core; the result is the same for any number.
    Raises: ShardError at the first thing that is wrong, naming game and ply (both from 0) and
      position.
    """
    arrays = {key: getattr(games, key) for key in ARRAYS if key not in _NOT_REPLAYED}
    try:
        planes, scalars, legal_start, legal_action, ply, to_play = _core.encode_games(
            rules, **arrays, mask=mask, without=without, threads=threads
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise ShardError(name, f"does not replay: {error}") from None
    game = np.searchsorted(games.game_start, ply, side="right") - 1
    return EncodedPositions(planes, scalars, legal_start, legal_action, ply, game, to_play)
