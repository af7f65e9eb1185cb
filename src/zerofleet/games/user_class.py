"""A user's class, asked: every answer is checked, every error names method, place and position.

Nothing else calls the methods of such a class. What they raise passes on as it is, with a note;
`explain` turns it into lines for people.
"""

import inspect
import math
import operator
import os
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

REQUIRED = ("num_actions", "initial_position", "to_play", "legal_actions", "play", "returns")
"""What a class must have; everything else has a default."""
NUMBERS = (
    *("num_actions", "num_players", "max_plies", "max_text_bytes", "max_chance_outcomes"),
    *("symmetries", "score_range", "score_scalar"),
)
METHODS = (
    *("initial_position", "to_play", "legal_actions", "play", "returns", "is_terminal"),
    "at_length_bound",
    *("chance_outcomes", "observation", "scalars", "search_value", "pretty", "text", "parse"),
    *("action_to_text", "outcome_to_text", "transform", "transform_action", "transform_outcome"),
)
_WITHOUT_POSITION = (
    *("initial_position", "parse", "search_value", "transform_action", "transform_outcome"),
)
_NOTE = "raised by your "
MOST = (1 << 31) - 1
"""The largest number of a class: what the core counts with."""


class RulesError(ValueError):
    """An answer that no game can give: from which method, what was expected, in which position."""

    says_where = True
    """The core then adds no note of its own."""


class RulesWarning(UserWarning):
    """What looks like a mistake in a class."""


class Facts(NamedTuple):
    """What is known of a position before somebody moves."""

    is_terminal: bool
    outcomes: list[tuple[int, float]]
    """With probabilities, ascending; empty where nature does not move."""
    legal: list[int]
    """Actions, or where nature moves the outcomes, ascending."""


def explain(error: BaseException) -> str | None:
    """Lines for people if a user's class is to blame: what happened, where, in which position."""
    if isinstance(error, RulesError):
        return str(error)
    for note in getattr(error, "__notes__", ()):
        if note.startswith(_NOTE):
            return f"{type(error).__name__}: {error}\n  {note}"
    return None


def raised_at(error: BaseException, file: str | None = None) -> str:
    """`FILE:LINE: SOURCE` of the innermost line that raised, in this file if there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    last = ([frame for frame in frames if frame.filename == file] or frames)[-1]
    return f"{relative(last.filename)}:{last.lineno}: {last.line}"


def relative(file: str) -> str:
    """The path of a file as short as people write it."""
    path = os.path.relpath(file)
    return file if path.startswith("..") else path


def short(value: Any) -> str:
    """The value as Python writes it, cut if it is long."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= 300 else text[:300] + "..."


