"""`zerofleet gtp`: our engine for Go programs."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from zerofleet.engines.analysis import Analysis
from zerofleet.engines.control import Control
from zerofleet.engines.gtp_board import GtpBoard
from zerofleet.engines.gtp_clock import GtpClock
from zerofleet.engines.gtp_text import (
    GtpCommand,
    GtpError,
    fixed_handicap,
    most_fixed_stones,
    parse_colour,
    parse_command,
    parse_vertex,
)
from zerofleet.engines.transport import Output, log
from zerofleet.games.evaluation import Evaluator
from zerofleet.games.protocol import Game

BATCH = 8
DEFAULT_SIMULATIONS = 400
"""Of a move, where nothing limits it."""
_MOST_SECONDS = 10**9


class GtpEngine:
    """A game with one program. Commands are obeyed one after the other."""

    def __init__(
        self,
        game: Game,
        evaluator: Evaluator,
        *,
        version: str,
        simulations: int | None = None,
        memory_mib: int = 256,
        batch: int = BATCH,
    ) -> None:
        """Makes an engine; `run` begins.

        Args:
          game: Go, of the size and komi the net was trained with; no other size is played.
          simulations: of a move at most; None: 400 where there is no time limit.
          batch: leaves that are evaluated together.
        """
        self._evaluator = evaluator
        self._version = version
        self._simulations = simulations
        self._memory_mib = memory_mib
        self._batch = batch
        self._trained_komi = float(game.options["komi"])
        self._board = GtpBoard(int(game.options["size"]), self._trained_komi)
        self._clock = GtpClock(self._board.size**2)
        self._analysis: Analysis | None = None
        self._commands: dict[str, Callable[[Sequence[str]], str]] = {
            "protocol_version": lambda _: "2",
            "name": lambda _: "Zerofleet",
            "version": lambda _: self._version,
            "known_command": self._known_command,
            "list_commands": lambda _: "\n".join(sorted(self._commands)),
            "quit": lambda _: "",
            "boardsize": self._boardsize,
            "clear_board": self._clear_board,
            "komi": self._komi,
            "fixed_handicap": self._fixed_handicap,
            "place_free_handicap": self._place_free_handicap,
            "set_free_handicap": self._set_free_handicap,
            "play": self._play,
            "genmove": lambda words: self._genmove(words, play=True),
            "reg_genmove": lambda words: self._genmove(words, play=False),
            "undo": self._undo,
            "time_settings": self._time_settings,
            "time_left": self._time_left,
            "final_score": lambda _: self._board.score(),
            "final_status_list": self._final_status_list,
            "loadsgf": self._loadsgf,
            "showboard": lambda _: f"\n{self._board.state}",
        }

    def run(self, lines: Iterable[str], output: Output) -> None:
        """Obeys the lines until `quit` or their end."""
        for line in lines:
            command = parse_command(line)
            if command is None:
                continue
            output(self.answer(command) + "\n")
            if command.name == "quit":
                break
        output.close()

    def answer(self, command: GtpCommand) -> str:
        """Obeys one command; its answer, without the empty line that ends it."""
        obey = self._commands.get(command.name)
        if obey is None:
            return command.failure("unknown command")
        try:
            return command.success(obey(command.arguments))
        except GtpError as error:
            return command.failure(str(error))
        except Exception as error:  # the program goes on, and is told
            text = f"{type(error).__name__}: {error}"
            log(f"{command.name} in {self._board.state.text()}: {text}")
            return command.failure(" ".join(text.split()))

    # Administration.

    def _known_command(self, words: Sequence[str]) -> str:
        return "true" if words and words[0] in self._commands else "false"

    # The board.

    def _boardsize(self, words: Sequence[str]) -> str:
        size = _whole(words, 0, "boardsize not an integer", most=10**6)
        if size != self._board.size:
            raise GtpError("unacceptable size")
        self._board.clear()
        return ""

    def _clear_board(self, words: Sequence[str]) -> str:
        self._board.clear()
        return ""

    def _komi(self, words: Sequence[str]) -> str:
        try:
            komi = float(words[0])
        except (IndexError, ValueError):
            raise GtpError("komi not a float") from None
        if not math.isfinite(komi):
            raise GtpError("komi not a float")
        if komi != self._board.komi:
            self._board.set_komi(komi)
            self._analysis = None  # of another game
        if komi != self._trained_komi:
            log(f"komi {komi:g}: the net has learnt with komi {self._trained_komi:g}")
        return ""

    def _play(self, words: Sequence[str]) -> str:
        if len(words) < 2:
            raise GtpError("invalid color or coordinate")
        self._board.play(parse_colour(words[0]), parse_vertex(words[1], self._board.size))
        return ""

    def _undo(self, words: Sequence[str]) -> str:
        self._board.undo()
        return ""

    def _fixed_handicap(self, words: Sequence[str]) -> str:
        return self._place(fixed_handicap(self._board.size, _stones(words)))

    def _place_free_handicap(self, words: Sequence[str]) -> str:
        """Our own choice are the fixed points; where there are no more of them, fewer stones."""
        stones = _stones(words)
        most = most_fixed_stones(self._board.size)
        if stones < 2 or most == 0:
            raise GtpError("invalid number of stones")
        return self._place(fixed_handicap(self._board.size, min(stones, most)))

    def _set_free_handicap(self, words: Sequence[str]) -> str:
        self._place(words)
        return ""

    def _place(self, vertices: Sequence[str]) -> str:
        self._board.place_handicap(vertices)
        return " ".join(vertices)

    def _loadsgf(self, words: Sequence[str]) -> str:
        if not words:
            raise GtpError("syntax error")
        number = None
        if len(words) > 1:
            number = _whole(words, 1, "syntax error", least=1)
        komi = self._board.komi
        try:
            self._board.load_sgf(Path(words[0]), number)
        finally:
            if self._board.komi != komi:
                self._analysis = None
        return ""

    def _final_status_list(self, words: Sequence[str]) -> str:
        """All stones on the board are alive; dead ones have to be taken before the end."""
        status = words[0] if words else ""
        if status == "alive":
            return "\n".join(" ".join(chain) for chain in self._board.chains())
        if status in ("dead", "seki"):
            return ""
        raise GtpError("syntax error")

    # Time.

    def _time_settings(self, words: Sequence[str]) -> str:
        self._clock.set(*(_whole(words, i, "syntax error", most=_MOST_SECONDS) for i in range(3)))
        return ""

    def _time_left(self, words: Sequence[str]) -> str:
        if not words:
            raise GtpError("syntax error")
        seconds, stones = (_whole(words, i, "syntax error", most=_MOST_SECONDS) for i in (1, 2))
        self._clock.set_left(parse_colour(words[0]), seconds, stones)
        return ""

    # Moves.

    def _genmove(self, words: Sequence[str], *, play: bool) -> str:
        begun = time.monotonic()
        if not words:
            raise GtpError("invalid color or coordinate")
        colour = parse_colour(words[0])
        board = self._board
        before = board.start, board.actions, board.state
        board.turn_to(colour)
        try:
            seconds = self._clock.move_seconds(colour, len(board.actions))
            simulations = self._simulations
            if seconds is None and simulations is None:
                simulations = DEFAULT_SIMULATIONS
            if self._analysis is None:
                self._analysis = Analysis(
                    board.game, self._evaluator, memory_mib=self._memory_mib, batch=self._batch
                )
            self._analysis.set_position(board.start, board.actions)
            if not play:  # regression tests expect the same answer again
                self._analysis.forget()
            found = self._analysis.search(
                Control(simulations=simulations, seconds=seconds, may_be_shorter=True)
            )
            move = board.game.action_to_text(board.state, found.lines[0].actions[0])
            if not play:
                self._analysis.forget()
        finally:
            board.start, board.actions, board.state = before
        if play:
            board.play(colour, move)
            self._clock.spend(colour, time.monotonic() - begun)
        return move


def _whole(
    words: Sequence[str], at: int, failure: str, *, least: int = 0, most: int = _MOST_SECONDS
) -> int:
    """The whole number at this place, or a failure."""
    text = words[at] if at < len(words) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise GtpError(failure)
    if not least <= int(text) <= most:
        raise GtpError(failure)
    return int(text)


def _stones(words: Sequence[str]) -> int:
    return _whole(words, 0, "syntax error")
