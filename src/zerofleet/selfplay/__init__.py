"""Playing and recording training games."""

from zerofleet.selfplay.config import PlayConfig, SelfplayConfig
from zerofleet.selfplay.games import GeneratedGames, generate_games
from zerofleet.selfplay.play import play_games, run_pool
from zerofleet.selfplay.pool import Pool, PoolMemory, PoolStats

__all__ = [
    "GeneratedGames",
    "PlayConfig",
    "Pool",
    "PoolMemory",
    "PoolStats",
    "SelfplayConfig",
    "generate_games",
    "play_games",
    "run_pool",
]
