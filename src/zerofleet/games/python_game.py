# ruff: noqa: D102 - the protocol documents the methods of the face
"""Games written in Python: from a class with about ten short methods to the face of every game.

A user's class knows positions, any immutable and hashable Python values, and says what follows from
them; docs/your-own-game.md lists its methods. `PythonGame` and `PythonState` are the face of such a
class, with everything filled in that it left out.
"""

import ast
import hashlib
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet.games.spec import write_spec

REQUIRED = ("num_actions", "initial_position", "to_play", "legal_actions", "play", "returns")
"""What a class must have; everything else has a default."""


class PythonGame:
    """The face (`zerofleet.games.Game`) of a user's class.

    Args:
      rules: an instance of the class.
      name: what `load_game` calls it.
      options: those it was made with, with `standard` their values where none are given.
      source_sha256: of the file it was read from, so that a run can tell when the rules change.
    Raises: TypeError naming what the class lacks.
    """

    def __init__(
        self,
        rules: Any,
        name: str,
        options: Mapping[str, Any] | None = None,
        standard: Mapping[str, Any] | None = None,
        source_sha256: str = "",
    ) -> None:
        missing = [attribute for attribute in REQUIRED if not hasattr(rules, attribute)]
        if missing:
            raise TypeError(
                f"{name}: the class has no {', '.join(missing)}; docs/your-own-game.md lists what "
                "a game needs"
            )
        self.rules = rules
        self.name = name
        self.options = dict(options or {})
        self.spec = write_spec(name, self.options, standard or {})
        self.source_sha256 = source_sha256
        self.num_actions = int(rules.num_actions)
        self.num_players = int(getattr(rules, "num_players", 2))
        self.max_plies = int(getattr(rules, "max_plies", 1000))
        self.max_chance_outcomes = int(getattr(rules, "max_chance_outcomes", 0))
        self.score_scalar: int | None = getattr(rules, "score_scalar", None)
        self.symmetries = int(getattr(rules, "symmetries", 1))
        self.packed_bytes = int(getattr(rules, "max_text_bytes", 512))
        if hasattr(rules, "chance_outcomes") and self.max_chance_outcomes < 1:
            raise TypeError(f"{name}: chance_outcomes() without max_chance_outcomes (at least 1)")
        if self.symmetries > 1:
            for method in ("transform", "transform_action"):
                if not hasattr(rules, method):
                    raise TypeError(f"{name}: {self.symmetries} symmetries without {method}()")
        first = self.initial_state()
        shape = first.observation().shape
        self.observation_shape: tuple[int, int, int] = (shape[0], shape[1], shape[2])
        self.num_scalars = len(first.scalars())

    def initial_state(self) -> "PythonState":
        return PythonState(self, self.rules.initial_position())

    def parse(self, text: str) -> "PythonState":
        if hasattr(self.rules, "parse"):
            return PythonState(self, self.rules.parse(text))
        try:
            position = ast.literal_eval(text)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(f"{self.name}: no position: {text[:120]!r}") from error
        state = PythonState(self, position)
        start = self.rules.initial_position()
        bad = ValueError(
            f"{self.name}: no position: {text[:120]!r}; expected one such as {start!r}"
        )
        if type(position) is not type(start) or state.text() != text:
            raise bad
        try:  # a class that writes no parse() need not write checks either
            shape, _ = state.observation().shape, state.legal_actions()
        except Exception as error:
            raise bad from error
        if shape != self.observation_shape:
            raise bad
        return state

    def unpack(self, packed: NDArray[np.uint8]) -> "PythonState":
        if packed.shape != (self.packed_bytes,):
            raise ValueError(
                f"{self.name}: packed position of {packed.size} bytes; expected {self.packed_bytes}"
            )
        return self.parse(bytes(packed).rstrip(b"\0").decode())

    def action_to_text(self, state: "PythonState", action: int) -> str:
        if state.is_chance:
            if hasattr(self.rules, "outcome_to_text"):
                return str(self.rules.outcome_to_text(state.position, action))
        elif hasattr(self.rules, "action_to_text"):
            return str(self.rules.action_to_text(state.position, action))
        return str(action)

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
        return int(self.rules.transform_action(action, symmetry)) if symmetry else action

    def transform_outcome(self, outcome: int, symmetry: int) -> int:
        if symmetry and hasattr(self.rules, "transform_outcome"):
            return int(self.rules.transform_outcome(outcome, symmetry))
        return outcome

    def search_value(self, result: float) -> float:
        if hasattr(self.rules, "search_value"):
            return float(self.rules.search_value(result))
        if self.num_players == 2:
            return result
        low, high = getattr(self.rules, "score_range", (-1.0, 1.0))
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

    __slots__ = ("game", "position")

    def __init__(self, game: PythonGame, position: Hashable) -> None:
        self.game = game
        self.position = position

    @property
    def is_terminal(self) -> bool:
        rules = self.game.rules
        if hasattr(rules, "is_terminal"):
            return bool(rules.is_terminal(self.position))
        return not self._outcomes() and not rules.legal_actions(self.position)

    @property
    def at_length_bound(self) -> bool:
        rules = self.game.rules
        if not (hasattr(rules, "at_length_bound") and self.is_terminal):
            return False
        return bool(rules.at_length_bound(self.position))

    @property
    def is_chance(self) -> bool:
        return bool(self._outcomes()) and not self.is_terminal

    @property
    def to_play(self) -> int:
        return -1 if self.is_chance else int(self.game.rules.to_play(self.position))

    @property
    def hash(self) -> int:
        digest = hashlib.blake2b(self.text().encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")

    def _outcomes(self) -> Sequence[tuple[int, float]]:
        if not self.game.max_chance_outcomes:
            return ()
        return self.game.rules.chance_outcomes(self.position) or ()

    def legal_actions(self) -> list[int]:
        if self.is_terminal:
            return []
        outcomes = self._outcomes()
        if outcomes:
            return sorted(int(outcome) for outcome, _ in outcomes)
        return sorted(int(action) for action in self.game.rules.legal_actions(self.position))

    def chance_outcomes(self) -> list[tuple[int, float]]:
        if not self.is_chance:
            raise ValueError(f"{self.game.name}: nature does not move in {self.text()}")
        return sorted((int(outcome), float(p)) for outcome, p in self._outcomes())

    def apply(self, action: int) -> None:
        if action not in self.legal_actions():
            raise ValueError(f"{self.game.name}: action {action} is not legal in {self.text()}")
        self.position = self.game.rules.play(self.position, action)

    def child(self, action: int) -> "PythonState":
        """The state after a legal action."""
        return PythonState(self.game, self.game.rules.play(self.position, action))

    def returns(self) -> list[float]:
        if not self.is_terminal:
            raise ValueError(f"{self.game.name}: returns() of a game that is not over")
        returns = self.game.rules.returns(self.position)
        if isinstance(returns, Sequence):
            return [float(r) for r in returns]
        return [float(returns), -float(returns)][: self.game.num_players]

    def observation(self) -> NDArray[np.float32]:
        rules = self.game.rules
        if not hasattr(rules, "observation"):
            return np.array(self._numbers(), np.float32).reshape(1, 1, -1)
        planes = np.array(rules.observation(self.position), np.float32)
        if planes.ndim != 3:
            raise TypeError(
                f"{self.game.name}: observation() has shape {planes.shape}; expected planes, rows "
                "and columns"
            )
        return planes

    def _numbers(self) -> list[float]:
        """The numbers and characters of the position, in order: an observation without work."""
        found: list[float] = []

        def collect(value: Any) -> None:
            if isinstance(value, str):
                found.extend(ord(ch) / 128 for ch in value)
            elif isinstance(value, (bool, int, float)):
                found.append(float(value))
            elif value is None:
                found.append(-1.0)
            elif isinstance(value, (tuple, frozenset)):
                for item in sorted(value) if isinstance(value, frozenset) else value:
                    collect(item)
            else:
                raise TypeError(
                    f"{self.game.name}: no observation of {value!r}; write observation()"
                )

        collect(self.position)
        expected = math.prod(getattr(self.game, "observation_shape", (len(found),)))
        if len(found) != expected:
            raise TypeError(
                f"{self.game.name}: positions have {expected} numbers at the start and "
                f"{len(found)} in {self.text()}; write observation()"
            )
        return found

    def scalars(self) -> NDArray[np.float32]:
        method: Callable[[Any], Any] = getattr(self.game.rules, "scalars", lambda position: ())
        return np.array(method(self.position), np.float32).reshape(-1)

    def pack(self) -> NDArray[np.uint8]:
        data = self.text().encode()
        if len(data) > self.game.packed_bytes:
            raise ValueError(
                f"{self.game.name}: a position of {len(data)} characters; max_text_bytes is "
                f"{self.game.packed_bytes}"
            )
        return np.frombuffer(data.ljust(self.game.packed_bytes, b"\0"), np.uint8).copy()

    def copy(self) -> "PythonState":
        return PythonState(self.game, self.position)

    def transformed(self, symmetry: int) -> "PythonState":
        if symmetry == 0:
            return self.copy()
        return PythonState(self.game, self.game.rules.transform(self.position, symmetry))

    def text(self) -> str:
        rules = self.game.rules
        return str(rules.text(self.position)) if hasattr(rules, "text") else repr(self.position)

    def __str__(self) -> str:
        rules = self.game.rules
        return str(rules.pretty(self.position)) if hasattr(rules, "pretty") else self.text()

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
