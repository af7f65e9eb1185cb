"""The face of a game and of its states, the same for compiled games and for games in Python.

Actions are integers 0 .. num_actions - 1: boards count row-major from the top left, connect four
counts columns. Where nature moves (chance nodes) the legal actions are outcomes, integers
0 .. max_chance_outcomes - 1 of their own. `zerofleet.testing.check_game` checks every promise made
here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class State(Protocol):
    """A position. `apply` changes it; `copy` branches."""

    @property
    def to_play(self) -> int:
        """Player whose move it is, -1 where nature moves; without meaning at the end."""

    @property
    def is_terminal(self) -> bool:
        """True once the game is over."""

    @property
    def at_length_bound(self) -> bool:
        """True if the rules ended the game for its length and nothing else did."""

    @property
    def is_chance(self) -> bool:
        """True if nature moves next: the legal actions are then the outcomes."""

    @property
    def hash(self) -> int:
        """64 bits; equal states have equal hashes whatever the path to them."""

    def legal_actions(self) -> list[int]:
        """Legal actions in ascending order; empty only at the end."""

    def chance_outcomes(self) -> Sequence[tuple[int, float]]:
        """(outcome, probability), ascending, sum 1; ValueError where nature does not move."""

    def apply(self, action: int) -> None:
        """Plays the action or outcome; ValueError naming it and the position if it is illegal."""

    def returns(self) -> Sequence[float]:
        """One number per player, index = player; ValueError before the end.

        Two players: in [-1, 1], sum 0. One player: the score, any finite number.
        """

    def observation(self) -> NDArray[np.float32]:
        """float32 [C, H, W] from the mover's view."""

    def scalars(self) -> NDArray[np.float32]:
        """float32 [S], the part of the observation that is not planes; often empty."""

    def pack(self) -> NDArray[np.uint8]:
        """uint8 [packed_bytes], the position as windows and files keep it."""

    def copy(self) -> Self:
        """An independent copy."""

    def transformed(self, symmetry: int) -> Self:
        """The image under a symmetry of the board; 0 is the identity."""

    def text(self) -> str:
        """The position on one line; `Game.parse` reads it."""


@runtime_checkable
class Game(Protocol):
    """The rules."""

    @property
    def name(self) -> str:
        """The name without options, "go"."""

    @property
    def spec(self) -> str:
        """Name and options in one canonical text, "go(size=9)": what `load_game` accepts."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Every option with its value, as JSON values."""

    @property
    def num_actions(self) -> int:
        """Size of the action space of the players."""

    @property
    def max_chance_outcomes(self) -> int:
        """Size of the space of outcomes; 0 for games without chance."""

    @property
    def num_players(self) -> int:
        """1 or 2."""

    @property
    def max_plies(self) -> int:
        """No game is longer, outcomes included."""

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of `State.observation`."""

    @property
    def num_scalars(self) -> int:
        """Length of `State.scalars`."""

    @property
    def score_scalar(self) -> int | None:
        """Games of one player: the scalar that holds `search_value` of the score reached so far, at
        most that of any score still to come; None if there is none."""

    @property
    def symmetries(self) -> int:
        """Number of symmetries, the identity (0) included."""

    @property
    def packed_bytes(self) -> int:
        """Length of `State.pack`."""

    def initial_state(self) -> Any:
        """A new state at the start of the game."""

    def parse(self, text: str) -> Any:
        """The state of `State.text`; ValueError says what was expected."""

    def unpack(self, packed: NDArray[np.uint8]) -> Any:
        """The state of `State.pack`; ValueError if there is none."""

    def action_to_text(self, state: Any, action: int) -> str:
        """How people write the action, or where nature moves the outcome, in this state."""

    def action_from_text(self, state: Any, text: str) -> int:
        """The reverse; ValueError unless it names a legal action."""

    def transform_action(self, action: int, symmetry: int) -> int:
        """The action that means in `state.transformed(symmetry)` what `action` means in `state`."""

    def transform_outcome(self, outcome: int, symmetry: int) -> int:
        """The same for outcomes."""

    def search_value(self, result: float) -> float:
        """A return on the scale of values in search, [-1, 1].

        Two players: the same number. One player: a rising map of scores.
        """

    def perft(self, depth: int, state: Any = None) -> int:
        """Number of sequences of exactly `depth` plies from `state` (default: the start)."""
