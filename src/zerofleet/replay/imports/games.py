"""What the readers of game files give: games that can be learned from, and why others cannot."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Filters:
    """Games that are left out though nothing is wrong with them."""

    min_elo: int = 0
    """Both players have a rating of at least this; 0: ratings do not matter."""
    min_plies: int = 0
    """Moves of both sides together."""


@dataclass(frozen=True)
class ImportedGame:
    """A finished game, as a shard holds it."""

    spec: str
    """The rules, as `load_game` takes them."""
    actions: NDArray[np.int32]
    """At least one."""
    first_player_return: float
    """1, 0 or -1."""
    line: int
    """Where it begins in its text, from 1."""
    termination: int
    """As in `_core.TERMINATION_*`."""
    initial_text: str = ""
    """The first position; empty: the usual one."""
    num_plies_cut: int = 0
    """Moves at the end that our rules do not allow any more."""


@dataclass(frozen=True)
class SkippedGame:
    """A game that is left out."""

    kind: str
    """A few words for the summary."""
    reason: str
    """What is wrong and where; empty if a filter left it out, which is only counted."""
    line: int


@dataclass(frozen=True)
class Place:
    """How far a text has been read: up to the end of a game. Readers go on from there."""

    offset: int = 0
    """Bytes of the unpacked text."""
    line: int = 1
    num_games: int = 0
    """Games up to here, skipped ones included."""
    skipping: bool = False
    """The last game was cut for its length; its rest is passed over."""


class GameReader(Protocol):
    """Reads games from the pieces of a text."""

    def feed(self, piece: bytes) -> None:
        """The next piece, of any size."""

    def finish(self) -> None:
        """The text has ended."""

    def next(self) -> ImportedGame | SkippedGame | None:
        """The next game; None if more of the text is needed or, after `finish`, at the end."""

    @property
    def place(self) -> Place:
        """Behind the last game."""
