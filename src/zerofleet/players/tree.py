"""Players that search trees: with a net, or with the rules alone."""

from collections.abc import Sequence

import numpy as np

from zerofleet.engines.clock import Clock
from zerofleet.games.evaluation import Evaluator, uniform_evaluator
from zerofleet.games.protocol import Game, State
from zerofleet.players.player import Answer, PlayerError
from zerofleet.search.config import MctsConfig
from zerofleet.search.mcts import Mcts, MctsResult


class TreePlayer:
    """Searches every position afresh with the same number of simulations and without noise.

    The positions of a call are searched together, their leaves evaluated in one batch.
    """

    def __init__(
        self,
        game: Game,
        *,
        name: str,
        num_simulations: int,
        evaluator: Evaluator = uniform_evaluator,
        config: MctsConfig | None = None,
    ) -> None:
        """Makes a player.

        Args:
          num_simulations: of each move; 0: the net's most probable move, without search.
          config: rules of the search; those of matches where they differ from self-play.
        """
        if num_simulations < 0:
            raise PlayerError(f"{name}: expected simulations >= 0; came {num_simulations}")
        self._game = game
        self._name = name
        self._evaluator = evaluator
        self._num_simulations = num_simulations
        self._config = match_config(config or MctsConfig(), num_simulations)
        self._searches: list[Mcts] = []

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns the best action found for each state."""
        return [self.chosen(f) for f in self.search(states, seeds)]

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> list[Answer]:
        """The same with the value of each position; the number of simulations is its only limit."""
        searched = self._num_simulations > 0
        return [
            Answer(self.chosen(f), float(f.value if searched else f.net_value))
            for f in self.search(states, seeds)
        ]

    def search(self, states: Sequence[State], seeds: Sequence[int]) -> list[MctsResult]:
        """What the search of each state found; one simulation where the player takes none."""
        if not states:
            return []
        for number in range(len(self._searches), len(states)):
            self._searches.append(Mcts(self._game, self._config, self._evaluator, seed=number))
        searches = self._searches[: len(states)]
        for search, seed in zip(searches, seeds, strict=True):
            search.seed = seed
        return Mcts.search_many(searches, states)

    def chosen(self, found: MctsResult) -> int:
        """Returns the action to play after a search."""
        if self._num_simulations == 0:
            return int(found.actions[int(np.argmax(found.prior))])
        return found.action


def match_config(config: MctsConfig, num_simulations: int) -> MctsConfig:
    """The search of a run as matches use it: every move in full, without noise."""
    return config.model_copy(
        update={
            "num_simulations": max(1, num_simulations),
            "full_search_probability": 1.0,
            "dirichlet_weight": 0.0,
            "gumbel_scale": 0.0,
            "forced_playouts": 0.0,
            "reuse_subtree": False,
            "cache_mib": 0,
        }
    )
