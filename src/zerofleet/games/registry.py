"""From a game's name to its rules."""

from typing import Any, cast

from zerofleet import _core
from zerofleet.games.protocol import Game


def game_names() -> list[str]:
    """Names that `load_game` accepts."""
    return list(_core.game_names())


def load_game(name: str, **options: Any) -> Game:
    """Returns the rules of a game.

    Args:
      name: one of `game_names()`.
      options: the game's options, such as a board size; the games compiled so far have none.
    Raises: ValueError, naming the known games and the nearest, or the option that does not exist.
    """
    game = cast(Game, _core.load_game(name))
    if options:
        raise ValueError(f"{name}: unknown option {sorted(options)[0]!r}; this game has no options")
    return game
