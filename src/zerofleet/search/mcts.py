"""Typed handle of the tree search of the core, one game at a time (docs/tree_search.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.games.evaluation import Evaluator, LeafBatch, uniform_evaluator
from zerofleet.games.registry import load_game
from zerofleet.search.config import MctsConfig


@dataclass(frozen=True)
class MctsResult:
    """What the search of one move found. Arrays have one entry per legal action, ascending."""

    action: int
    """To play: the most visited one; with Gumbel the winner of sequential halving."""
    value: float
    """Mean of all values seen, in [-1, 1], mover's view."""
    net_value: float
    """The net's value of the position itself."""
    fast: bool
    """A fast search of playout-cap randomisation: its policy is no target."""
    num_simulations: int
    """Descents of this search."""
    cut_short: bool
    """Fewer than asked for: the tree reached `max_nodes` or `max_tree_kib`."""
    visits_kept: int
    """Descents kept from the moves before."""
    num_nodes: int
    """Nodes of the tree."""
    actions: NDArray[np.int32]
    """The legal actions."""
    policy: NDArray[np.float32]
    """The policy target, sums to 1: visits without those that were forced, or the completed-Q
    policy of Gumbel."""
    visits: NDArray[np.int64]
    """Visits of each action, kept ones included."""
    q: NDArray[np.float32]
    """Mean value of each action, mover's view; NaN without visits."""
    prior: NDArray[np.float32]
    """The net's priors, without noise."""


@dataclass(frozen=True)
class TreeStats:
    """The tree of a search."""

    nodes: int
    bytes: int
    most_bytes: int
    """The search ends where the tree takes so many."""
    sum_depths: int
    """Plies of all descents of the last search."""
    largest_depth: int
    """Plies of the longest of them."""


class Mcts:
    """Searches positions of one game with a net.

    The evaluator is called with batches of `leaves_per_round` rows and fewer: for analysis, match
    play and tests. Self-play evaluates thousands of games in one batch (zerofleet.selfplay).
    """

    def __init__(
        self,
        game: Any,
        config: MctsConfig | None = None,
        evaluator: Evaluator | None = None,
        seed: int = 0,
    ) -> None:
        """Makes a search.

        Args:
          game: a game as `load_game` returns it, or its name.
          evaluator: None for `uniform_evaluator`.
          seed: of the noise; the same seed and positions give the same searches.
        """
        self.game = load_game(game) if isinstance(game, str) else game
        self.config = config or MctsConfig()
        self.evaluator = evaluator or uniform_evaluator
        self.seed = seed
        options = self.config.model_dump()
        self._core = _core.Mcts(self.game, options, cache_mib=options["cache_mib"])
        self._started = False

    def new_game(self, state: Any, root_actions: Sequence[int] = ()) -> None:
        """Forgets the tree and starts from a copy of this state.

        Args:
          root_actions: the first move is one of these; none: any legal one.
        Raises: ValueError if one of them is not legal.
        """
        self._core.new_game(state, self.seed, list(root_actions))
        self._started = True

    def search(
        self,
        state: Any = None,
        *,
        fast: bool = False,
        noise: NDArray[np.float64] | None = None,
        num_simulations: int = 0,
    ) -> MctsResult:
        """Searches a position.

        Args:
          state: where a player moves. None: the position `advance` has reached, whose subtree is
            kept.
          fast: a fast search (`fast_simulations`, without PUCT's noise).
          noise: float64 [num_actions], replaces the noise of this move: Gumbel(0, 1) draws, or for
            PUCT a point of the simplex over the legal actions.
          num_simulations: replaces those of the config if > 0.
        Raises: ValueError where nobody moves; RuntimeError if the evaluator returns what are no
          probabilities and values.
        """
        if state is not None:
            self.new_game(state)
        elif not self._started:
            raise ValueError("search() without a state before new_game()")
        self._core.begin_move(fast=fast, noise=noise, num_simulations=num_simulations)
        return self._finish()

    def resume(self, num_simulations: int) -> MctsResult:
        """Goes on with the search of the same position by so many simulations.

        With one leaf a round, n simulations and m more are n + m. PUCT only: Gumbel's sequential
        halving plans for a number it knows before.

        Raises: ValueError with Gumbel selection, or before a search.
        """
        self._core.resume(num_simulations)
        return self._finish()

    def line(self, action: int) -> list[int]:
        """The most visited actions from this one on; empty if the last search never visited it.

        It ends before nature moves.
        """
        return self._core.line(action)

    @property
    def tree_stats(self) -> TreeStats:
        """How large the tree is and how deep the last search went."""
        return TreeStats(**self._core.tree_stats)

    def _finish(self) -> MctsResult:
        while not self._core.done:
            batch = LeafBatch(*self._core.collect())
            if len(batch) == 0:
                continue
            found = self.evaluator(batch)
            self._core.give_back(
                np.ascontiguousarray(found.prior, np.float32),
                np.ascontiguousarray(found.value, np.float32),
            )
        return MctsResult(**self._core.result())

    @staticmethod
    def search_many(searches: Sequence["Mcts"], states: Sequence[Any]) -> list[MctsResult]:
        """Searches one position with each, their leaves evaluated in one batch.

        Args:
          searches: as many as states, of one game and with one evaluator.
          states: where a player moves.
        Returns: what each would have found alone.
        """
        for search, state in zip(searches, states, strict=True):
            search.new_game(state)
            search._core.begin_move()
        active = list(searches)
        while active := [search for search in active if not search._core.done]:
            parts = [LeafBatch(*search._core.collect()) for search in active]
            batch = LeafBatch.concatenated(parts)
            if len(batch) == 0:
                continue
            found = active[0].evaluator(batch)
            prior = np.ascontiguousarray(found.prior, np.float32)
            value = np.ascontiguousarray(found.value, np.float32)
            row = entry = 0
            for search, part in zip(active, parts, strict=True):
                rows, entries = len(part), len(part.legal_action)
                if rows:
                    search._core.give_back(prior[entry : entry + entries], value[row : row + rows])
                row, entry = row + rows, entry + entries
        return [MctsResult(**search._core.result()) for search in searches]

    @property
    def cache_stats(self) -> dict[str, int]:
        """`lookups`, `hits` and `bytes` of the evaluation cache."""
        return self._core.cache_stats

    def advance(self, action: int) -> None:
        """Plays an action, or an outcome where nature moves, and keeps its subtree."""
        self._core.advance(action)
