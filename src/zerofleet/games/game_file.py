"""Reads a user's game from a file: `my_game.py:MyGame` or `my_game.py:MyGame(size=5)`."""

import ast
import hashlib
import importlib.util
import inspect
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from zerofleet.games.protocol import Game
from zerofleet.games.python_game import PythonGame
from zerofleet.games.spec import split_spec, write_spec
from zerofleet.games.user_class import raised_at, short


class GameFileError(ValueError):
    """A file that has no such game; the message says what to change."""

    exit_status = 2


def is_game_file(spec: str) -> bool:
    """True for texts of the form FILE.py:CLASS and FILE.py."""
    name = spec.partition("(")[0].strip()
    return ".py:" in name or name.endswith(".py")


def load_game_file(spec: str) -> Game:
    """Returns the game of FILE.py:CLASS(OPTION=VALUE,...).

    The class may be left out if the file has one game. Options are the arguments of the class,
    Python literals or else words. A class that is a whole game already (it has `initial_state`) is
    taken as it is.

    Raises: GameFileError for a missing file or class, an error in the file or in `__init__` (the
      cause is chained), an unknown option; RulesError if the class lacks a method.
    """
    name, words = split_spec(spec)
    file, _, class_name = name.rpartition(":") if ".py:" in name else (name, "", "")
    module, sha256 = _load_module(Path(file))
    class_name = class_name or _only_game(file, module)
    name = f"{file}:{class_name}"
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        known = [key for key, value in vars(module).items() if _is_own_class(module, value)]
        near = get_close_matches(class_name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise GameFileError(
            f"{file} has no class {class_name!r}{hint}; its classes: {', '.join(known) or 'none'}"
        )
    standard = _standard_options(found, name)
    options = dict(standard)
    for key, word in words.items():
        if key not in standard:
            near = get_close_matches(key, standard, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise GameFileError(
                f"{name}: unknown option {key!r}{hint} options: {', '.join(standard) or 'none'}"
            )
        options[key] = _value(word)
    try:
        rules: Any = found(**options)
    except (Exception, SystemExit) as error:
        code = getattr(found.__init__, "__code__", None)
        line = raised_at(error, code.co_filename if code else None)
        given = ", ".join(f"{key}={short(value)}" for key, value in options.items())
        raise GameFileError(
            f"{name}: {class_name}({given}) raised {type(error).__name__}: {error}\n  at {line}"
        ) from error
    if hasattr(rules, "initial_state"):
        rules.name, rules.spec = name, write_spec(name, options, standard)
        rules.options = options
        return cast(Game, rules)
    return PythonGame(rules, name, options, standard, sha256)


def _only_game(file: str, module: ModuleType) -> str:
    games = [
        key
        for key, value in vars(module).items()
        if _is_own_class(module, value)
        and not key.startswith("_")
        and (hasattr(value, "initial_position") or hasattr(value, "initial_state"))
    ]
    if len(games) == 1:
        return games[0]
    if not games:
        raise GameFileError(f"{file} has no class with initial_position(); expected a game in it")
    choices = " or ".join(f"{file}:{name}" for name in games)
    raise GameFileError(f"{file} has {len(games)} games; write {choices}")


def _load_module(path: Path) -> tuple[ModuleType, str]:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise GameFileError(f"{path}: {error.strerror or error}") from error
    sha256 = hashlib.sha256(source).hexdigest()
    # One module for one content: positions of a class then are of the same class everywhere.
    key = f"zerofleet_game_{path.stem}_{sha256[:16]}"
    if key in sys.modules:
        return sys.modules[key], sha256
    found = importlib.util.spec_from_file_location(key, path)
    if found is None or found.loader is None:
        raise GameFileError(f"{path}: not a Python file; expected FILE.py:CLASS")
    module = importlib.util.module_from_spec(found)
    sys.modules[key] = module
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[key]
        # A syntax error says its line itself.
        line = "" if isinstance(error, SyntaxError) else f"\n  at {raised_at(error, found.origin)}"
        raise GameFileError(
            f"{path} cannot be read: {type(error).__name__}: {error}{line}"
        ) from error
    return module, sha256


def _is_own_class(module: ModuleType, value: Any) -> bool:
    return inspect.isclass(value) and value.__module__ == module.__name__


def _standard_options(found: type, name: str) -> dict[str, Any]:
    if found.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    standard = {}
    for key, parameter in inspect.signature(found).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty:
            raise GameFileError(
                f"{name}: argument {key!r} of __init__ has no default; every option needs one, as "
                f"in def __init__(self, {key}=5)"
            )
        standard[key] = parameter.default
    return standard


def _value(word: str) -> Any:
    try:
        return ast.literal_eval(word)
    except (SyntaxError, ValueError):
        return word
