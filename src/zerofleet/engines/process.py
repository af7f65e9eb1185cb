"""Another program as a child process: lines to it, lines from it, every wait with a deadline.

It runs under the guardian of `fleet/local.py`, so that it ends when this process does, by whatever
signal, and so does what it started itself.
"""

import collections
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from typing import BinaryIO

from zerofleet.engines.errors import EngineCrash, EngineError, EngineTimeout
from zerofleet.fleet.launcher import describe_exit
from zerofleet.fleet.local import start_guarded

START_SECONDS = 60.0
"""A program may take so long to start: some read large nets."""
_GRACE_SECONDS = 1.0
"""Between the request to end and SIGKILL."""
_MOST_WAITING_LINES = 10_000
"""Unread lines of a program; it waits when there are more."""
_MOST_LINE_BYTES = 1 << 16
_GAMES = "/usr/local/games:/usr/games"
"""Where Debian has engines, often outside PATH."""


def find_program(command: Sequence[str]) -> list[str]:
    """The command line with the program's full path. Raises EngineError if there is none."""
    if not command:
        raise EngineError("expected a program, such as stockfish")
    path = shutil.which(command[0]) or shutil.which(command[0], path=_GAMES)
    if path is None:
        raise EngineError(
            f"there is no program {command[0]!r} on the PATH; install it (Debian: apt-get install "
            f"{os.path.basename(command[0])}) or give its path"
        )
    return [path, *command[1:]]


class EngineProcess:
    """A running program. One thread at a time, but `close` from any."""

    def __init__(self, command: Sequence[str]) -> None:
        """Starts it. Raises EngineError if there is no such program."""
        argv = find_program(command)
        self.name = os.path.basename(argv[0])
        self._process, lifeline = start_guarded(
            argv,
            _GRACE_SECONDS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING_LINES)
        self._last_words: collections.deque[str] = collections.deque(maxlen=8)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        answers = (self._process, self._process.stdout, self._lines)
        threading.Thread(target=_read_answers, args=answers, daemon=True).start()
        errors = (self._process.stderr, self._last_words)
        self._listener = threading.Thread(target=_read_errors, args=errors, daemon=True)
        self._listener.start()
        self._end = weakref.finalize(self, _end, self._process, lifeline)

    @property
    def pid(self) -> int:
        """The process group, led by the guardian."""
        return self._process.pid

    def send(self, line: str) -> None:
        """Writes a line. Raises EngineCrash if nobody is there to read it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._crash() from error

    def read(self, deadline: float, waiting_for: str) -> str:
        """The next line, without its end.

        Args:
          deadline: on the clock of `time.monotonic`.
          waiting_for: named in the error.
        Raises: EngineTimeout; EngineCrash at the end of its output.
        """
        try:
            # A little time even where the deadline has passed: what is there is read.
            line = self._lines.get(timeout=max(0.001, deadline - time.monotonic()))
        except queue.Empty:
            raise EngineTimeout(
                f"{self.name} did not answer in time: waited for {waiting_for}{self._words()}"
            ) from None
        if line is None:
            self._lines.put(None)  # for whoever reads on
            raise self._crash()
        return line

    def close(self, *, at_once: bool = False) -> None:
        """Ends it and what it started; unless at once, the end of its input asks it to first."""
        if at_once and self._end.alive:
            _kill(self._process)
        self._end()

    def _crash(self) -> EngineCrash:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_GRACE_SECONDS)
        self._listener.join(timeout=_GRACE_SECONDS)
        status = self._process.returncode
        how = "closed its output" if status is None else f"ended: {describe_exit(status)}"
        return EngineCrash(f"{self.name} {how}{self._words()}")

    def _words(self) -> str:
        words = " / ".join(self._last_words)
        return f"; it said: {words[-400:]}" if words else ""


def _read_answers(
    process: "subprocess.Popen[bytes]", stream: BinaryIO, lines: "queue.Queue[str | None]"
) -> None:
    with contextlib.suppress(OSError), stream:
        while line := stream.readline(_MOST_LINE_BYTES):
            _put(process, lines, line.decode("utf-8", "replace").rstrip("\r\n"))
    _put(process, lines, None)


def _put(
    process: "subprocess.Popen[bytes]", lines: "queue.Queue[str | None]", line: str | None
) -> None:
    while True:
        try:
            lines.put(line, timeout=1)
        except queue.Full:
            if process.poll() is not None:  # nobody will read it
                return
        else:
            return


def _read_errors(stream: BinaryIO, words: "collections.deque[str]") -> None:
    with contextlib.suppress(OSError), stream:
        while line := stream.readline(_MOST_LINE_BYTES):
            words.append(line.decode("utf-8", "replace").strip())


def _end(process: "subprocess.Popen[bytes]", lifeline: int) -> None:
    """Closes the input, waits a moment, kills the group. Knows nothing of the object it ends."""
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_GRACE_SECONDS)
    _kill(process)
    process.wait()
    os.close(lifeline)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
