"""The game a GTP program has on the board: moves of any colour, handicap, undo.

Our game knows strict turns and two passes as its end. Where a program plays on after that, or lets
one side move twice, the position on the board becomes the start of a new game: superko then knows
nothing of what was before.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zerofleet.engines.gtp_text import PASS, GtpError, parse_vertex, point_name
from zerofleet.games.protocol import Game
from zerofleet.games.registry import load_game
from zerofleet.games.sgf import SgfError, from_sgf, result_text

_PIECES = "XO"
_MOST_KOMI = 361


class GtpBoard:
    """A board of one size, its game so far."""

    def __init__(self, size: int, komi: float) -> None:
        self.size = size
        self.komi = komi
        self.game: Game = load_game("go", size=size, komi=komi)
        self.start: Any
        """Where the game, or what is left of it, began."""
        self.actions: list[int]
        """Since then."""
        self.state: Any
        """Where they have led."""
        self._past: list[tuple[Any, list[int], Any]]
        self.clear()

    def clear(self) -> None:
        """Takes all stones off; nothing can be undone."""
        self._set(self.game.initial_state())

    def set_komi(self, komi: float) -> None:
        """Changes komi, at any time. GtpError unless it is a multiple of 0.5 in -361..361."""
        if abs(komi) > _MOST_KOMI or komi * 2 != int(komi * 2):
            raise GtpError(f"expected a komi in steps of 0.5 in -361..361; came {komi:g}")
        self.komi = komi + 0.0  # -0 is 0
        self.game = load_game("go", size=self.size, komi=self.komi)
        self.start, self.state = self._with_komi(self.start), self._with_komi(self.state)
        self._past = [
            (self._with_komi(start), actions, self._with_komi(state))
            for start, actions, state in self._past
        ]

    def turn_to(self, colour: int) -> None:
        """Lets this colour move next, whoever moved last and even if the game was over."""
        if self.state.is_terminal or self.state.to_play != colour:
            rows = "/".join("".join(row) for row in self.rows())
            self.start = self.game.parse(f"{rows} {_PIECES[colour]} {self.komi:.1f}")
            self.actions, self.state = [], self.start.copy()

    def play(self, colour: int, vertex: str) -> None:
        """Plays a move, "D4" or "pass", of either colour. GtpError if it is illegal."""
        before = self.start, self.actions, self.state
        self.turn_to(colour)
        try:
            action = self.game.action_from_text(self.state, vertex)
        except ValueError:
            self.start, self.actions, self.state = before
            raise GtpError("illegal move") from None
        self._past.append(before)
        self.actions = [*self.actions, action]
        self.state = self.state.copy()
        self.state.apply(action)

    def undo(self) -> None:
        """Takes the last move back. GtpError if there is none."""
        if not self._past:
            raise GtpError("cannot undo")
        self.start, self.actions, self.state = self._past.pop()

    def place_handicap(self, vertices: Sequence[str]) -> None:
        """Puts black stones on the empty board; White moves next. GtpError if they cannot be."""
        rows = [["."] * self.size for _ in range(self.size)]
        if self._past or self.rows() != rows:
            raise GtpError("board not empty")
        points = [parse_vertex(vertex, self.size) for vertex in vertices]
        if len(set(points)) != len(points) or PASS in points or len(points) < 2:
            raise GtpError("bad vertex list")
        names = {
            point_name(row, col, self.size): (row, col)
            for row in range(self.size)
            for col in range(self.size)
        }
        for point in points:
            row, col = names[point]
            rows[row][col] = _PIECES[0]
        text = "/".join("".join(row) for row in rows)
        try:
            self._set(self.game.parse(f"{text} {_PIECES[1]} {self.komi:.1f}"))
        except ValueError:  # no liberty is left
            raise GtpError("bad vertex list") from None

    def load_sgf(self, path: Path, move_number: int | None) -> None:
        """Sets the position of a file, before the move of this number, from 1, if there is one.

        Raises: GtpError; the board is then as before.
        """
        try:
            found = from_sgf(path.read_bytes().decode("utf-8", "replace"))[0]
        except (OSError, SgfError) as error:
            raise GtpError(f"cannot load file: {error}") from error
        if found.size != self.size:
            raise GtpError(
                f"cannot load file: its board is {found.size} x {found.size}; expected "
                f"{self.size} x {self.size}"
            )
        rows, first, komi, *moves = found.text.split(" ")
        if move_number is not None:
            moves = moves[: move_number - 1]
        old = self.komi, self.start, self.actions, self.state, self._past
        try:
            self.set_komi(float(komi))
            self._set(self.game.parse(f"{rows} {first} {komi}"))
            for move in moves:
                colour = self.state.to_play
                if self.state.is_terminal:  # people play on after two passes
                    colour = (_PIECES.index(first) + len(self._past)) % 2
                self.play(colour, move)
        except (GtpError, ValueError) as error:
            komi_before, *board = old
            self.set_komi(komi_before)
            self.start, self.actions, self.state, self._past = board
            raise GtpError(f"cannot load file: {error}") from error

    def rows(self) -> list[list[str]]:
        """The stones as they stand, from the top: X black, O white, . empty."""
        observation = self.state.observation()
        black = int(observation[16].max() == 0)  # plane of Black's stones: 0 if Black is to move
        out = [["."] * self.size for _ in range(self.size)]
        for piece, plane in ((_PIECES[0], black), (_PIECES[1], 1 - black)):
            for row, col in zip(*observation[plane].nonzero(), strict=True):
                out[row][col] = piece
        return out

    def chains(self) -> list[list[str]]:
        """The points of each chain of stones on the board."""
        rows, chains = self.rows(), []
        for row in range(self.size):
            for col in range(self.size):
                if rows[row][col] == ".":
                    continue
                piece, chain, open_points = rows[row][col], [], [(row, col)]
                while open_points:
                    r, c = open_points.pop()
                    if not (0 <= r < self.size and 0 <= c < self.size) or rows[r][c] != piece:
                        continue
                    rows[r][c] = "."
                    chain.append(point_name(r, c, self.size))
                    open_points += [(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)]
                chains.append(chain)
        return chains

    def score(self) -> str:
        """The area as it stands, all stones alive: "B+3.5", "W+12", "0"."""
        state = self.state.copy()
        while not state.is_terminal:
            state.apply(self.game.num_actions - 1)  # a pass
        return result_text(state)

    def _set(self, start: Any) -> None:
        self.start, self.actions, self.state, self._past = start, [], start.copy(), []

    def _with_komi(self, state: Any) -> Any:
        rows, first, _, *moves = state.text().split(" ")
        return self.game.parse(" ".join([rows, first, f"{self.komi:.1f}", *moves]))
