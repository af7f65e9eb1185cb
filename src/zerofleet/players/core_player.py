"""A player whose moves and values one function of the core chooses."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from zerofleet.engines.clock import Clock
from zerofleet.games.protocol import State
from zerofleet.players.player import Answer

Choose = Callable[[list[State], NDArray[np.uint64]], tuple[list[int], list[float]]]
"""Of states and a seed for each: actions, and values of the positions from the mover's view."""


class CorePlayer:
    """Asks the core; every answer is a function of the position and its seed alone."""

    def __init__(self, name: str, choose: Choose) -> None:
        self._name = name
        self._choose = choose

    @property
    def name(self) -> str:
        """The short text it is made from."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns the action chosen in each state."""
        return [int(a) for a in self._ask(states, seeds)[0]]

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> list[Answer]:
        """The same with the value of each position."""
        return [Answer(int(a), float(v)) for a, v in zip(*self._ask(states, seeds), strict=True)]

    def _ask(self, states: Sequence[State], seeds: Sequence[int]) -> tuple[list[int], list[float]]:
        return self._choose(list(states), np.array(seeds, np.uint64))
