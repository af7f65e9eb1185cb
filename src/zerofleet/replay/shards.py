"""Turns a shard of finished games into positions for the window."""

from zerofleet import _core
from zerofleet.records import GameRecords, ShardMeta, replay
from zerofleet.replay.split import validation_games
from zerofleet.replay.window import PositionBatch

TRAINED_ON = _core.PLY_VALUE_TARGET | _core.PLY_QUIET
"""Flags a ply must have: its search value is meant to be learnt, and nothing is about to happen
that a static evaluation cannot see."""


def positions_of_shard(
    meta: ShardMeta, games: GameRecords, *, name: str, validation_share: float
) -> PositionBatch:
    """Replays every move of a shard and returns its positions to learn from, in order of play.

    This is the validation of the shard as well: nothing of it counts unless all of it replays.

    Raises: ShardError, naming game and ply, if a move is illegal or a result is wrong.
    """
    positions = replay(meta, games, name=name, mask=TRAINED_ON)
    # In a synchronous run numbers are global and start again in every iteration.
    numbered_by = meta.worker_id if meta.iteration is None else f"iteration {meta.iteration}"
    is_validation = validation_games(numbered_by, games.game_number, share=validation_share)
    return PositionBatch(
        source=name,
        model_version=meta.model_version,
        packed=positions.packed,
        search_value=games.search_value[positions.ply],
        result=positions.result(games),
        is_validation=is_validation[positions.game],
    )
