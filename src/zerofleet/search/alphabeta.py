"""Typed handles of the alpha-beta search of the core (docs/alphabeta.md)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.search.config import AlphaBetaConfig


@dataclass(frozen=True)
class SearchResult:
    """What a search found; scores and values from the view of the side to move."""

    action: int
    """The best move."""
    score: int
    """512 are one logit of the win probability; a forced win in n plies is SCORE_WIN - n."""
    value: float
    """tanh(score / 1024) in [-1, 1]; exactly 1 or -1 if proven."""
    proven: bool
    """The result is forced, whatever the net thinks."""
    depth: int
    """Plies of the last finished iteration."""
    interrupted: bool
    """A limit of nodes or time, or `stop`, ended the search before its depth."""
    nodes: int
    """Positions entered, quiescence included."""
    evaluations: int
    """Positions evaluated."""
    pv: list[int]
    """The expected line, legal in turn, beginning with `action`."""


def alphabeta_spec(game: Any) -> str:
    """The text by which the core's alpha-beta knows a game.

    Args:
      game: its name, or the game as `load_game` returns it.
    Raises: ValueError naming the games it plays, and what searches the others.
    """
    spec: str = game if isinstance(game, str) else game.spec
    if spec.partition("(")[0].strip() not in _core.game_names():
        raise ValueError(
            f"alpha-beta does not play {spec}: it needs a compiled game with an evaluation "
            f"({', '.join(_core.alphabeta_games())}); zerofleet.search.Mcts searches every game"
        )
    return spec


class AlphaBetaSearch:
    """Searches positions of one game with a network, or with the hand-written heuristic.

    The table and the move ordering learn from one search to the next of the same game; `new_game`
    forgets them. One thread at a time, but `stop` may be called from any.
    """

    def __init__(
        self,
        game: Any,
        network: _core.NnueNetwork | None = None,
        config: AlphaBetaConfig | None = None,
    ) -> None:
        """Makes a search of a game or of its name. Raises: ValueError if alpha-beta lacks it."""
        self.config = config or AlphaBetaConfig()
        self._core = _core.AlphaBeta(alphabeta_spec(game), network, **_options(self.config))

    def search(self, packed: NDArray[np.uint8], *, seconds: float = 0.0) -> SearchResult:
        """Searches `state.pack()` within the depth and nodes of the config, and `seconds` if > 0.

        Raises: ValueError if the position is none, or is finished.
        """
        found = self._core.search(
            packed, depth=self.config.depth, nodes=self.config.nodes, seconds=seconds
        )
        return SearchResult(**found)

    def new_game(self) -> None:
        """Forgets what was learnt from earlier searches."""
        self._core.new_game()

    def stop(self) -> None:
        """Makes a search that is running return soon with the best found so far."""
        self._core.stop()


def select_actions(
    game: Any,
    network: _core.NnueNetwork | None,
    packed: NDArray[np.uint8],
    seeds: NDArray[np.uint64],
    config: AlphaBetaConfig,
    *,
    threads: int = 1,
) -> NDArray[np.int32]:
    """Best moves of unrelated positions, for match play.

    Args:
      game: as `load_game` returns it, or its name.
      network: None for the hand-written heuristic.
      packed: uint8 [N, packed_bytes].
      seeds: uint64 [N]; a seed chooses between moves of equal value.
    Returns: int32 [N]; each depends on its position, its seed and the config alone.
    """
    # A match asks for one move at a time, and shallow searches fill little of a table.
    options = _options(config) | {"table_kib": min(config.table_kib, 16 << min(config.depth, 10))}
    actions, _, _ = _core.select_actions(
        alphabeta_spec(game),
        network,
        packed,
        seeds,
        depth=config.depth,
        nodes=config.nodes,
        threads=threads,
        **options,
    )
    return actions


def _options(config: AlphaBetaConfig) -> dict[str, Any]:
    return config.model_dump(include={"reductions", "quiescence", "aspiration", "table_kib"})
