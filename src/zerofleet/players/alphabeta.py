"""Players that search with alpha-beta in the core: the greedy and minimax opponents, NNUE nets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.engines.clock import Clock
from zerofleet.fleet.devices import usable_cores
from zerofleet.games.protocol import Game, State
from zerofleet.players.lookahead import LookaheadPlayer
from zerofleet.players.player import Answer, Player, PlayerError
from zerofleet.search.alphabeta import alphabeta_spec


class AlphaBetaPlayer:
    """Searches every position to the same depth; equal moves are chosen between by the seed.

    A position is searched afresh, without anything remembered from the plies before, so that an
    answer depends on state and seed alone.
    """

    def __init__(
        self,
        game: Game,
        *,
        name: str,
        depth: int,
        network: Any = None,
        quiescence: bool = True,
        reductions: bool = True,
        nodes: int = 0,
        threads: int = 1,
    ):
        """Checks that the core can search this game with this network.

        Args:
          network: a `_core.NnueNetwork`, or None for the greedy evaluation: small boards won,
            threats and places, written by hand.
          depth: plies before quiescence, from 1.
          quiescence: follow moves that win a board or the game beyond the depth.
          reductions: search late moves less deeply; off, the value is that of plain minimax.
          nodes: positions a search may enter; 0: no limit.
          threads: positions searched at once; changes no answer.
        Raises: PlayerError naming the game.
        """
        self._game = game
        self._name = name
        self._network = network
        self._limits: dict[str, Any] = {
            "depth": depth,
            "nodes": nodes,
            "quiescence": quiescence,
            "reductions": reductions,
            "threads": threads,
        }
        if depth < 1:
            raise PlayerError(f"{name}: expected a depth of at least 1 ply; came {depth}")
        try:
            alphabeta_spec(game)
            self.select_actions([game.initial_state()], [0])
        except ValueError as error:
            raise PlayerError(f"{name} cannot play {game.name}: {error}") from error

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns the best action found for each state."""
        if not states:
            return []
        actions, _ = self._search(states, seeds)
        return [int(a) for a in actions]

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> list[Answer]:
        """The same with the value of each position; depth and nodes are its only limits."""
        if not states:
            return []
        actions, scores = self._search(states, seeds)
        return [
            Answer(int(a), _core.score_to_value(int(s)))
            for a, s in zip(actions, scores, strict=True)
        ]

    def values(self, states: Sequence[State]) -> list[float]:
        """Returns the value of each state after search, in [-1, 1], mover's view."""
        if not states:
            return []
        _, scores = self._search(states, [0] * len(states))
        return [_core.score_to_value(int(score)) for score in scores]

    def _search(
        self, states: Sequence[State], seeds: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        packed = np.stack([state.pack() for state in states])
        numbers = np.array(seeds, dtype=np.uint64)
        actions, scores, _ = _core.select_actions(
            self._game.spec, self._network, packed, numbers, **self._limits
        )
        return actions, scores


def greedy_player(game: Game) -> Player:
    """Returns the player that takes the best position one ply ahead by the greedy evaluation."""
    return minimax_player(game, 1, name="greedy")


def minimax_player(game: Game, depth: int, *, name: str | None = None) -> Player:
    """Returns plain minimax over the greedy evaluation: no quiescence, no reductions."""
    name = name or f"minimax:{depth}"
    if game.name not in _core.alphabeta_games():
        return LookaheadPlayer(game, name=name, depth=depth, threads=usable_cores())
    return AlphaBetaPlayer(game, name=name, depth=depth, quiescence=False, reductions=False)


def nnue_player(
    game: Game, data: bytes, *, name: str, depth: int = 2, nodes: int = 0, threads: int = 1
) -> AlphaBetaPlayer:
    """Returns the search of a network, given the bytes of a `.nnue` file that was checked.

    Raises: PlayerError if the bytes are not a network of this game.
    """
    try:
        network = _core.NnueNetwork(data)
    except ValueError as error:
        raise PlayerError(f"{name}: {error}") from error
    return AlphaBetaPlayer(
        game, name=name, depth=depth, network=network, nodes=nodes, threads=threads
    )
