"""UCT with random rollouts: it needs only the rules, and gets stronger with its simulations."""

from collections.abc import Sequence

import numpy as np

from zerofleet import _core
from zerofleet.engines.clock import Clock
from zerofleet.games.protocol import Game, State
from zerofleet.players.player import Answer, PlayerError


class UctPlayer:
    """Searches every position afresh (Kocsis and Szepesvari 2006), each simulation one rollout."""

    def __init__(self, game: Game, *, num_simulations: int, threads: int = 1) -> None:
        """Makes a player of any game.

        Args:
          threads: positions searched at once; changes no answer.
        Raises: PlayerError without simulations.
        """
        self._name = f"uct:{num_simulations}"
        if num_simulations < 1:
            raise PlayerError(f"{self._name}: expected at least one simulation")
        self._game = game
        self._num_simulations = num_simulations
        self._threads = threads

    @property
    def name(self) -> str:
        """`uct:1000`."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns the most visited action of each state."""
        return [int(a) for a in self._choose(states, seeds)[0]]

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> list[Answer]:
        """The same with the mean result of its rollouts."""
        return [Answer(int(a), float(v)) for a, v in zip(*self._choose(states, seeds), strict=True)]

    def _choose(
        self, states: Sequence[State], seeds: Sequence[int]
    ) -> tuple[list[int], list[float]]:
        found: tuple[list[int], list[float]] = _core.choose_uct(
            self._game,
            list(states),
            np.array(seeds, np.uint64),
            num_simulations=self._num_simulations,
            threads=self._threads,
        )
        return found
