"""What every player is: a name, and a choice of actions for many positions at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from zerofleet.games.protocol import State


class PlayerError(ValueError):
    """A player that cannot be made or cannot play this game; the message says what to change."""


@dataclass(frozen=True)
class Forfeit:
    """In place of an action: the player loses this game, and no other."""

    reason: str
    """Why the game ends: `timeout`, `crash`, `illegal action` or `resigned`."""
    problem: str = ""
    """What went wrong, for people; empty where nothing did."""


@runtime_checkable
class Player(Protocol):
    """Chooses actions. It keeps nothing between calls that changes a choice."""

    @property
    def name(self) -> str:
        """Short and unique within a pool of results; `load_player` reads it where it can."""

    def select_actions(
        self, states: Sequence[State], seeds: Sequence[int]
    ) -> Sequence[int | Forfeit]:
        """Returns one legal action per state, or a forfeit for those whose games are lost.

        Args:
          states: positions in which somebody must move, of any games in progress; left unchanged.
          seeds: one per state, 0 .. 2**63 - 1. The answer for a state depends on the state and its
            seed alone, whatever else is in the batch.
        """


_MASK = (1 << 64) - 1


def mix_seed(*parts: int) -> int:
    """Returns a seed in 0 .. 2**63 - 1 that depends on every part and their order.

    Each part goes through one round of splitmix64 (Steele, Lea and Flood 2014).
    """
    x = 0x9E3779B97F4A7C15
    for part in parts:
        x = (x ^ (part & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        x = (x ^ x >> 27) * 0x94D049BB133111EB & _MASK
        x ^= x >> 31
    return x >> 1
