"""What a launcher does: it starts a command line somewhere and can stop it."""

import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

LOG_BYTES = 64 * 2**20
"""A log longer than this is put aside when its command starts again."""
BACKGROUND = ("nice", "-n", "19")
"""Begins the command lines of processes that always have work. The trainer has some now and then,
and then everybody waits for it."""


@dataclass(frozen=True)
class Command:
    """A command line to run under a name."""

    name: str
    """Shown to people: trainer, worker host-0."""
    argv: tuple[str, ...]
    log: Path
    """Where its output goes; appended to."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the launcher's environment."""


class Handle(Protocol):
    """A started command."""

    @property
    def pid(self) -> int:
        """Its process id on its host."""
        ...

    def poll(self) -> int | None:
        """None while it runs, else its exit status; -n if signal n ended it."""
        ...

    def terminate(self) -> None:
        """Asks it to stop (SIGTERM)."""
        ...

    def kill(self) -> None:
        """Ends it and everything it started (SIGKILL)."""
        ...


class Launcher(Protocol):
    """Starts commands: locally, over SSH, on a Ray cluster."""

    def start(self, command: Command) -> Handle:
        """Starts `command`; it ends by itself when the launcher's process does."""
        ...


def describe_exit(status: int) -> str:
    """An exit status in words: 'exit status 1', 'killed by SIGKILL'."""
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (the kernel does this when memory runs out)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def log_tail(path: Path, *, num_lines: int = 12, max_bytes: int = 8192) -> str:
    """The last lines of a log; empty if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - max_bytes))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-num_lines:])


def prepare_log(path: Path) -> None:
    """Makes the folder of a log that will be appended to; a long one is put aside as <log>.1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))


def last_words(tail: str, *, num_lines: int = 4) -> str:
    """What the end of a log says happened: its last line that is not indented, and what follows it.

    In a traceback that is the error; in a message of ours the message with its indented lines.
    """
    lines = tail.rstrip().splitlines()
    start = max((n for n, line in enumerate(lines) if line[:1].strip()), default=0)
    return "\n".join(lines[start : start + num_lines]).removeprefix("zerofleet: ")
