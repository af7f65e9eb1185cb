# ruff: noqa: D102 - the protocol documents the methods of the face
"""Games written in Python: from a class with about ten short methods to the face of every game.

A user's class knows positions, any immutable and hashable Python values, and says what follows from
them; docs/your-own-game.md lists its methods. `PythonGame` and `PythonState` are the face of such a
class, with everything filled in that it left out.
"""

import ast
import hashlib
import math
from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet.games.spec import write_spec
from zerofleet.games.user_class import Facts, RulesError, UserClass, explain, short


class PythonGame:
    """The face (`zerofleet.games.Game`) of a user's class.

    Args:
      rules: an instance of the class.
      name: what `load_game` calls it.
      options: those it was made with, with `standard` their values where none are given.
      source_sha256: of the file it was read from, so that a run can tell when the rules change.
    Raises: RulesError naming what the class lacks, or what its first answers should have been.
    """

    def __init__(
        self,
        rules: Any,
        name: str,
        options: Mapping[str, Any] | None = None,
        standard: Mapping[str, Any] | None = None,
        source_sha256: str = "",
    ) -> None:
        self.rules = UserClass(rules, name)
        self.name = name
        self.options = dict(options or {})
        self.spec = write_spec(name, self.options, standard or {})
        self.source_sha256 = source_sha256
        self.num_actions = self.rules.num_actions
        self.num_players = self.rules.num_players
        self.max_chance_outcomes = self.rules.max_chance_outcomes
        self.max_plies = self.rules.count("max_plies", 1000)
        self.symmetries = self.rules.count("symmetries", 1)
        self.packed_bytes = self.rules.count("max_text_bytes", 512)
        if self.rules.has("chance_outcomes") and self.max_chance_outcomes < 1:
            raise RulesError(f"{name}: chance_outcomes() without max_chance_outcomes (at least 1)")
        if self.max_chance_outcomes and not self.rules.has("chance_outcomes"):
            raise RulesError(f"{name}: max_chance_outcomes without chance_outcomes(position)")
        if self.symmetries > 1:
            for method in ("transform", "transform_action"):
                if not self.rules.has(method):
                    raise RulesError(f"{name}: {self.symmetries} symmetries without {method}()")
        self.score_range = getattr(rules, "score_range", (-1.0, 1.0))
        try:
            low, high = map(float, self.score_range)
        except (TypeError, ValueError):
            low = high = 0.0
        if not low < high:
            raise RulesError(
                f"{name}: score_range is {short(self.score_range)}; expected (lowest, highest)"
            )
        self._shape: tuple[int, ...] | None = None
        self._num_scalars: int | None = None
        first = self.initial_state()
        shape = first.observation().shape
        self._shape = self.observation_shape = (shape[0], shape[1], shape[2])
        self._num_scalars = self.num_scalars = len(first.scalars())
        self.score_scalar: int | None = None
        if getattr(rules, "score_scalar", None) is not None:
            self.score_scalar = self.rules.count("score_scalar", None, 0)

    def initial_state(self) -> "PythonState":
        return PythonState(self, self.rules.ask_position("initial_position"))

    def parse(self, text: str) -> "PythonState":
        def no_position(why: str) -> ValueError:
            start = short(self.initial_state().text())
            return ValueError(
                f"{self.name}: no position: {text[:120]!r}{why}; expected one such as {start}"
            )

        own = self.rules.has("parse")
        try:
            if own:
                position = self.rules.ask_position("parse", text)
            else:
                position = ast.literal_eval(text)
                hash(position)
        except Exception as error:
            raise no_position(f" ({explain(error)})" if own else "") from error
        state = PythonState(self, position)
        start = self.initial_state()
        if not own and (type(position) is not type(start.position) or state.text() != text):
            raise no_position("")
        try:  # a class need not write checks
            state.observation(), state.scalars(), state.legal_actions()
        except Exception as error:
            raise no_position("") from error
        return state

    def unpack(self, packed: NDArray[np.uint8]) -> "PythonState":
        if packed.shape != (self.packed_bytes,):
            raise ValueError(
                f"{self.name}: packed position of {packed.size} bytes; expected {self.packed_bytes}"
            )
        return self.parse(bytes(packed).rstrip(b"\0").decode())

    def action_to_text(self, state: "PythonState", action: int) -> str:
        method = "outcome_to_text" if state.is_chance else "action_to_text"
        if not self.rules.has(method):
            return str(action)
        return str(self.rules.ask(method, state.position, action))

    def action_from_text(self, state: "PythonState", text: str) -> int:
        # Compared with the texts of what is legal: users need not write a parser.
        legal = state.legal_actions()
        for action in legal:
            if self.action_to_text(state, action) == text:
                return action
        known = ", ".join(self.action_to_text(state, action) for action in legal[:20])
        raise ValueError(
            f"{self.name}: {text[:40]!r} is not legal in {state.text()}; legal: {known}"
        )

    def transform_action(self, action: int, symmetry: int) -> int:
        return self.rules.ask_number("transform_action", action, symmetry) if symmetry else action

    def transform_outcome(self, outcome: int, symmetry: int) -> int:
        if symmetry and self.rules.has("transform_outcome"):
            return self.rules.ask_number("transform_outcome", outcome, symmetry)
        return outcome

    def search_value(self, result: float) -> float:
        if self.rules.has("search_value"):
            return self.rules.search_value(result)
        if self.num_players == 2:
            return result
        low, high = self.score_range
        return min(1.0, max(-1.0, 2 * (result - low) / (high - low) - 1))

    def perft(self, depth: int, state: "PythonState | None" = None) -> int:
        if depth < 0:
            raise ValueError("perft: depth must not be negative")
        state = state or self.initial_state()
        legal = state.legal_actions() if depth else [0]
        if depth <= 1:
            return len(legal)
        return sum(self.perft(depth - 1, state.child(action)) for action in legal)

    def __repr__(self) -> str:
        return f"<game {self.spec}>"


