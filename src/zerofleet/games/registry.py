"""From the text that names a game to its rules."""

import inspect
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

from zerofleet import _core
from zerofleet.games import openspiel
from zerofleet.games.game_file import is_game_file, load_game_file
from zerofleet.games.protocol import Game
from zerofleet.games.spec import join_spec


def game_names() -> list[str]:
    """Names of the compiled games."""
    return list(_core.game_names())


class UnknownGameError(ValueError):
    """A text that names no game, or an option that the game does not take."""

    exit_status = 2


def load_game(spec: str | PathLike[str], **options: Any) -> Game:
    """Returns the rules of a game.

    Args:
      spec: the name of a compiled game, with options or without: `"go"`, `"go(size=9,komi=7.5)"`;
        `"my_game.py:MyGame"` for a game of your own (docs/your-own-game.md), or the path of a file
        with one game; `"openspiel:NAME(params)"` for one of OpenSpiel.
      options: the same by keyword: `load_game("go", size=9)`.
    Raises: ValueError for an unknown game or option, naming the nearest, for a value that the
      option does not take, naming the range, or for an option given twice; TypeError for what is
      no text.
    """
    if isinstance(spec, PathLike):
        spec = fspath(spec)
    if not isinstance(spec, str):
        raise TypeError(_no_text(spec))
    text = join_spec(spec, options)
    if text.startswith(openspiel.PREFIX):
        return openspiel.OpenSpielGame(text.removeprefix(openspiel.PREFIX))
    if is_game_file(text):
        return load_game_file(text)
    try:
        return cast(Game, _core.load_game(text))
    except ValueError as error:
        name = text.partition("(")[0].strip()
        if name in game_names():
            raise UnknownGameError(str(error)) from None
        own = f"{name}.py" if Path(f"{name}.py").is_file() else "FILE.py:CLASS"
        raise UnknownGameError(f"{error}; a game of your own is {own}") from None


def _no_text(spec: Any) -> str:
    try:
        hint = f'for this class: load_game("{inspect.getfile(spec)}:{spec.__name__}")'
    except (TypeError, OSError):  # no class, or one without a file
        hint = "a class is read from its file"
    return (
        f"load_game({spec!r}): expected the name of a game or FILE.py:CLASS of your own, as text; "
        f"{hint}"
    )


def parse_state(spec: str, text: str) -> Any:
    """`load_game(spec).parse(text)`: how pickled states come back."""
    return load_game(spec).parse(text)
