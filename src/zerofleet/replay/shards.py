"""Turns a shard of finished games into positions for the window."""

import numpy as np

from zerofleet.records import GameRecords, ShardMeta, replay
from zerofleet.records.account import TRAINING_PLIES
from zerofleet.replay.split import validation_games
from zerofleet.replay.window import PositionBatch


def positions_of_shard(
    meta: ShardMeta,
    games: GameRecords,
    *,
    name: str,
    validation_share: float,
    untrained_version: int | None = None,
) -> PositionBatch:
    """Replays every move of a shard and returns its positions to learn from, in order of play.

    This is the validation of the shard as well: nothing of it counts unless all of it replays.

    Args:
      untrained_version: a model version with random weights. Its search values are noise, but for
        proven wins and losses; its positions are learned from by their results.

    Raises: ShardError, naming game and ply, if a move is illegal or a result is wrong.
    """
    positions = replay(meta, games, name=name, mask=TRAINING_PLIES)
    # In a synchronous run numbers are global and start again in every iteration.
    numbered_by = meta.worker_id if meta.iteration is None else f"iteration {meta.iteration}"
    is_validation = validation_games(numbered_by, games.game_number, share=validation_share)
    search_value = games.search_value[positions.ply]
    if meta.model_version == untrained_version:
        search_value = np.where(np.abs(search_value) == 1.0, search_value, np.float32(np.nan))
    return PositionBatch(
        source=name,
        model_version=meta.model_version,
        packed=positions.packed,
        search_value=search_value,
        result=positions.result(games),
        is_validation=is_validation[positions.game],
    )
