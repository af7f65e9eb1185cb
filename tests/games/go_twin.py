"""Go again, slowly and without the core: chains by flood fill, every earlier board kept whole."""

from collections.abc import Iterable

EMPTY = 2


class Go:
    """A game on one board; points count row-major from the top left, `size * size` is a pass."""

    def __init__(self, size: int, komi: float = 7.5) -> None:
        self.size, self.komi = size, komi
        self.num_points = size * size
        self.board = bytes([EMPTY] * self.num_points)
        self.boards = [self.board]  # after 0, 1, 2, ... plies
        self.seen = {self.board}
        self.num_passes = 0
        self.superko: set[int] = set()  # points forbidden by superko alone, as of `legal_actions`
        self.near = [list(self._near(p)) for p in range(self.num_points)]

    def _near(self, point: int) -> Iterable[int]:
        row, col = divmod(point, self.size)
        for r, c in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            if 0 <= r < self.size and 0 <= c < self.size:
                yield r * self.size + c

    @property
    def to_play(self) -> int:
        return (len(self.boards) - 1) % 2

    @property
    def is_terminal(self) -> bool:
        return self.num_passes == 2 or len(self.boards) - 1 == 3 * self.num_points

    def region(self, point: int) -> tuple[set[int], set[int]]:
        """The connected points of one kind around `point`, and all points next to them."""
        kind, inside, border, todo = self.board[point], {point}, set(), [point]
        while todo:
            for q in self.near[todo.pop()]:
                if self.board[q] != kind:
                    border.add(q)
                elif q not in inside:
                    inside.add(q)
                    todo.append(q)
        return inside, border

    def chains(self) -> dict[int, tuple[set[int], set[int]]]:
        """(stones, liberties) of the chain of every stone."""
        found: dict[int, tuple[set[int], set[int]]] = {}
        for point in range(self.num_points):
            if self.board[point] != EMPTY and point not in found:
                stones, border = self.region(point)
                chain = stones, {p for p in border if self.board[p] == EMPTY}
                found.update(dict.fromkeys(stones, chain))
        return found

    def legal_actions(self) -> list[int]:
        self.superko = set()
        if self.is_terminal:
            return []
        chains = self.chains()
        legal = []
        for point in range(self.num_points):
            if self.board[point] != EMPTY:
                continue
            captured: set[int] = set()
            breathes = False
            for q in self.near[point]:
                if self.board[q] == EMPTY:
                    breathes = True
                elif self.board[q] == self.to_play:
                    breathes |= len(chains[q][1]) > 1
                elif len(chains[q][1]) == 1:
                    captured |= chains[q][0]
            if not breathes and not captured:
                continue
            if self._after(point, captured) in self.seen:
                self.superko.add(point)
            else:
                legal.append(point)
        return [*legal, self.num_points]

    def _after(self, point: int, captured: Iterable[int]) -> bytes:
        board = bytearray(self.board)
        board[point] = self.to_play
        for q in captured:
            board[q] = EMPTY
        return bytes(board)

    def apply(self, action: int) -> None:
        if action == self.num_points:
            self.num_passes += 1
        else:
            self.num_passes = 0
            captured: set[int] = set()
            for q in self.near[action]:
                if self.board[q] == 1 - self.to_play:
                    stones, border = self.region(q)
                    if not any(self.board[p] == EMPTY for p in border - {action}):
                        captured |= stones
            self.board = self._after(action, captured)
        self.seen.add(self.board)
        self.boards.append(self.board)

    def score(self) -> float:
        """Black's area minus White's minus komi."""
        area = [self.board.count(0), self.board.count(1)]
        todo = {p for p in range(self.num_points) if self.board[p] == EMPTY}
        while todo:
            inside, border = self.region(next(iter(todo)))
            todo -= inside
            colours = {self.board[p] for p in border}
            if len(colours) == 1:
                area[colours.pop()] += len(inside)
        return area[0] - area[1] - self.komi
