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


def othello(position: Position) -> Iterator[Position]:
    """Rows of cells; walks every ray. A pass is a move where the other side can move."""
    cells, player = position
    size = len(cells)
    rays = [(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if (dr, dc) != (0, 0)]

    def turned(row: int, col: int, mover: int) -> list[tuple[int, int]]:
        found = []
        for dr, dc in rays:
            ray, r, c = [], row + dr, col + dc
            while 0 <= r < size and 0 <= c < size and cells[r][c] == 3 - mover:
                ray.append((r, c))
                r, c = r + dr, c + dc
            if ray and 0 <= r < size and 0 <= c < size and cells[r][c] == mover:
                found += ray
        return found

    empty = [(r, c) for r in range(size) for c in range(size) if not cells[r][c]]
    passes = True
    for row, col in empty:
        discs = turned(row, col, player)
        if discs:
            passes = False
            board = [list(line) for line in cells]
            for r, c in [*discs, (row, col)]:
                board[r][c] = player
            yield tuple(map(tuple, board)), 3 - player
    if passes and any(turned(row, col, 3 - player) for row, col in empty):
        yield cells, 3 - player


def othello_start(size: int) -> Position:
    """The second player's discs are on the main diagonal."""
    at, board = size // 2 - 1, [[0] * size for _ in range(size)]
    board[at][at] = board[at + 1][at + 1] = 2
    board[at][at + 1] = board[at + 1][at] = 1
    return tuple(map(tuple, board)), 1


RULES: dict[str, tuple[Position, Callable[[Position], Iterator[Position]]]] = {
    "tic_tac_toe": (((0,) * 9, 1), tic_tac_toe),
    "connect_four": (((0,) * 42, 1), connect_four),
    "ultimate_ttt": ((((0,) * 9,) * 9, (0,) * 9, None, 1), ultimate_ttt),
    "othello": (othello_start(8), othello),
    "othello(size=6)": (othello_start(6), othello),
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
