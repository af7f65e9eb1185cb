"""Clocks of processes, which can be set while they run."""

import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


@dataclass(frozen=True)
class Clock:
    """The wall clock of one process."""

    file: Path
    library: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process that has it."""
        return {"LD_PRELOAD": str(self.library), "ZEROFLEET_CHAOS_CLOCK": str(self.file)}

    def set(self, seconds: int) -> None:
        """Lets it differ from the machine's by so much, at once."""
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT)
        os.pwrite(descriptor, struct.pack("=q", seconds), 0)
        os.close(descriptor)


class Clocks:
    """Makes clocks; needs a C compiler, CC or cc."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._library = directory / "clock.so"
        command = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
        self.why_not = ""
        """Why there can be none; empty if there can."""
        try:
            done = subprocess.run(
                [*command, "-o", str(self._library), str(SOURCE)], capture_output=True, text=True
            )
            self.why_not = done.stderr.strip()[-300:] if done.returncode else ""
        except OSError as error:
            self.why_not = f"no C compiler: {error}"

    def of(self, name: str) -> Clock:
        """The clock of that name; it goes on as it was set last."""
        clock = Clock(self._directory / f"clock-{name}", self._library)
        if not clock.file.exists():
            clock.set(0)
        return clock
