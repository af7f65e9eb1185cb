"""The last gate: every move is replayed by the core before a game counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.games.game_file import is_game_file
from zerofleet.games.registry import load_game
from zerofleet.games.spec import join_spec
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, GameRecords, ShardMeta, recorded_name


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
    """Replays every move of every game and keeps nothing: the one check, for shards of any game.

    Compiled games are replayed by code of their own, all others by the rules.

    Args:
      game: the rules as `load_game` returns them; must be those the meta names. None: they are
        loaded by that name, unless it is a file of rules: what a shard names is never run.
    Raises: ShardError as `replay` does, and for other rules than the meta's. What rules written in
      Python raise at a legal move comes out as it is: they are at fault, not the shard.
    """
    game = _rules(meta, game, name)
    if isinstance(game, _core.Game):
        # No ply has flags that are both set and not set: nothing is packed.
        replay(meta, games, name=name, mask=1, without=1)
        return
    unread = ("search_value", "policy_prob", "game_number")
    arrays = {key: getattr(games, key) for key in ARRAYS if key not in unread}
    try:
        _core.check_games(game, **arrays)
    except _core.RecordError as error:
        raise ShardError(name, f"does not replay: {error}") from None


def _rules(meta: ShardMeta, game: Any, name: str) -> Any:
    try:
        spec = join_spec(meta.game, meta.game_options)
        named = None if is_game_file(meta.game) else load_game(spec)
    except ValueError as error:
        raise ShardError(name, f"does not replay: {error}") from None
    if game is None:
        if named is None:
            raise ShardError(
                name, f"holds games of {spec}, rules in a file: load them and give them as `game`"
            )
        return named
    if named is not None:
        same = named.spec == game.spec
    else:
        same = recorded_name(game) == meta.game and dict(game.options) == meta.game_options
    if not same:
        raise ShardError(name, f"holds games of {spec}; the rules given are those of {game.spec}")
    return game


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
