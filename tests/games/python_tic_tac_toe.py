"""Tic-tac-toe as a user would write it in Python: the twin of the compiled game in tests."""

import numpy as np

LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


def transform_cell(cell: int, symmetry: int) -> int:
    row, col = divmod(cell, 3)
    if symmetry & 1:
        col = 2 - col
    if symmetry & 2:
        row = 2 - row
    return col * 3 + row if symmetry & 4 else row * 3 + col


class State:
    def __init__(self, cells: str = "." * 9) -> None:
        self.cells = cells

    @property
    def to_play(self) -> int:
        return self.cells.count("X") - self.cells.count("O")

    def winner(self) -> str:
        for a, b, c in LINES:
            if self.cells[a] == self.cells[b] == self.cells[c] != ".":
                return self.cells[a]
        return ""

    @property
    def is_terminal(self) -> bool:
        return bool(self.winner()) or "." not in self.cells

    is_chance = False
    at_length_bound = False

    def chance_outcomes(self):
        raise ValueError("no chance here")

    @property
    def hash(self) -> int:
        return (
            sum(".XO".index(ch) * 3**i for i, ch in enumerate(self.cells))
            * 0x9E3779B97F4A7C15
            % 2**64
        )

    def legal_actions(self) -> list[int]:
        return [] if self.is_terminal else [i for i in range(9) if self.cells[i] == "."]

    def apply(self, action: int) -> None:
        if action not in self.legal_actions():
            raise ValueError(f"action {action} is not legal in {self.text()}")
        self.cells = self.cells[:action] + "XO"[self.to_play] + self.cells[action + 1 :]

    def returns(self) -> list[float]:
        if not self.is_terminal:
            raise ValueError(f"not over: {self.text()}")
        return {"X": [1.0, -1.0], "O": [-1.0, 1.0], "": [0.0, 0.0]}[self.winner()]

    def observation(self):
        planes = np.zeros((2, 3, 3), np.float32)
        for i, ch in enumerate(self.cells):
            if ch != ".":
                planes[int("XO".index(ch) != self.to_play), i // 3, i % 3] = 1
        return planes

    def scalars(self):
        return np.zeros(0, np.float32)

    def pack(self):
        return np.frombuffer(self.cells.encode(), np.uint8)

    def copy(self):
        return type(self)(self.cells)

    def transformed(self, symmetry: int):
        cells = ["."] * 9
        for i, ch in enumerate(self.cells):
            cells[transform_cell(i, symmetry)] = ch
        return type(self)("".join(cells))

    def text(self) -> str:
        c = self.cells
        return f"{c[:3]}/{c[3:6]}/{c[6:]} {'XO'[self.to_play]}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.cells == other.cells

    __hash__ = None


class Game:
    name = "python_tic_tac_toe"
    spec = "python_tic_tac_toe"
    num_actions = 9
    max_chance_outcomes = 0
    num_players = 2
    max_plies = 9
    observation_shape = (2, 3, 3)
    num_scalars = 0
    score_scalar = None
    symmetries = 8
    packed_bytes = 9
    state_type = State

    def __init__(self) -> None:
        self.options: dict[str, object] = {}

    def initial_state(self):
        return self.state_type()

    def parse(self, text: str):
        if len(text) != 13:
            raise ValueError(f"expected 13 characters, got {text!r}")
        return self.state_type(text[:11].replace("/", ""))

    def unpack(self, packed):
        return self.state_type(packed.tobytes().decode())

    def action_to_text(self, state, action: int) -> str:
        return "abc"[action % 3] + "123"[action // 3]

    def action_from_text(self, state, text: str) -> int:
        if len(text) != 2 or text[0] not in "abc" or text[1] not in "123":
            raise ValueError(f"expected a move such as b2, got {text!r}")
        return "abc".index(text[0]) + 3 * "123".index(text[1])

    def transform_action(self, action: int, symmetry: int) -> int:
        return transform_cell(action, symmetry)

    def transform_outcome(self, outcome: int, symmetry: int) -> int:
        return outcome

    def search_value(self, result: float) -> float:
        return result

    def perft(self, depth: int, state=None) -> int:
        state = state or self.initial_state()
        if depth == 0:
            return 1
        total = 0
        for action in state.legal_actions():
            child = state.copy()
            child.apply(action)
            total += self.perft(depth - 1, child)
        return total
