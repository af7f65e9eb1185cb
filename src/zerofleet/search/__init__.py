"""Configurations and thin handles of the searches of the C++ core."""

from zerofleet.search.alphabeta import AlphaBetaSearch, SearchResult, select_actions
from zerofleet.search.config import AlphaBetaConfig

__all__ = ["AlphaBetaConfig", "AlphaBetaSearch", "SearchResult", "select_actions"]
