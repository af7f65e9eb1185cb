"""Positions of the compiled games as cells that a page can draw."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zerofleet.games.chess import fen, uci

BOARD_GAMES = (
    *("chess", "connect_four", "go", "othello", "tic_tac_toe", "twenty48", "ultimate_ttt"),
)
"""Games with a board here; nothing else is drawn, and rules in a file are never run for it."""

_FILES = "abcdefgh"
_MOVE = re.compile(r"([a-h])([1-8])([a-h])([1-8])")


@dataclass(frozen=True)
class Target:
    """Where a move is seen on the board: cells from the top left, row by row; None: nowhere."""

    source: int | None
    cell: int | None


class Board:
    """Draws the positions of one game."""

    def __init__(self, game: Any) -> None:
        """Raises: ValueError for a game that has no board here."""
        if game.name not in BOARD_GAMES:
            raise ValueError(
                f"no board for {game.name}; there is one for {', '.join(sorted(BOARD_GAMES))}"
            )
        self.game = game
        self._name: str = game.name
        self.num_columns = _columns(game)

    def cells(self, state: Any) -> list[int] | str:
        """One letter a cell, `.` empty: pieces of FEN in chess, else X and O; 2048: numbers."""
        if self._name == "chess":
            placement = fen(state).split()[0].replace("/", "")
            return re.sub(r"\d", lambda m: "." * int(m[0]), placement)
        if self._name == "go":
            rows = str(state).splitlines()[1 : self.num_columns + 1]
            return "".join("".join(row.split()[1:-1]) for row in rows)
        if self._name == "twenty48":
            rows = state.text().partition(" score ")[0].replace("/", " ").split()
            return [0 if cell == "." else int(cell) for cell in rows]
        return str(state.text()).split()[0].replace("/", "")

    def remark(self, state: Any) -> str:
        """What the cells do not show: the score of 2048; Ultimate Tic-Tac-Toe's nine small boards
        (X, O, `#` drawn, `.` open) and the active one, 1-9 or `-`; else nothing."""
        if self._name == "twenty48":
            return str(state.text()).split(" score ")[1].split()[0]
        if self._name == "ultimate_ttt":
            line = next(x for x in str(state).splitlines() if x.startswith("boards:"))
            small = "".join(line.split()[1:4])
            return f"{small} {str(state.text()).split()[2]}"
        return ""

    def target(self, state: Any, action: int) -> Target:
        """Where this legal action is seen in this state."""
        return _TARGETS.get(self._name, _cell)(self, state, action)


def _columns(game: Any) -> int:
    fixed = {"chess": 8, "connect_four": 7, "tic_tac_toe": 3, "ultimate_ttt": 9}
    return fixed.get(game.name) or int(game.options["size"])


def _cell(board: Board, state: Any, action: int) -> Target:
    """Actions that are cells; the one after the last cell is a pass."""
    return Target(None, action if action < board.num_columns**2 else None)


def _chess(board: Board, state: Any, action: int) -> Target:
    match = _MOVE.match(uci(state, action))
    assert match is not None
    squares = [(8 - int(match[i + 1])) * 8 + _FILES.index(match[i]) for i in (1, 3)]
    return Target(squares[0], squares[1])


def _column(board: Board, state: Any, action: int) -> Target:
    """The cell to which the piece falls."""
    cells, width = board.cells(state), board.num_columns
    empty = [cell for cell in range(action, len(cells), width) if cells[cell] == "."]
    return Target(None, empty[-1] if empty else None)


def _nowhere(board: Board, state: Any, action: int) -> Target:
    return Target(None, None)


_TARGETS: dict[str, Callable[[Board, Any, int], Target]] = {
    "chess": _chess,
    "connect_four": _column,
    "twenty48": _nowhere,
}
