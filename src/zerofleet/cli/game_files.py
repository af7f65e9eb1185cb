"""`zerofleet new-game` and `zerofleet check-game`: games of your own in Python."""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.roles.config import ConfigError
from zerofleet.run.words import counted


def new_game(name: str, /) -> None:
    """Write NAME.py, a small game with comments, to be changed into yours.

    It runs as it is. The next command is printed; docs/your-own-game.md is the guide.

    In the directory where it shall be, for example

        zerofleet new-game my_game

    Parameters
    ----------
    name
        Of the file, in this directory, in letters, digits and "_"; the class is called MyGame.
    """
    from zerofleet.games import starting_point

    stem = name.removesuffix(".py")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", stem):
        raise ConfigError(f"{name}: expected a name of letters, digits and _, such as my_game")
    class_name = "".join(part.capitalize() for part in stem.split("_")) or "MyGame"
    target = Path(f"{stem}.py")
    source = Path(starting_point.__file__).read_text(encoding="utf-8")
    source = source.replace("starting_point.py", str(target)).replace("MyGame", class_name)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(source)
    except FileExistsError:
        raise ConfigError(f"{target} exists; choose another name") from None
    print(f"wrote {target} with the class {class_name}; now change the rules and run")
    print(f"    zerofleet check-game {target}:{class_name}")


def check_game(
    game: str,
    /,
    *,
    num_games: Annotated[
        int, Parameter(name=["--games", "--num-games"], validator=Number(gte=1))
    ] = 50,
) -> int:
    """Play random games and check everything a game promises.

    Exit status 0 if all is well; 1 at the first broken promise, which is shown with the moves that
    lead there.

    After every change of the rules, for example

        zerofleet check-game my_game.py:MyGame

    Parameters
    ----------
    game
        FILE.py:CLASS (or FILE.py, if it has one game), a compiled game, or openspiel:NAME; with
        options NAME(OPTION=VALUE).
    num_games
        Random games to play.
    """
    import random

    from zerofleet.games import load_game
    from zerofleet.games.game_file import GameFileError
    from zerofleet.games.user_class import explain
    from zerofleet.testing import GameCheckError
    from zerofleet.testing import check_game as check

    try:
        loaded = load_game(game)
    except GameFileError:
        raise
    except Exception as error:
        told = explain(error)
        if told is None and not isinstance(error, (ValueError, ImportError)):
            raise
        if told is None:
            raise ConfigError(str(error)) from error
        print(f"broken: {told}")
        return 1
    shape = " x ".join(map(str, loaded.observation_shape))
    players = counted(loaded.num_players, "player")
    print(f"{loaded.spec}: {players}, {counted(loaded.num_actions, 'action')}, observation {shape}")
    try:
        check(loaded, num_games=num_games)
    except GameCheckError as error:
        print(f"broken: {error}")
        return 1
    print(f"ok: {counted(num_games, 'random game')} kept every promise. A last position:\n")
    rng, state, moves = random.Random(0), loaded.initial_state(), []
    while not state.is_terminal:
        action = rng.choice(state.legal_actions())
        moves.append(loaded.action_to_text(state, action))
        state.apply(action)
    plies = counted(len(moves), "ply", "plies")
    shown = ", ".join(moves[:30]) + (", ..." if len(moves) > 30 else "")
    print(f"{state}\n\nreturns {list(state.returns())} after {plies}: {shown}")
    return 0
