"""Configurations and thin handles of the searches of the C++ core."""

from zerofleet._core import NnueNetwork
from zerofleet.search.alphabeta import AlphaBetaSearch, SearchResult, select_actions
from zerofleet.search.config import AlphaBetaConfig, MctsConfig
from zerofleet.search.mcts import Mcts, MctsResult

__all__ = [
    "AlphaBetaConfig",
    "AlphaBetaSearch",
    "Mcts",
    "MctsConfig",
    "MctsResult",
    "NnueNetwork",
    "SearchResult",
    "select_actions",
]
