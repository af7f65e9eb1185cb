"""The rules again, slowly and without the core: what the perft tables are checked against.

A position is a tuple of cells (0 empty, 1, 2) and whatever else the game needs; `moves(position)`
yields the positions one ply later and nothing at the end.
"""

from collections.abc import Callable, Iterator
from typing import Any

Position = Any
SMALL_LINES = [
    (0, 1, 2),
    (3, 4, 5),
    (6, 7, 8),
    (0, 3, 6),
    (1, 4, 7),
    (2, 5, 8),
    (0, 4, 8),
    (2, 4, 6),
]


def has_three(cells: Any, player: int) -> bool:
    return any(all(cells[i] == player for i in line) for line in SMALL_LINES)


def tic_tac_toe(position: Position) -> Iterator[Position]:
    cells, player = position
    if has_three(cells, 3 - player):
        return
    for i in range(9):
        if not cells[i]:
            yield (*cells[:i], player, *cells[i + 1 :]), 3 - player


FOURS = [
    tuple((row + i * down) * 7 + col + i * right for i in range(4))
    for row in range(6)
    for col in range(7)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))
    if row + 3 * down < 6 and 0 <= col + 3 * right < 7
]


def connect_four(position: Position) -> Iterator[Position]:
    cells, player = position
    other = 3 - player
    if any(cells[a] == cells[b] == cells[c] == cells[d] == other for a, b, c, d in FOURS):
        return
    for col in range(7):
        for row in reversed(range(6)):
            i = row * 7 + col
            if not cells[i]:
                yield (*cells[:i], player, *cells[i + 1 :]), other
                break


def ultimate_ttt(position: Position) -> Iterator[Position]:
    """Boards as nine tuples of nine cells, each board's result kept beside them."""
    boards, results, active, player = position
    if has_three(results, 3 - player) or all(results):
        return
    for b in range(9):
        if results[b] or active not in (None, b):
            continue
        for c in range(9):
            if boards[b][c]:
                continue
            board = (*boards[b][:c], player, *boards[b][c + 1 :])
            result = player if has_three(board, player) else 3 if all(board) else 0
            new_results = (*results[:b], result, *results[b + 1 :])
            new_boards = (*boards[:b], board, *boards[b + 1 :])
            yield new_boards, new_results, None if new_results[c] else c, 3 - player


RULES: dict[str, tuple[Position, Callable[[Position], Iterator[Position]]]] = {
    "tic_tac_toe": (((0,) * 9, 1), tic_tac_toe),
    "connect_four": (((0,) * 42, 1), connect_four),
    "ultimate_ttt": ((((0,) * 9,) * 9, (0,) * 9, None, 1), ultimate_ttt),
}


def perft(name: str, max_depth: int) -> list[int]:
    """Number of move sequences of 0 .. max_depth plies; equal positions are merged."""
    start, moves = RULES[name]
    level, counts = {start: 1}, [1]
    for _ in range(max_depth):
        following: dict[Position, int] = {}
        for position, count in level.items():
            for child in moves(position):
                following[child] = following.get(child, 0) + count
        level = following
        counts.append(sum(level.values()))
    return counts
