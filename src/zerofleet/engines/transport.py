"""Lines in and lines out: what is on stdout is the protocol and nothing else."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

MOST_LINE_BYTES = 1 << 20
"""Longer than any game in any protocol; what is longer is skipped."""


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Yields the lines of a program without their ends; what is no UTF-8 becomes U+FFFD."""
    while line := stream.readline(MOST_LINE_BYTES):
        if len(line) == MOST_LINE_BYTES and not line.endswith(b"\n"):
            log(f"skipped a line of more than {MOST_LINE_BYTES:,} bytes")
            while line and not line.endswith(b"\n"):
                line = stream.readline(MOST_LINE_BYTES)
            continue
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def log(text: str) -> None:
    """One line on stderr, where programs look for what is not the protocol."""
    with contextlib.suppress(OSError):
        print(f"zerofleet: {text}", file=sys.stderr, flush=True)


class Output:
    """Writes lines, whole ones from any thread, until it is closed."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes a text with its line ends and sends it at once."""
        self._write = write
        self._lock = threading.Lock()
        self._closed = False

    def __call__(self, line: str) -> None:
        """Writes one line; nothing after `close`, or when nobody reads any more."""
        with self._lock:
            if self._closed:
                return
            try:
                self._write(line + "\n")
            except OSError:  # the program is gone; its end of our input says so too
                self._closed = True

    def close(self) -> None:
        """No line follows."""
        with self._lock:
            self._closed = True


@contextlib.contextmanager
def protocol_output() -> Iterator[Output]:
    """An output on stdout; what anything else prints there meanwhile goes to stderr.

    Libraries print from C too, so that it is the file descriptor that is lent.
    """
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        output = Output(lambda text: _write_all(ours, text.encode("utf-8", "replace")))
        yield output
    finally:
        output.close()
        sys.stdout.flush()
        os.dup2(ours, 1)
        os.close(ours)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
