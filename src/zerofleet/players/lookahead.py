"""The players `greedy` and `minimax-N` of chess, Othello and Go, which alpha-beta does not play."""

from collections.abc import Sequence

import numpy as np

from zerofleet import _core
from zerofleet.engines.clock import Clock
from zerofleet.games.protocol import Game, State
from zerofleet.players.player import Answer, PlayerError


class LookaheadPlayer:
    """Plain minimax over a hand-written value; equal moves are chosen between by the seed."""

    def __init__(self, game: Game, *, name: str, depth: int, threads: int = 1) -> None:
        """Makes a player.

        Args:
          depth: plies looked ahead, from 1.
          threads: positions looked at at once; changes no answer.
        Raises: PlayerError if the game has no such value, naming those that have.
        """
        if game.name not in _core.board_value_games():
            known = sorted({*_core.alphabeta_games(), *_core.board_value_games()})
            raise PlayerError(
                f"{name} cannot play {game.name}: there is no hand-written evaluation of its "
                f"positions; games that have one: {', '.join(known)}"
            )
        self._game = game
        self._name = name
        self._depth = depth
        self._threads = threads

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns the best action of each state."""
        return [int(a) for a in self._choose(states, seeds)[0]]

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> list[Answer]:
        """The same with the value of each position."""
        return [Answer(int(a), float(v)) for a, v in zip(*self._choose(states, seeds), strict=True)]

    def _choose(
        self, states: Sequence[State], seeds: Sequence[int]
    ) -> tuple[list[int], list[float]]:
        found: tuple[list[int], list[float]] = _core.choose_lookahead(
            self._game,
            list(states),
            np.array(seeds, np.uint64),
            depth=self._depth,
            threads=self._threads,
        )
        return found
