"""Starts commands on this host: each in a process group of its own, with its log file."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from zerofleet.fleet import guardian
from zerofleet.fleet.launcher import Command, prepare_log


class LocalHandle:
    """A command started by `LocalLauncher`."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int) -> None:
        self._process = process
        self._lifeline = lifeline

    @property
    def pid(self) -> int:
        """The process group, led by the guardian; `kill -- -PID` reaches all of it."""
        return self._process.pid

    def poll(self) -> int | None:
        """See `Handle.poll`."""
        status = self._process.poll()
        if status is not None and self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        return status

    def terminate(self) -> None:
        """SIGTERM to the group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the group; returns when the guardian is gone."""
        self._signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        self.poll()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class LocalLauncher:
    """Starts commands on this host. They end when this process does, even by SIGKILL."""

    def __init__(self, *, orphan_grace_seconds: float = 10.0) -> None:
        """An orphaned command gets SIGTERM and this long before SIGKILL."""
        self._orphan_grace_seconds = orphan_grace_seconds

    def start(self, command: Command) -> LocalHandle:
        """Starts `command` under a guardian."""
        prepare_log(command.log)
        with command.log.open("ab") as log:
            process, lifeline = start_guarded(
                command.argv,
                self._orphan_grace_seconds,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.env},
            )
        return LocalHandle(process, lifeline)


def start_guarded(
    argv: Sequence[str], orphan_grace_seconds: float, **streams: Any
) -> tuple["subprocess.Popen[bytes]", int]:
    """Starts a command line under a guardian, in a process group of its own.

    Args:
      orphan_grace_seconds: between SIGTERM and SIGKILL once this process is gone.
      streams: stdin, stdout, stderr and env, as `subprocess.Popen` takes them.
    Returns: the guardian, and what keeps it: a descriptor to be closed when it has ended.
    """
    lifeline, held = os.pipe()
    try:
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", guardian.__file__),
                *(str(lifeline), str(orphan_grace_seconds), "--", *argv),
            ],
            pass_fds=(lifeline,),
            # Not a session of its own: where the kernel shares the processor among sessions
            # (autogroup), a niceness would only count within each of them. And Ctrl-C in a
            # terminal is for us, who end it.
            process_group=0,
            **streams,
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(lifeline)
    return process, held