class PythonState:
    """The face (`zerofleet.games.State`) of a position of a user's class."""

    __slots__ = ("_facts", "game", "position")

    def __init__(self, game: PythonGame, position: Hashable, facts: Facts | None = None) -> None:
        self.game = game
        self.position = position
        self._facts = facts

    @property
    def facts(self) -> Facts:
        """Asked once for each position, which never changes."""
        if self._facts is None:
            self._facts = self.game.rules.facts(self.position)
        return self._facts

    @property
    def is_terminal(self) -> bool:
        return self.facts.is_terminal

    @property
    def at_length_bound(self) -> bool:
        rules = self.game.rules
        if not (rules.has("at_length_bound") and self.is_terminal):
            return False
        return bool(rules.ask("at_length_bound", self.position))

    @property
    def is_chance(self) -> bool:
        return bool(self.facts.outcomes)

    @property
    def to_play(self) -> int:
        return -1 if self.is_chance else self.game.rules.to_play(self.position)

    @property
    def hash(self) -> int:
        digest = hashlib.blake2b(self.text().encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")

    def legal_actions(self) -> list[int]:
        return list(self.facts.legal)

    def chance_outcomes(self) -> list[tuple[int, float]]:
        if not self.is_chance:
            raise ValueError(f"{self.game.name}: nature does not move in {self.text()}")
        return list(self.facts.outcomes)

    def apply(self, action: int) -> None:
        if action not in self.facts.legal:
            raise ValueError(f"{self.game.name}: action {action} is not legal in {self.text()}")
        self.position = self.game.rules.ask_position("play", self.position, action)
        self._facts = None

    def child(self, action: int) -> "PythonState":
        """The state after a legal action."""
        return PythonState(self.game, self.game.rules.ask_position("play", self.position, action))

    def returns(self) -> list[float]:
        if not self.is_terminal:
            raise ValueError(f"{self.game.name}: returns() of a game that is not over")
        return self.game.rules.returns(self.position)

    def observation(self) -> NDArray[np.float32]:
        if not self.game.rules.has("observation"):
            return np.array(self._numbers(), np.float32).reshape(1, 1, -1)
        return self.game.rules.planes(self.position, self.game._shape)

    def _numbers(self) -> list[float]:
        """The numbers and characters of the position, in order: an observation without work."""
        found: list[float] = []
        where = f"\n  position: {short(self.position)}"

        def collect(value: Any) -> None:
            if isinstance(value, str):
                found.extend(ord(ch) / 128 for ch in value)
            elif isinstance(value, Real):
                found.append(float(value))
            elif value is None:
                found.append(-1.0)
            elif isinstance(value, (tuple, frozenset)):
                for item in sorted(value) if isinstance(value, frozenset) else value:
                    collect(item)
            else:
                raise RulesError(
                    f"{self.game.name}: {short(value)} in a position is neither number nor text; "
                    f"write observation(position){where}"
                )

        collect(self.position)
        expected = len(found) if self.game._shape is None else math.prod(self.game._shape)
        if len(found) != expected:
            raise RulesError(
                f"{self.game.name}: positions have {expected} numbers and letters at the start and "
                f"{len(found)} here; write observation(position){where}"
            )
        return found

    def scalars(self) -> NDArray[np.float32]:
        return self.game.rules.scalars(self.position, self.game._num_scalars)

    def pack(self) -> NDArray[np.uint8]:
        data = self.text().encode()
        if len(data) > self.game.packed_bytes:
            raise RulesError(
                f"{self.game.name}: a position of {len(data)} bytes of text; max_text_bytes is "
                f"{self.game.packed_bytes}: write a larger one into the class\n"
                f"  position: {short(self.position)}"
            )
        return np.frombuffer(data.ljust(self.game.packed_bytes, b"\0"), np.uint8).copy()

    def copy(self) -> "PythonState":
        return PythonState(self.game, self.position, self._facts)

    def transformed(self, symmetry: int) -> "PythonState":
        if symmetry == 0:
            return self.copy()
        image = self.game.rules.ask_position("transform", self.position, symmetry)
        return PythonState(self.game, image)

    def text(self) -> str:
        rules = self.game.rules
        return str(rules.ask("text", self.position)) if rules.has("text") else repr(self.position)

    def __str__(self) -> str:
        rules = self.game.rules
        return str(rules.ask("pretty", self.position)) if rules.has("pretty") else self.text()

    def __repr__(self) -> str:
        return f"<{self.game.spec} {self.text()!r}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PythonState)
            and self.game.spec == other.game.spec
            and self.position == other.position
        )

    def __hash__(self) -> int:
        raise TypeError("a state changes and has no Python hash; use .hash as a key")

    def __reduce__(self) -> tuple[Any, ...]:
        from zerofleet.games.registry import parse_state

        return parse_state, (self.game.spec, self.text())
