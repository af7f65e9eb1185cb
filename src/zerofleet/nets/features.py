"""The sparse feature sets an NNUE can read, as far as the trainer has to know them.

Positions become features in C++ (`_core.encode_features`), for the side to move. The opponent's
view is the same bits in another order: what is mine is theirs. The trainer uses that, so it
expands each position once and not twice. tests/nets/test_features.py compares with the core.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class FeatureSet:
    """Names a feature set and says how it looks from the other side."""

    name: str
    """As written in `.nnue` files; the number after the slash rises when the meaning changes."""
    game: str
    """Name of the game whose positions it describes."""
    num_features: int
    """Binary features of each view (F)."""
    bucket_span: int
    """Pieces on a full board: bucket = min(B - 1, num_pieces * B // bucket_span)."""
    swapped: tuple[tuple[int, int, int], ...]
    """(first of mine, first of theirs, length) of each block that changes places."""

    @property
    def packed_bytes(self) -> int:
        """Bytes of one bit-packed view, as the core hands it out."""
        return (self.num_features + 7) // 8

    def opponent_order(self) -> npt.NDArray[np.int64]:
        """Index i64 [F]: feature f of the opponent's view is bit `order[f]` of the mover's.

        It is its own inverse.
        """
        order = np.arange(self.num_features)
        for mine, theirs, length in self.swapped:
            order[mine : mine + length] = np.arange(theirs, theirs + length)
            order[theirs : theirs + length] = np.arange(mine, mine + length)
        return order


FEATURE_SETS = {
    feature_set.name: feature_set
    for feature_set in (
        # 81 mine, 81 theirs (by action), 9 + 9 boards won, 9 drawn, 9 active, 1 any board.
        FeatureSet("ultimate_ttt/1", "ultimate_ttt", 199, 72, ((0, 81, 81), (162, 171, 9))),
        FeatureSet("connect_four/1", "connect_four", 84, 42, ((0, 42, 42),)),
        FeatureSet("tic_tac_toe/1", "tic_tac_toe", 18, 9, ((0, 9, 9),)),
    )
}


def feature_set_of_game(game: str) -> FeatureSet:
    """Returns the newest feature set of a game.

    Raises: ValueError, naming the games that have one.
    """
    for feature_set in FEATURE_SETS.values():
        if feature_set.game == game:
            return feature_set
    games = ", ".join(sorted(s.game for s in FEATURE_SETS.values()))
    raise ValueError(f"the game {game!r} has no NNUE features; games that have: {games}")
