"""Somebody else's Go engine: asked for moves over GTP."""

import time
from collections.abc import Sequence
from typing import Any

from zerofleet.engines.client import EngineClient, EngineMove
from zerofleet.engines.clock import Clock
from zerofleet.engines.errors import EngineError, EngineFault, IllegalMove, Resignation
from zerofleet.engines.gtp_text import PASS, GtpError, parse_vertex, point_name
from zerofleet.engines.process import START_SECONDS, EngineProcess
from zerofleet.games.protocol import Game

_CLEANUP = "kgs-genmove_cleanup"
_SEED = "set_random_seed"
_COLOURS = ("black", "white")

_Position = tuple[str, tuple[str, ...]]
"""First position with side to move and komi; moves since."""


class GtpClient(EngineClient):
    """An engine that answers positions.

    Our rules count all stones on the board as alive, so dead ones have to be taken. An engine that
    would pass and knows how to clean up (`kgs-genmove_cleanup`) is asked to do so instead: it then
    takes the dead stones of the other side before it passes.
    """

    def __init__(self, game: Game, command: Sequence[str], *, timeout_seconds: float) -> None:
        """Starts the engine and gives it a board.

        Args:
          game: Go, of the size and komi that are played.
          timeout_seconds: the engine may take so long for every answer, a move included.
        Raises: EngineError if there is no such engine, or if it does not play this game.
        """
        if game.name != "go":
            raise EngineError(f"engines with GTP play go, not {game.name}")
        self._game = game
        self._command = tuple(command)
        self._patience_seconds = self._timeout_seconds = timeout_seconds
        self._size = int(game.options["size"])
        self._known: frozenset[str] = frozenset()
        self._position: _Position | None = None
        """What is on the engine's board."""
        self._process = self._start()

    def choose(self, state: Any, seed: int, clock: Clock | None = None) -> EngineMove:
        """The engine's move; engines that know `set_random_seed` choose by the seed.

        Raises: EngineFailure. Unless it is a resignation, the engine is then ended, and started
        again for the next position.
        """
        try:
            self._running()
            if _SEED in self._known:
                self._ask(f"{_SEED} {seed % (1 << 31)}")
            self._set_position(state)
            colour = _COLOURS[state.to_play]
            if clock is not None:
                self._set_clock(clock)
            begun = time.monotonic()
            move = self._move(f"genmove {colour}")
            if move == PASS and _CLEANUP in self._known:
                self._ask("undo")
                move = self._move(f"{_CLEANUP} {colour}")
            try:
                action = self._game.action_from_text(state, move)
            except ValueError:
                raise IllegalMove(f"illegal move {move} in {state.text()}") from None
            assert self._position is not None
            self._position = self._position[0], (*self._position[1], move)
            return EngineMove(action, time.monotonic() - begun)
        except Resignation:
            self._position = None
            raise
        except BaseException:
            self._end(at_once=True)
            raise

    def _end(self, *, at_once: bool = False) -> None:
        self._position = None
        super()._end(at_once=at_once)

    def _start(self) -> EngineProcess:
        self._process = process = EngineProcess(self._command)
        self._patience_seconds = START_SECONDS
        try:
            version = self._ask("protocol_version")
            if version.strip() != "2":
                raise EngineError(f"{process.name}: expected version 2 of GTP; came {version!r}")
            self._known = frozenset(self._ask("list_commands").split())
            self._ask(f"boardsize {self._size}")
            self._patience_seconds = self._timeout_seconds
        except EngineFault as error:
            process.close()
            raise EngineError(f"{process.name} does not play {self._game.spec}: {error}") from error
        except BaseException:
            process.close(at_once=True)
            raise
        return process

    def _set_position(self, state: Any) -> None:
        """Plays what the engine's board lacks; from the start if it holds another game."""
        rows, first, komi, *moves = state.text().split(" ")
        start, played = f"{rows} {first} {komi}", tuple(moves)
        done = 0
        if self._position is not None and self._position[0] == start:
            known = self._position[1]
            done = len(known) if played[: len(known)] == known else 0
        if not done:
            self._ask("clear_board")
            self._ask(f"komi {float(komi):g}")
            for row, line in enumerate(rows.split("/")):
                for col, cell in enumerate(line):
                    if cell in "XO":
                        self._play("XO".index(cell), point_name(row, col, self._size))
        mover = "XO".index(first)
        for number, move in enumerate(played[done:], start=done):
            self._play((mover + number) % 2, move)
        self._position = start, played

    def _set_clock(self, clock: Clock) -> None:
        """Tells both clocks. GTP knows no increments: what is left is told before every move."""
        if "time_settings" in self._known:
            self._ask(f"time_settings {max(1, int(max(clock.left)))} 0 0")
        if "time_left" in self._known:
            for colour, left in zip(_COLOURS, clock.left, strict=True):
                self._ask(f"time_left {colour} {max(0, int(left))} 0")

    def _play(self, colour: int, move: str) -> None:
        self._ask(f"play {_COLOURS[colour]} {move}")

    def _move(self, command: str) -> str:
        answer = self._ask(command).strip()
        if answer.lower() == "resign":
            raise Resignation("")
        try:
            return parse_vertex(answer, self._size)
        except GtpError:
            raise EngineFault(
                f"answered {command!r} by {answer[:40]!r}, which is no move"
            ) from None

    def _ask(self, command: str) -> str:
        """The answer to a command. Raises EngineFault, with what it says, if it fails."""
        process = self._process
        assert process is not None
        process.send(command)
        deadline = time.monotonic() + self._patience_seconds
        while not (line := process.read(deadline, f"the answer to {command!r}")).strip():
            pass  # what is left of the answer before
        answer = [line]
        while (line := process.read(deadline, f"the end of the answer to {command!r}")).strip():
            answer.append(line)
        text = "\n".join(answer)
        if text[:1] not in ("=", "?"):
            raise EngineFault(f"answered {command!r} by {text[:80]!r}, which is no GTP")
        if text[0] == "?":
            raise EngineFault(f"refused {command!r}: {text[1:].strip()[:200]}")
        return text[1:].strip()
