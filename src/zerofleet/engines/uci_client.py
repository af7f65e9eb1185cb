"""Somebody else's chess engine: asked for moves over UCI."""

import contextlib
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from zerofleet.engines.client import EngineClient, EngineMove
from zerofleet.engines.clock import Clock
from zerofleet.engines.errors import EngineError, EngineFailure, IllegalMove
from zerofleet.engines.process import START_SECONDS, EngineProcess
from zerofleet.engines.uci_options import OptionError, UciOption, find_option, parse_option
from zerofleet.games.protocol import Game

_MOVE = re.compile(r"[a-h][1-8][a-h][1-8][nbrq]?")
_SCORE = re.compile(r"\bscore (cp|mate) (-?\d{1,9})\b")


class UciClient(EngineClient):
    """An engine that answers positions, each as if it were the first."""

    def __init__(
        self,
        game: Game,
        command: Sequence[str],
        *,
        options: Mapping[str, str],
        go: str,
        move_seconds: float,
        timeout_seconds: float,
        obeys_clock: bool = True,
        start_seconds: float = START_SECONDS,
    ) -> None:
        """Starts the engine and sets its options.

        Args:
          game: chess.
          options: checked against what the engine announces.
          go: limits of a move, "movetime 100".
          move_seconds: what these limits take; 0 if they limit no time.
          timeout_seconds: the engine may take so long beyond that, and for every other answer.
          obeys_clock: where a game has a clock, the engine is told it instead of these limits.
          start_seconds: until it has told its options.
        Raises: EngineError if there is no such engine, or if it has no such options.
        """
        if game.name != "chess":
            raise EngineError(f"engines with UCI play chess, not {game.name}")
        self._game = game
        self._command = tuple(command)
        self._options = dict(options)
        self._go = go
        self._move_seconds = move_seconds
        self._timeout_seconds = timeout_seconds
        self._obeys_clock = obeys_clock
        self._start_seconds = start_seconds
        self.announced: tuple[UciOption, ...] = ()
        """The options of the engine."""
        self._process = self._start()

    def choose(self, state: Any, seed: int, clock: Clock | None = None) -> EngineMove:
        """The engine's move. UCI knows no seeds: many engines vary their play by themselves.

        Raises: EngineFailure. The engine is then ended, and started again for the next position.
        """
        try:
            process = self._running()
            process.send("ucinewgame")
            process.send("isready")
            self._answer(process, "readyok")
            process.send(f"position fen {state.text()}")
            go, most_seconds = self._go, self._move_seconds
            if clock is not None and self._obeys_clock:
                go, most_seconds = _go_by(clock), clock.left[state.to_play]
            said: list[str] = []
            begun = time.monotonic()
            process.send(f"go {go}")
            line = self._answer(process, "bestmove", most_seconds, said)
            seconds = time.monotonic() - begun
            return EngineMove(self._action(state, line), seconds, _value_of(said))
        except EngineFailure:
            self._end(at_once=True)
            raise

    def _start(self) -> EngineProcess:
        process = EngineProcess(self._command)
        try:
            process.send("uci")
            options = []
            deadline = time.monotonic() + self._start_seconds
            while (line := process.read(deadline, "uciok").strip()) != "uciok":
                if line.startswith("option "):
                    # One that is written wrong is one that cannot be set.
                    with contextlib.suppress(OptionError):
                        options.append(parse_option(line))
            self.announced = tuple(options)
            for name, value in self._options.items():
                option = find_option(options, name)
                checked = option.checked(value)
                said = "" if option.kind == "button" else f" value {checked}"
                process.send(f"setoption name {option.name}{said}")
            process.send("isready")
            self._answer(process, "readyok", self._start_seconds)
        except OptionError as error:
            process.close()
            raise EngineError(f"{process.name}: {error}") from error
        except BaseException:
            process.close(at_once=True)
            raise
        return process

    def _answer(
        self,
        process: EngineProcess,
        start: str,
        seconds: float = 0.0,
        said: list[str] | None = None,
    ) -> str:
        """The line that starts with this word; `said` gets the last line with a score before."""
        deadline = time.monotonic() + seconds + self._timeout_seconds
        while True:
            line = process.read(deadline, start).strip()
            if line.split(maxsplit=1)[:1] == [start]:
                return line
            if said is not None and _SCORE.search(line) and not re.search(r"bound\b", line):
                said[:] = [line]

    def _action(self, state: Any, line: str) -> int:
        move = (line.split()[1:2] or [""])[0]
        if _MOVE.fullmatch(move):
            try:
                return self._game.action_from_text(state, move)
            except ValueError:
                pass
        raise IllegalMove(f"illegal move {move[:20]!r} in {state.text()}")


def _go_by(clock: Clock) -> str:
    white, black = (max(1, int(1000 * seconds)) for seconds in clock.left)
    increment = int(1000 * clock.increment)
    return f"wtime {white} btime {black} winc {increment} binc {increment}"


def _value_of(said: Sequence[str]) -> float | None:
    """The score of the last line that had one, on the scale of our own engine (`score cp`)."""
    found = _SCORE.search(said[0]) if said else None
    if found is None:
        return None
    number = int(found[2])
    if found[1] == "mate":
        return 1.0 if number > 0 else -1.0
    return math.tanh(number * math.log(10) / 800)
