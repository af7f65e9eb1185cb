"""From the text that names a game to its rules."""

from typing import Any, cast

from zerofleet import _core
from zerofleet.games import openspiel
from zerofleet.games.game_file import is_game_file, load_game_file
from zerofleet.games.protocol import Game
from zerofleet.games.spec import join_spec


def game_names() -> list[str]:
    """Names of the compiled games."""
    return list(_core.game_names())


def load_game(spec: str, **options: Any) -> Game:
    """Returns the rules of a game.

    Args:
      spec: the name of a compiled game, with options or without: `"go"`, `"go(size=9,komi=7.5)"`;
        `"my_game.py:MyGame"` for a game of your own (docs/your-own-game.md);
        `"openspiel:NAME(params)"` for one of OpenSpiel.
      options: the same by keyword: `load_game("go", size=9)`; they win over those of `spec`.
    Raises: ValueError for an unknown game or option, naming the nearest, or for a value that the
      option does not take, naming the range.
    """
    text = join_spec(spec, options)
    if text.startswith(openspiel.PREFIX):
        return openspiel.OpenSpielGame(text.removeprefix(openspiel.PREFIX))
    if is_game_file(text):
        return load_game_file(text)
    return cast(Game, _core.load_game(text))


def parse_state(spec: str, text: str) -> Any:
    """`load_game(spec).parse(text)`: how pickled states come back."""
    return load_game(spec).parse(text)
