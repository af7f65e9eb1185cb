"""Which process wrote a file, and whether that process is gone.

Certain only on the same running kernel: a process id means something only together with the boot
it belongs to, the pid namespace it counts in (containers share a boot) and its start time (ids are
used again). Everything else is left to the observer's clock, see `lease.py`.
"""

import functools
import hashlib
import os
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@functools.cache
def boot_id() -> str:
    """The running kernel's boot id; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


@functools.cache
def pid_namespace() -> str:
    """Names the pid namespace this process counts in; empty where the system has none."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the third (state) on, or None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    # The second field is the command in brackets and may itself hold blanks and brackets.
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> int:
    """Clock ticks from boot to the start of `pid`; 0 if unknown or gone."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields is not None and len(fields) > 19 else 0


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot of one host."""

    host: str
    """Name of the host, for people; never compared."""
    boot_id: str
    """Kernel boot id."""
    pid_namespace: str
    """The namespace `pid` counts in."""
    pid: int
    """Process id."""
    process_start: int
    """Clock ticks from boot to the start of the process."""

    @staticmethod
    def current() -> "ProcessIdentity":
        """Identity of the calling process."""
        pid = os.getpid()
        return ProcessIdentity(
            socket.gethostname(), boot_id(), pid_namespace(), pid, start_time(pid)
        )

    @staticmethod
    def from_json(value: dict[str, Any]) -> "ProcessIdentity":
        """Reads what `to_json` wrote; missing parts make an identity that is never comparable."""
        return ProcessIdentity(
            str(value.get("host", "?")),
            str(value.get("boot_id", "")),
            str(value.get("pid_namespace", "")),
            int(value.get("pid", 0)),
            int(value.get("process_start", 0)),
        )

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        return asdict(self)

    def is_comparable(self) -> bool:
        """True if this kernel can tell whether the process still runs."""
        here = (boot_id(), pid_namespace())
        return all(here) and here == (self.boot_id, self.pid_namespace) and self.pid > 0

    def is_gone(self) -> bool:
        """True only if the process certainly runs no more (a zombie counts as gone)."""
        if not self.is_comparable():
            return False
        return self._state() in ("", *"ZX")

    def is_suspended(self) -> bool:
        """True only if the process is certainly there and stopped (SIGSTOP), not by a debugger."""
        return self.is_comparable() and self._state() == "T"

    def _state(self) -> str:
        """Its letter in /proc; empty if there is no such process."""
        fields = _stat_fields(self.pid)
        if fields is None or len(fields) <= 19 or int(fields[19]) != self.process_start:
            return ""
        return fields[0]


def kernel_token() -> str:
    """12 hex digits that name this boot and pid namespace, for use in file names."""
    return hashlib.sha256(f"{boot_id()}|{pid_namespace()}".encode()).hexdigest()[:12]


def leave_closed_output() -> None:
    """After a BrokenPipeError: the reader (head, less) has seen enough.

    Python flushes once more at exit, which then goes nowhere.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
