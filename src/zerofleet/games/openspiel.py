# ruff: noqa: D102 - the protocol documents the methods of the face
"""OpenSpiel's games as ours: `openspiel:NAME(params)`. Needs `pip install zerofleet[openspiel]`."""

import hashlib
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet.games.spec import split_spec

PREFIX = "openspiel:"


class OpenSpielGame:
    """The face (`zerofleet.games.Game`) of an OpenSpiel game.

    Perfect information, turns, one or two players, zero-sum if two, explicit chance. A position is
    the moves that led to it, and so is its text; there are no symmetries.

    Raises: ValueError saying what kind of game cannot be loaded; ModuleNotFoundError naming the
      extra.
    """

    score_scalar = None
    symmetries = 1

    def __init__(self, text: str) -> None:
        try:
            import pyspiel
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{PREFIX}{text} needs OpenSpiel: pip install 'zerofleet[openspiel]'",
                name="pyspiel",
            ) from error
        short_name = split_spec(text)[0]
        known = pyspiel.registered_names()
        if short_name not in known:
            near = get_close_matches(short_name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{PREFIX}{text}: OpenSpiel has no game {short_name!r}{hint}")
        try:
            self.spiel = pyspiel.load_game(text)
        except pyspiel.SpielError as error:
            first_line = str(error).splitlines()[0]
            raise ValueError(f"{PREFIX}{text}: {first_line}") from None
        _refuse_other_kinds(pyspiel, self.spiel, text)
        self.name = PREFIX + self.spiel.get_type().short_name
        self.spec = PREFIX + str(self.spiel).removesuffix("()")
        self.options: dict[str, Any] = dict(self.spiel.get_parameters())
        self.num_actions = int(self.spiel.num_distinct_actions())
        self.num_players = int(self.spiel.num_players())
        self.max_chance_outcomes = int(self.spiel.max_chance_outcomes())
        self.max_plies = int(self.spiel.max_game_length()) + int(
            self.spiel.max_chance_nodes_in_history() if self.max_chance_outcomes else 0
        )
        self.packed_bytes = 8 * self.max_plies if self.max_plies < 1 << 20 else 1 << 20
        self.num_scalars = 0
        low, high = float(self.spiel.min_utility()), float(self.spiel.max_utility())
        self._range = (low, high)
        self._scale = max(abs(low), abs(high)) if self.num_players == 2 else 1.0
        kind = self.spiel.get_type()
        self._tensor = (
            "observation_tensor" if kind.provides_observation_tensor else "information_state_tensor"
        )
        shape = tuple(getattr(self.spiel, f"{self._tensor}_shape")())
        # Planes, rows and columns; what has fewer axes is one plane, or one row of it.
        while len(shape) < 3:
            shape = (1, *shape)
        self.observation_shape: tuple[int, int, int] = (
            shape[0],
            shape[1],
            int(np.prod(shape[2:])),
        )

    def initial_state(self) -> "OpenSpielState":
        return OpenSpielState(self, self.spiel.new_initial_state())

    def parse(self, text: str) -> "OpenSpielState":
        state = self.initial_state()
        for word in text.split(" ") if text != "start" else ():
            if not word.isascii() or not word.isdigit():
                raise ValueError(
                    f'{self.name}: no position: {text[:80]!r}; expected "start" or the numbers of '
                    "all moves so far, separated by blanks"
                )
            state.apply(int(word))
        return state

    def unpack(self, packed: NDArray[np.uint8]) -> "OpenSpielState":
        return self.parse(bytes(packed).rstrip(b"\0").decode())

    def action_to_text(self, state: "OpenSpielState", action: int) -> str:
        return str(state.spiel.action_to_string(state.spiel.current_player(), action))

    def action_from_text(self, state: "OpenSpielState", text: str) -> int:
        for action in state.legal_actions():
            if self.action_to_text(state, action) == text:
                return action
        raise ValueError(f"{self.name}: {text[:40]!r} is not legal in {state.text()}")

    def transform_action(self, action: int, symmetry: int) -> int:
        return action

    def transform_outcome(self, outcome: int, symmetry: int) -> int:
        return outcome

    def search_value(self, result: float) -> float:
        if self.num_players == 2:
            return result
        low, high = self._range
        return min(1.0, max(-1.0, 2 * (result - low) / (high - low) - 1))

    def perft(self, depth: int, state: "OpenSpielState | None" = None) -> int:
        if depth < 0:
            raise ValueError("perft: depth must not be negative")
        return _count(depth, (state or self.initial_state()).spiel)

    def __repr__(self) -> str:
        return f"<game {self.spec}>"


def _count(depth: int, spiel: Any) -> int:
    if depth == 0:
        return 1
    legal = spiel.legal_actions()
    return len(legal) if depth == 1 else sum(_count(depth - 1, spiel.child(a)) for a in legal)


def _refuse_other_kinds(pyspiel: Any, spiel: Any, text: str) -> None:
    kind, types = spiel.get_type(), pyspiel.GameType
    problem = ""
    if kind.dynamics != types.Dynamics.SEQUENTIAL:
        problem = "players move at the same time"
    elif kind.information != types.Information.PERFECT_INFORMATION:
        problem = "players do not see everything (imperfect information)"
    elif kind.chance_mode == types.ChanceMode.SAMPLED_STOCHASTIC:
        problem = "it draws its chance itself and lists no outcomes"
    elif spiel.num_players() > 2:
        problem = f"it has {spiel.num_players()} players"
    elif spiel.num_players() == 2 and kind.utility != types.Utility.ZERO_SUM:
        problem = "it is not zero-sum"
    elif not (kind.provides_observation_tensor or kind.provides_information_state_tensor):
        problem = "it offers no tensor to observe"
    if problem:
        raise ValueError(
            f"{PREFIX}{text} cannot be loaded: {problem}; expected perfect information, turns, and "
            "one player or two with opposite results"
        )


class OpenSpielState:
    """The face (`zerofleet.games.State`) of an OpenSpiel state."""

    __slots__ = ("game", "spiel")

    def __init__(self, game: OpenSpielGame, spiel: Any) -> None:
        self.game = game
        self.spiel = spiel

    @property
    def to_play(self) -> int:
        player = int(self.spiel.current_player())
        return player if player >= 0 else -1

    @property
    def is_terminal(self) -> bool:
        return bool(self.spiel.is_terminal())

    @property
    def at_length_bound(self) -> bool:
        return False  # OpenSpiel does not tell it from other ends

    @property
    def is_chance(self) -> bool:
        return bool(self.spiel.is_chance_node())

    @property
    def hash(self) -> int:
        digest = hashlib.blake2b(self.text().encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")

    def legal_actions(self) -> list[int]:
        return sorted(self.spiel.legal_actions()) if not self.spiel.is_terminal() else []

    def chance_outcomes(self) -> list[tuple[int, float]]:
        if not self.is_chance:
            raise ValueError(f"{self.game.name}: nature does not move in {self.text()}")
        return sorted((int(a), float(p)) for a, p in self.spiel.chance_outcomes())

    def apply(self, action: int) -> None:
        if action not in self.legal_actions():
            raise ValueError(f"{self.game.name}: action {action} is not legal in {self.text()}")
        self.spiel.apply_action(action)

    def returns(self) -> list[float]:
        if not self.is_terminal:
            raise ValueError(f"{self.game.name}: returns() of a game that is not over")
        return [float(r) / self.game._scale for r in self.spiel.returns()]

    def observation(self) -> NDArray[np.float32]:
        tensor = getattr(self.spiel, self.game._tensor)
        # Where nobody moves: player 0's view.
        return np.array(tensor(max(0, self.to_play)), np.float32).reshape(
            self.game.observation_shape
        )

    def scalars(self) -> NDArray[np.float32]:
        return np.zeros(0, np.float32)

    def pack(self) -> NDArray[np.uint8]:
        data = self.text().encode()
        return np.frombuffer(data.ljust(self.game.packed_bytes, b"\0"), np.uint8).copy()

    def copy(self) -> "OpenSpielState":
        return OpenSpielState(self.game, self.spiel.clone())

    def transformed(self, symmetry: int) -> "OpenSpielState":
        return self.copy()

    def text(self) -> str:
        return " ".join(map(str, self.spiel.history())) or "start"

    def __str__(self) -> str:
        return str(self.spiel)

    def __repr__(self) -> str:
        return f"<{self.game.spec} {self.text()!r}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, OpenSpielState)
            and self.game.spec == other.game.spec
            and self.spiel.history() == other.spiel.history()
        )

    def __hash__(self) -> int:
        raise TypeError("a state changes and has no Python hash; use .hash as a key")

    def __reduce__(self) -> tuple[Any, ...]:
        from zerofleet.games.registry import parse_state

        return parse_state, (self.game.spec, self.text())
