"""The last gate: every move is replayed by the core before a game counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.games.spec import join_spec
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, GameRecords, ShardMeta


@dataclass(frozen=True)
class ReplayedPositions:
    """The positions of chosen plies. S positions; B bytes each, as the game packs them."""

    packed: NDArray[np.uint8]
    """[S, B] the position in which the action was taken."""
    ply: NDArray[np.int64]
    """[S] index into the per-ply arrays of the records."""
    game: NDArray[np.int64]
    """[S] index into the per-game arrays."""
    to_play: NDArray[np.uint8]
    """[S] the mover; 255 where nature moved."""

    def result(self, games: GameRecords) -> NDArray[np.float32]:
        """[S] the game's outcome in [-1, 1] from the mover's view."""
        return games.returns[self.game, self.to_play]


def replay(
    meta: ShardMeta, games: GameRecords, *, name: str, mask: int = 0, without: int = 0
) -> ReplayedPositions:
    """Replays every move of every game and returns the positions asked for.

    Args:
      meta, games: what `decode_shard` returned.
      name: what error messages call the shard.
      mask, without: positions whose ply has all flag bits of `mask` and none of `without`.
    Raises: ShardError at the first illegal move, wrong ending or wrong result, naming game and
      ply (both from 0) and position.
    """
    try:
        packed, ply, to_play = _core.replay_games(
            join_spec(meta.game, meta.game_options),
            game_start=games.game_start,
            action=games.action,
            ply_flags=games.ply_flags,
            returns=games.returns,
            termination=games.termination,
            policy_start=games.policy_start,
            policy_action=games.policy_action,
            initial_start=games.initial_start,
            initial_text=games.initial_text,
            mask=mask,
            without=without,
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise ShardError(name, f"does not replay: {error}") from None
    game = np.searchsorted(games.game_start, ply, side="right") - 1
    return ReplayedPositions(packed, ply, game, to_play)


def validate(meta: ShardMeta, games: GameRecords, *, name: str, game: Any = None) -> None:
    """Replays everything and keeps nothing.

    Args:
      game: the rules, for games that are not compiled in; None: those the meta names.
    Raises: ShardError as `replay` does.
    """
    if game is not None:
        arrays = {
            key: getattr(games, key)
            for key in ARRAYS
            if key not in ("search_value", "policy_prob", "game_number")
        }
        try:
            _core.check_games(game, **arrays)
        except (ValueError, UnicodeDecodeError) as error:
            raise ShardError(name, f"does not replay: {error}") from None
        return
    # No ply has flags that are both set and not set: nothing is packed.
    replay(meta, games, name=name, mask=1, without=1)


def check_identity(
    meta: ShardMeta, *, name: str, model_version: int, worker: str, batch: int
) -> None:
    """Checks that the meta repeats what the file's name says. Raises ShardError."""
    said = (model_version, worker, batch)
    found = (meta.model_version, meta.worker_id, meta.batch)
    if said != found:
        raise ShardError(
            name,
            f"expected the meta inside to repeat (model version, worker, batch) {said} of the "
            f"name, got {found}; was it renamed?",
        )
