"""What the readers of game files give: games that can be learned from, and why others cannot."""

from collections.abc import Sequence
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

    def by_elo(self, ratings: Sequence[str], line: int) -> "SkippedGame | None":
        """Why a game of players with these ratings, as their tags say, is left out; None: not."""
        elo = min(map(_elo, ratings))
        if elo >= self.min_elo or not self.min_elo:
            return None
        kind = "without Elo" if elo < 0 else f"below Elo {self.min_elo}"
        return SkippedGame(kind, "", line)

    def by_plies(self, num_plies: int, line: int) -> "SkippedGame | None":
        """Why a game of this length is left out; None: it is not."""
        if num_plies >= self.min_plies:
            return None
        return SkippedGame(f"below {self.min_plies} plies", "", line)


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


def _elo(text: str) -> int:
    """-1 if it is none; "2310?" is an uncertain one."""
    text = text.strip().rstrip("?")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1


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
