"""Chooses what is kept for validation: whole games, or whole classes of equal seed positions.

Positions of one game resemble each other, so a split by position would let the net see nearly
every validation position in training. The choice is a hash, not a draw: a game is on the same side
after every restart.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.games import load_game

_U64 = npt.NDArray[np.uint64]


def validation_games(
    worker: str, game_number: npt.NDArray[np.int64], *, share: float
) -> npt.NDArray[np.bool_]:
    """Returns which games of a worker are kept for validation.

    Args:
      worker: id of the worker, which numbers its games.
      game_number: i64 [G].
      share: of all games, in [0, 1].
    """
    key = int.from_bytes(hashlib.sha256(worker.encode()).digest()[:8], "little")
    return _below(_mix(game_number.astype(np.uint64) ^ np.uint64(key)), share)


def validation_positions(
    game: str, packed: npt.NDArray[np.uint8], *, share: float
) -> npt.NDArray[np.bool_]:
    """Returns which positions [N, P] without a game are kept for validation.

    A position and its mirror images are on the same side, as training shows all of them.
    """
    smallest = np.full(len(packed), np.iinfo(np.uint64).max, np.uint64)
    for symmetry in range(load_game(game).symmetries):
        images = np.full(len(packed), symmetry, np.uint8)
        features = _core.encode_features(game, packed, images)[0]
        smallest = np.minimum(smallest, _hash_rows(features))
    return _below(_mix(smallest), share)  # mixed again: the least of eight is small


def _hash_rows(rows_NK: npt.NDArray[np.uint8]) -> _U64:
    num_words = -(-rows_NK.shape[1] // 8)
    words = np.pad(rows_NK, ((0, 0), (0, 8 * num_words - rows_NK.shape[1]))).view("<u8")
    state = np.zeros(len(rows_NK), np.uint64)
    for column in range(num_words):
        state = _mix(state ^ words[:, column])
    return state


def _mix(x: _U64) -> _U64:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _below(hashed: _U64, share: float) -> npt.NDArray[np.bool_]:
    # 53 bits are what a double holds exactly.
    below: npt.NDArray[np.bool_] = (hashed >> np.uint64(11)) < np.uint64(round(share * 2**53))
    return below
