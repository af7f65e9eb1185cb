"""What of a shard is learned from and counted, and what its numbers mean in words."""

import numpy as np

from zerofleet import _core
from zerofleet.records.read import decode_shard
from zerofleet.run.numbers import ShardContent

TRAINING_PLIES = _core.PLY_VALUE_TARGET | _core.PLY_QUIET
"""Flags a ply must have to be learned from by a value-only (NNUE) recipe: its search value is meant
to be learnt, and nothing is about to happen that a static evaluation cannot see."""

SAMPLE_PLIES = _core.PLY_VALUE_TARGET
"""Flags a ply must have to be learned from by nets of policy and value."""

RANDOM_OPENING, FAST_SEARCH = _core.PLY_RANDOM_OPENING, _core.PLY_FAST_SEARCH
"""Flags of a ply that was drawn at random, and of one searched with fewer simulations."""

TERMINATION_TEXTS = {
    _core.TERMINATION_PLAYED_OUT: "played to the end",
    _core.TERMINATION_ADJUDICATED: "result proven",
    _core.TERMINATION_RESIGNED: "resigned",
    _core.TERMINATION_LENGTH_BOUND: "ended for its length",
}
"""Why a recorded game ended, in words."""


def shard_account(data: bytes) -> ShardContent:
    """Identity, game numbers and number of training positions of a shard.

    Raises: ShardError if it is damaged.
    """
    meta, games = decode_shard(data, name="shard")
    training = (games.ply_flags & TRAINING_PLIES) == TRAINING_PLIES
    return ShardContent(
        worker=meta.worker_id,
        batch=meta.batch,
        game_numbers=tuple(games.game_number.tolist()),
        num_positions=int(np.count_nonzero(training)),
        iteration=meta.iteration,
    )
