"""Rules of the games: `load_game(name)` and the face every game has, in C++ or in Python."""

from zerofleet.games.protocol import Game, State
from zerofleet.games.registry import game_names, load_game

__all__ = ["Game", "State", "game_names", "load_game"]
