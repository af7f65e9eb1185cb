"""What a session needs of the workers of a run, wherever they play.

The workers of this host are a `Supervisor` over `LocalLauncher`. Where a launcher can start one
command at a time, as on a Ray cluster, a `Supervisor` over that launcher is all it takes; a fleet
over SSH, which also moves files and is reloaded while it runs, is a group of its own.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from zerofleet.fleet.supervisor import Child, Event


class WorkerGroup(Protocol):
    """Workers that are kept running. Call `poll` often; it never blocks."""

    @property
    def children(self) -> Sequence[Child]:
        """One for each worker; `Child.command` has its name and, if it is here, its log."""
        ...

    def poll(self) -> bool:
        """Starts what is due, notes what ended; True while anything runs or will run."""
        ...

    def wait(self, seconds: float) -> None:
        """The run is over: waits so long for workers to end by themselves; starts none again."""
        ...

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM to all, SIGKILL to those still there after `grace_seconds`; then all are gone."""
        ...


MakeGroup = Callable[[Callable[[Event], None]], WorkerGroup]
"""Makes a group that tells its events to the function; nothing is started yet."""


class JoinedGroup:
    """Several groups as one."""

    def __init__(self, groups: Sequence[WorkerGroup]) -> None:
        self._groups = tuple(groups)

    @property
    def children(self) -> Sequence[Child]:
        """See `WorkerGroup.children`."""
        return [child for group in self._groups for child in group.children]

    def poll(self) -> bool:
        """See `WorkerGroup.poll`."""
        runs = [group.poll() for group in self._groups]
        return any(runs)

    def wait(self, seconds: float) -> None:
        """See `WorkerGroup.wait`; `seconds` for all of them together."""
        end = time.monotonic() + seconds
        for group in self._groups:
            group.wait(max(0.0, end - time.monotonic()))

    def stop(self, grace_seconds: float) -> None:
        """See `WorkerGroup.stop`; all are stopped, even if one of them fails."""
        with contextlib.ExitStack() as stack:
            for group in self._groups:
                stack.callback(group.stop, grace_seconds)
