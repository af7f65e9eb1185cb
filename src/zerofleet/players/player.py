"""What every player is: a name, and a choice of actions for many positions at once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from zerofleet.engines.clock import Clock
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


@dataclass(frozen=True)
class Answer:
    """What a player says in a position."""

    action: int | Forfeit
    value: float | None = None
    """What it thinks of the position, mover's view, in [-1, 1]; None if it does not say."""
    seconds: float | None = None
    """What it took; None: its share of the time of all that were asked together."""


class AnsweringPlayer(Player, Protocol):
    """A player that says what it thinks, or that looks at the clock."""

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> Sequence[Answer]:
        """Like `select_actions`, with a clock for each state, None where there is none."""


def ask(
    player: Player, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
) -> list[Answer]:
    """Asks any player; the seconds of all answers are filled in.

    Raises: ValueError if it answers another number of positions; what the player raises.
    """
    begun = time.monotonic()
    if hasattr(player, "answer"):
        found = list(cast(AnsweringPlayer, player).answer(states, seeds, clocks))
    else:
        chosen = player.select_actions(states, seeds)
        found = [Answer(a if isinstance(a, Forfeit) else int(a)) for a in chosen]
    if len(found) != len(states):
        raise ValueError(f"answered {len(found)} of {len(states)} positions")
    share = (time.monotonic() - begun) / max(1, len(states))
    return [Answer(a.action, a.value, share if a.seconds is None else a.seconds) for a in found]


class Renamed:
    """A player under another name: the same one twice in a match."""

    def __init__(self, player: Player, name: str) -> None:
        self._player = player
        self.name = name

    def select_actions(
        self, states: Sequence[State], seeds: Sequence[int]
    ) -> Sequence[int | Forfeit]:
        """As the player."""
        return self._player.select_actions(states, seeds)

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> Sequence[Answer]:
        """As the player."""
        return ask(self._player, states, seeds, clocks)


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
