"""What must hold of records before anything is replayed: sizes, offsets, ranges, probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, GameRecords

MIN_PROB_RATIO = 1 / 1024
"""Policy entries below this share of the largest of their ply are left out of a shard."""
PROB_SUM_TOLERANCE = 4e-3
"""Rounding of a policy's sum: each float16 is off by up to 2^-11 of itself."""


def check_structure(games: GameRecords, name: str) -> None:
    """Checks everything that can be checked without the rules. Raises ShardError with `name`."""
    for key, (_, num_dims) in ARRAYS.items():
        if getattr(games, key).ndim != num_dims:
            shape = getattr(games, key).shape
            raise ShardError(name, f"{key}: expected {num_dims} dimensions, got shape {shape}")
    if games.num_games == 0:
        raise ShardError(name, "no games; a shard holds at least one")
    _check_sizes(games, name)
    _check_offsets(games.game_start, games.num_plies, "game_start", name, empty=False)
    _check_offsets(games.policy_start, len(games.policy_action), "policy_start", name)
    _check_offsets(games.initial_start, len(games.initial_text), "initial_start", name)
    _check_values(games, name)
    _check_policies(games, name)


def _check_sizes(games: GameRecords, name: str) -> None:
    num_games, num_plies = games.num_games, games.num_plies
    expected = {
        "game_start": num_games + 1,
        "ply_flags": num_plies,
        "search_value": num_plies,
        "policy_start": num_plies + 1,
        "policy_prob": len(games.policy_action),
        "returns": num_games,
        "game_number": num_games,
        "initial_start": num_games + 1,
    }
    for key, size in expected.items():
        got = len(getattr(games, key))
        if got != size:
            detail = f"for {num_games} games and {num_plies} plies"
            raise ShardError(name, f"{key}: expected {size} entries {detail}, got {got}")
    if not 1 <= games.returns.shape[1] <= 2:
        raise ShardError(name, f"returns: expected 1 or 2 players, got {games.returns.shape[1]}")


def _check_offsets(
    start: NDArray[np.int64], end: int, key: str, name: str, *, empty: bool = True
) -> None:
    if start[0] != 0 or start[-1] != end:
        raise ShardError(
            name, f"{key}: expected to begin with 0 and end with {end}, got {start[0]}, {start[-1]}"
        )
    # Compared, not subtracted: a difference of hostile numbers may overflow.
    wrong = start[1:] < start[:-1] if empty else start[1:] <= start[:-1]
    if wrong.any():
        at = int(np.argmax(wrong))
        rule = "never falls" if empty else "always rises"
        raise ShardError(
            name, f"{key}: {rule}, but {start[at + 1]} follows {start[at]} at {at + 1}"
        )


def _refuse(bad: NDArray[np.bool_], values: NDArray[Any], key: str, rule: str, name: str) -> None:
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        where = ", ".join(map(str, at))
        raise ShardError(name, f"{key}[{where}]: expected {rule}, got {values[at]}")


def _check_values(games: GameRecords, name: str) -> None:
    flags, value = games.ply_flags, games.search_value
    _refuse(games.action < 0, games.action, "action", "an action >= 0", name)
    _refuse(
        (flags & ~np.uint8(_core.PLY_FLAG_BITS)) != 0, flags, "ply_flags", "known bits only", name
    )
    _refuse(np.abs(value) > 1, value, "search_value", "-1..1 or NaN", name)
    returns = games.returns
    if returns.shape[1] == 1:  # a score
        _refuse(~np.isfinite(returns), returns, "returns", "a finite number", name)
    else:
        _refuse(~(np.abs(returns) <= 1), returns, "returns", "-1..1", name)
    _refuse(
        games.termination >= _core.NUM_TERMINATIONS,
        games.termination,
        "termination",
        f"0..{_core.NUM_TERMINATIONS - 1}",
        name,
    )
    numbers = games.game_number
    _refuse(numbers < 0, numbers, "game_number", "a number >= 0", name)
    ordered = np.sort(numbers)
    twice = ordered[1:] == ordered[:-1]
    if twice.any():
        raise ShardError(
            name, f"game_number: expected distinct numbers, got {ordered[np.argmax(twice)]} twice"
        )


def _check_policies(games: GameRecords, name: str) -> None:
    start, prob = games.policy_start, games.policy_prob.astype(np.float32)
    has_policy = start[1:] > start[:-1]
    is_target = (games.ply_flags & _core.PLY_POLICY_TARGET) != 0
    if (has_policy != is_target).any():
        ply = int(np.argmax(has_policy != is_target))
        found = "entries" if has_policy[ply] else "none"
        raise ShardError(
            name, f"ply {ply}: policy entries exactly where the flag says, got {found}"
        )
    if not len(prob):
        return
    _refuse(games.policy_action < 0, games.policy_action, "policy_action", "an action >= 0", name)
    _refuse(~((prob > 0) & (prob <= 1)), prob, "policy_prob", "0 < p <= 1", name)
    # Plies without entries take no part: reduceat would give them their neighbour's first one.
    first = start[:-1][has_policy]
    plies = np.flatnonzero(has_policy)
    sums = np.add.reduceat(prob, first)
    wrong = np.abs(sums - 1) > PROB_SUM_TOLERANCE
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ShardError(
            name, f"policy_prob of ply {plies[at]}: expected to sum to 1, got {sums[at]:.4f}"
        )
    largest = np.maximum.reduceat(prob, first)
    # 1 % slack: both numbers are rounded to float16.
    too_small = np.minimum.reduceat(prob, first) < largest * (MIN_PROB_RATIO * 0.99)
    if too_small.any():
        ply = plies[int(np.argmax(too_small))]
        raise ShardError(
            name, f"policy_prob of ply {ply}: an entry below 1/1024 of the largest; leave it out"
        )
