"""Playing and recording training games."""

from zerofleet.selfplay.config import SelfplayConfig
from zerofleet.selfplay.games import GeneratedGames, generate_games

__all__ = ["GeneratedGames", "SelfplayConfig", "generate_games"]