class UserClass:
    """An instance of a user's class and the name of the game.

    Raises: RulesError naming what the class lacks. Warns of names that look misspelt.
    """

    def __init__(self, user: Any, name: str) -> None:
        self.user = user
        self.name = name
        missing = [key for key in REQUIRED if not hasattr(user, key)]
        similar = _similar_names(type(user))
        if missing:
            instead = [f"; it has {similar[key]}" for key in missing if key in similar]
            raise RulesError(
                f"{name}: the class has no {', '.join(missing)}{''.join(instead)}; "
                "docs/your-own-game.md lists what a game needs"
            )
        for known, written in similar.items():
            if not hasattr(user, known):
                warnings.warn(
                    f"{name}: {written} is not used; did you mean {known}? (A helper of yours is "
                    f"called _{written} and is left alone)",
                    RulesWarning,
                    stacklevel=2,
                )
        self._has = frozenset(method for method in METHODS if hasattr(user, method))
        self.num_actions = self.count("num_actions", None)
        self.num_players = self.count("num_players", 2, 1, 2)
        self.max_chance_outcomes = self.count("max_chance_outcomes", 0, 0)

    def has(self, method: str) -> bool:
        """Whether the class writes an optional method."""
        return method in self._has

    def count(self, key: str, standard: int | None, least: int = 1, most: int = MOST) -> int:
        """A number of the class that must be whole and in range."""
        value: Any = getattr(self.user, key, standard)
        try:
            number = operator.index(value)
        except TypeError:
            number = -1
        if not least <= number <= most:
            expected = f"at least {least}" if most == MOST else f"{least}..{most}"
            raise RulesError(
                f"{self.name}: {key} is {short(value)}; expected a whole number, {expected}"
            )
        return number

    # ---- asking

    def ask(self, method: str, *args: Any) -> Any:
        """Calls a method; what it yields comes back as a list."""
        try:
            answer = getattr(self.user, method)(*args)
            return list(answer) if isinstance(answer, Iterator) else answer
        except Exception as error:
            error.add_note(
                f"{_NOTE}{_call(method, args)}, {self.name}\n  at {self._place(method, error)}"
                + _position(method, args)
            )
            raise
        except SystemExit as error:
            raise RulesError(
                f"{self.name}: {_call(method, args)} ended the program with exit({error.code!r}); "
                f"a game must not{_position(method, args)}"
            ) from error

    def _place(self, method: str, error: Exception) -> str:
        code = getattr(inspect.unwrap(getattr(self.user, method)), "__code__", None)
        if code is None:
            return raised_at(error)
        entered = [f for f, _ in traceback.walk_tb(error.__traceback__) if f.f_code is code]
        if not entered:  # the arguments did not fit
            return f"{relative(code.co_filename)}:{code.co_firstlineno}: def {method}"
        return raised_at(error, code.co_filename)

    def wrong(self, expected: str, answer: Any, method: str, *args: Any) -> RulesError:
        """The error of an answer that was not what was expected."""
        return RulesError(
            f"{self.name}: {_call(method, args)} returned {short(answer)}; expected {expected}"
            + _position(method, args)
        )

    def ask_position(self, method: str, *args: Any) -> Any:
        """Calls a method that returns a position: an immutable value that is equal to its like."""
        answer = self.ask(method, *args)
        if answer is None:
            raise self.wrong("a position; is a `return` missing?", answer, method, *args)
        try:
            hash(answer)
        except TypeError:
            raise self.wrong(
                f"an immutable position, such as a tuple or a string, but a "
                f"{_unhashable(answer)} can change",
                answer,
                method,
                *args,
            ) from None
        if getattr(type(answer), "__eq__", None) is object.__eq__:
            raise self.wrong(
                f"a position that equals its like, but {type(answer).__name__} has no __eq__; "
                "make it a @dataclass(frozen=True) or a tuple",
                answer,
                method,
                *args,
            )
        return answer

    def ask_number(self, method: str, *args: Any) -> int:
        """Calls a method that returns a whole number."""
        answer = self.ask(method, *args)
        try:
            return operator.index(answer)
        except TypeError:
            raise self.wrong("a whole number", answer, method, *args) from None

    def search_value(self, score: float) -> float:
        """The score on the scale of search."""
        answer = self.ask("search_value", score)
        if not isinstance(answer, Real) or not abs(float(answer)) <= 1:
            raise self.wrong("a number in -1..1", answer, "search_value", score)
        return float(answer)

    # ---- the questions about a position

    def facts(self, position: Any) -> Facts:
        """Who can do what; asks in the order end, nature, players."""
        says_terminal = False
        if self.has("is_terminal"):
            answer = self.ask("is_terminal", position)
            if answer is None:
                raise self.wrong(
                    "True or False; is a `return` missing?", answer, "is_terminal", position
                )
            says_terminal = bool(answer)
        if says_terminal:
            return Facts(True, [], [])
        outcomes = self._outcomes(position) if self.max_chance_outcomes else []
        if outcomes:
            return Facts(False, outcomes, [outcome for outcome, _ in outcomes])
        legal = self._legal_actions(position)
        if not legal and self.has("is_terminal"):
            raise self.wrong(
                "an action, or is_terminal(position) to be True", legal, "legal_actions", position
            )
        return Facts(not legal, [], legal)

    def _legal_actions(self, position: Any) -> list[int]:
        answer = self.ask("legal_actions", position)
        expected = f"actions 0..{self.num_actions - 1} (num_actions is {self.num_actions})"
        return self._numbers(answer, answer, self.num_actions, expected, "legal_actions", position)

    def _numbers(
        self, items: Any, answer: Any, end: int, expected: str, method: str, position: Any
    ) -> list[int]:
        """Whole numbers 0..end - 1, each once, ascending."""

        def wrong(why: str) -> RulesError:
            return self.wrong(f"{expected}, each once, but {why}", answer, method, position)

        if not isinstance(items, Iterable):
            raise wrong("this is no list")
        numbers = []
        for item in items:
            try:
                numbers.append(operator.index(item))
            except TypeError:
                raise wrong(f"{short(item)} is no whole number") from None
        numbers.sort()
        for n, number in enumerate(numbers):
            if not 0 <= number < end:
                raise wrong(f"{number} is none of them")
            if n and numbers[n - 1] == number:
                raise wrong(f"{number} comes twice")
        return numbers

    def _outcomes(self, position: Any) -> list[tuple[int, float]]:
        answer = self.ask("chance_outcomes", position)
        try:
            found = {outcome: float(p) for outcome, p in answer or ()}
        except (TypeError, ValueError):
            raise self.wrong(
                "[(outcome, probability), ...], or [] where a player moves",
                answer,
                "chance_outcomes",
                position,
            ) from None
        expected = (
            f"outcomes 0..{self.max_chance_outcomes - 1} "
            f"(max_chance_outcomes is {self.max_chance_outcomes})"
        )
        keys = [outcome for outcome, _ in answer or ()]
        numbers = self._numbers(
            keys, answer, self.max_chance_outcomes, expected, "chance_outcomes", position
        )
        bad = [p for p in found.values() if not p > 0]
        if numbers and (bad or abs(sum(found.values()) - 1) > 1e-5):
            why = f"{bad[0]} among them" if bad else f"a sum of {sum(found.values()):g}"
            raise self.wrong(
                f"probabilities above 0 with the sum 1, not {why}",
                answer,
                "chance_outcomes",
                position,
            )
        return [(number, found[number]) for number in numbers]

    def to_play(self, position: Any) -> int:
        """The player who moves."""
        answer = self.ask("to_play", position)
        try:
            player = operator.index(answer)
        except TypeError:
            player = -1
        if not 0 <= player < self.num_players:
            players = "0 or 1" if self.num_players == 2 else "0 (num_players is 1)"
            raise self.wrong(f"the player who moves, {players}", answer, "to_play", position)
        return player

    def returns(self, position: Any) -> list[float]:
        """One number for each player."""
        answer = self.ask("returns", position)
        two = self.num_players == 2
        try:
            if isinstance(answer, (str, bytes, Mapping)):
                raise TypeError
            numbers = (
                [float(r) for r in answer] if isinstance(answer, Iterable) else [float(answer)]
            )
        except (TypeError, ValueError):
            numbers = []
        if two and len(numbers) == 1 and not isinstance(answer, Iterable):
            numbers.append(0.0 - numbers[0])
        ok = len(numbers) == self.num_players and all(map(math.isfinite, numbers))
        if two and ok:
            ok = abs(numbers[0]) <= 1 and sum(numbers) == 0
        if not ok:
            raise self.wrong(
                "player 0's result, a number from -1 (lost) to 1 (won), or [r, -r] for both"
                if two
                else "the score, a number",
                answer,
                "returns",
                position,
            )
        return numbers

    # ---- what a network sees

    def planes(self, position: Any, shape: tuple[int, ...] | None) -> NDArray[np.float32]:
        """float32 [C, H, W]; `shape` is that of the start, None while it is not known."""
        answer = self.ask("observation", position)
        same = "planes of rows of cells, all rows of one length"
        try:
            planes = np.array(answer, np.float32)
        except (TypeError, ValueError):
            raise self.wrong(
                f"{same}, numbers only, but this is no such array", answer, "observation", position
            ) from None
        if planes.ndim != 3 or planes.size == 0:
            raise self.wrong(
                f"{same}, but its shape is {planes.shape}", answer, "observation", position
            )
        return self._as_at_the_start(planes, shape, answer, "observation", position)

    def scalars(self, position: Any, length: int | None) -> NDArray[np.float32]:
        """float32 [S]; `length` as `shape` above."""
        if not self.has("scalars"):
            return np.zeros(0, np.float32)
        answer = self.ask("scalars", position)
        try:
            scalars = np.array(answer, np.float32).reshape(-1)
        except (TypeError, ValueError):
            raise self.wrong("a list of numbers", answer, "scalars", position) from None
        shape = None if length is None else (length,)
        return self._as_at_the_start(scalars, shape, answer, "scalars", position)

    def _as_at_the_start(
        self,
        array: NDArray[np.float32],
        shape: tuple[int, ...] | None,
        answer: Any,
        method: str,
        position: Any,
    ) -> NDArray[np.float32]:
        if shape is not None and array.shape != shape:
            raise self.wrong(
                f"shape {shape} as at the start, but here it is {array.shape}",
                answer,
                method,
                position,
            )
        return array


