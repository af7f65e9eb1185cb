"""Starts commands with /bin/sh on this host. The toy launcher of tests/test_contributing.py."""

import contextlib
import os
import shlex
import signal
import subprocess

from zerofleet.fleet.launcher import Command


class ShellHandle:
    """A command that a shell has started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """See `Handle.pid`."""
        return self._process.pid

    def poll(self) -> int | None:
        """See `Handle.poll`."""
        return self._process.poll()

    def terminate(self) -> None:
        """See `Handle.terminate`."""
        self._process.terminate()

    def kill(self) -> None:
        """See `Handle.kill`."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class ShellLauncher:
    """See `Launcher`."""

    def start(self, command: Command) -> ShellHandle:
        """See `Launcher.start`."""
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with command.log.open("ab") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {shlex.join(command.argv)}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.env},
                process_group=0,
            )
        return ShellHandle(process)