def _call(method: str, args: tuple[Any, ...]) -> str:
    shown = [short(arg) for arg in args]
    if args and method not in _WITHOUT_POSITION:
        shown[0] = "position"
    return f"{method}({', '.join(shown)})"


def _position(method: str, args: tuple[Any, ...]) -> str:
    if not args or method in _WITHOUT_POSITION:
        return ""
    return f"\n  position: {short(args[0])}"


def _unhashable(value: Any) -> str:
    """The type inside the value that can change."""
    for item in value if isinstance(value, tuple) else ():
        try:
            hash(item)
        except TypeError:
            return _unhashable(item)
    return type(value).__name__


def _similar_names(user: type) -> dict[str, str]:
    """Known name -> a public name of the class that looks like it and means nothing to us."""
    found = {}
    own: dict[str, Any] = {}
    for base in reversed(user.__mro__[:-1]):
        own.update(vars(base))
    for name, value in own.items():
        if name.startswith("_") or name in METHODS or name in NUMBERS:
            continue
        if callable(value) and not inspect.isclass(value):
            near = get_close_matches(name, METHODS, n=1, cutoff=0.66)
        elif isinstance(value, (int, float, tuple)):
            near = get_close_matches(name, NUMBERS, n=1, cutoff=0.66)
        else:
            continue
        if near and not name.startswith(f"{near[0]}_"):  # text_of is a helper, texts is not
            found[near[0]] = name
    return found
