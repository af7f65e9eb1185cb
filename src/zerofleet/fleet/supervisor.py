"""Keeps commands running: restarts with back-off, says why one ended, stops them all cleanly."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from zerofleet.fleet.launcher import (
    Command,
    Handle,
    Launcher,
    describe_exit,
    last_words,
    log_tail,
)


@dataclass(frozen=True)
class RestartPolicy:
    """When a command that failed is started again."""

    first_pause_seconds: float = 1.0
    """Pause after the first failure; doubled at each further one."""
    longest_pause_seconds: float = 60.0
    healthy_seconds: float = 60.0
    """After running this long a failure counts as the first one again, where nobody knows whether
    the command has achieved something (`Vitals`)."""
    max_failures: int = 6
    """Failures in a row after which a command is parked."""
    final_statuses: frozenset[int] = frozenset({2})
    """Exit statuses that park at once: 2 is a usage error, which no restart mends."""

    def pause_seconds(self, num_failures: int) -> float:
        """Before the next start, after so many failures in a row."""
        doublings = min(max(0, num_failures - 1), 30)
        return min(self.longest_pause_seconds, self.first_pause_seconds * 2.0**doublings)


@dataclass(frozen=True)
class Event:
    """Something a person should know."""

    name: str
    """The command's name."""
    kind: str
    """started, finished, failed, parked, killed."""
    text: str
    """One line; for failed and parked the tail of the log follows."""
    reason: str = ""
    """For failed and parked: what the log says last, in a few lines."""


class Vitals(Protocol):
    """What shows from outside how a running command is."""

    def trouble(self, name: str) -> str:
        """Why it has to be killed and started again; empty while it is well."""
        ...

    def progress(self, name: str) -> object:
        """A value that differs once it has achieved something that lasts."""
        ...


@dataclass
class Child:
    """One supervised command."""

    command: Command
    state: str = "waiting"
    """waiting (to be started), running, finished (exit 0), parked."""
    handle: Handle | None = None
    num_starts: int = 0
    num_failures: int = 0
    """Failures in a row."""
    reason: str = ""
    """Why it last ended."""
    start_at: float = float("-inf")
    started_at: float = 0.0
    achieved: object = None
    """Its progress when it last failed."""


class Supervisor:
    """Runs commands until they finish or are stopped. Call `poll` often; it never blocks."""

    def __init__(
        self,
        launcher: Launcher,
        commands: Sequence[Command],
        *,
        policy: RestartPolicy | None = None,
        vitals: Vitals | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`vitals` tell what hangs, and whether failures are without any progress in between."""
        self._launcher = launcher
        self._vitals = vitals
        self._policy = policy or RestartPolicy()
        self._on_event = on_event or (lambda event: None)
        self._clock = clock
        self.children = [Child(command) for command in commands]

    def poll(self) -> bool:
        """Starts what is due, notes what ended; True while anything runs or will run."""
        for child in self.children:
            if child.state == "running":
                self._look_at(child)
            if child.state == "waiting" and self._clock() >= child.start_at:
                self._start(child)
        return any(child.state in ("running", "waiting") for child in self.children)

    def run(
        self, should_stop: Callable[[], bool], *, poll_seconds: float = 0.2, grace_seconds: float
    ) -> None:
        """Polls until everything finished or `should_stop()`; then stops what still runs."""
        while self.poll() and not should_stop():
            time.sleep(poll_seconds)
        self.stop(grace_seconds)

    def wait(self, seconds: float) -> None:
        """Waits so long for what runs to end by itself; nothing is started again."""
        end = self._clock() + seconds
        while self._clock() < end:
            running = [child for child in self.children if child.state == "running"]
            for child in running:
                status = _handle(child).poll()
                if status is not None:
                    child.state = "finished"
                    child.reason = describe_exit(status)
            if not running:
                return
            time.sleep(0.05)

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM to all, SIGKILL to those still there after `grace_seconds`; then all are gone."""
        running = [child for child in self.children if child.state == "running"]
        for child in running:
            _handle(child).terminate()
        end = self._clock() + grace_seconds
        while self._clock() < end and any(_handle(child).poll() is None for child in running):
            time.sleep(0.05)
        for child in running:
            status = _handle(child).poll()
            if status is None:
                _handle(child).kill()
                child.reason = f"did not stop within {grace_seconds:.0f} s and was killed"
                self._tell(child, "killed", child.reason)
            else:
                child.reason = describe_exit(status)
                self._tell(child, "finished", f"stopped ({child.reason})")
        for child in self.children:
            if child.state in ("running", "waiting"):
                child.state = "finished"

    def _start(self, child: Child) -> None:
        try:
            child.handle = self._launcher.start(child.command)
        except OSError as error:
            child.num_starts += 1
            self._failed(child, f"cannot be started: {error}")
            return
        child.num_starts += 1
        child.started_at = self._clock()
        child.state = "running"
        where = f"process {child.handle.pid}" if child.handle.pid else "elsewhere"
        again = f", start {child.num_starts}" if child.num_starts > 1 else ""
        self._tell(child, "started", f"started ({where}{again})")

    def _look_at(self, child: Child) -> None:
        status = _handle(child).poll()
        if status == 0:
            child.reason = describe_exit(status)
            child.state = "finished"
            self._tell(child, "finished", "finished")
        elif status is not None:
            self._failed(child, describe_exit(status), final=status in self._policy.final_statuses)
        elif self._vitals is not None and (trouble := self._vitals.trouble(child.command.name)):
            _handle(child).kill()
            self._failed(child, f"{trouble} and was killed")

    def _is_first_failure(self, child: Child) -> bool:
        """Whether this failure is none in a row with the last one."""
        if self._vitals is None:
            return self._clock() - child.started_at >= self._policy.healthy_seconds
        achieved, child.achieved = child.achieved, self._vitals.progress(child.command.name)
        return achieved != child.achieved

    def _failed(self, child: Child, reason: str, *, final: bool = False) -> None:
        if self._is_first_failure(child):
            child.num_failures = 0
        child.num_failures += 1
        tail = log_tail(child.command.log)
        words = last_words(tail)
        child.reason = f"{reason}: {words}" if words else reason
        details = f"; log: {child.command.log}" + (f"\n{tail}" if tail else "")
        if final or child.num_failures >= self._policy.max_failures:
            child.state = "parked"
            why = "" if final else f" {child.num_failures} times in a row"
            self._tell(child, "parked", f"{reason}{why}, not started again{details}", words)
            return
        pause = self._policy.pause_seconds(child.num_failures)
        child.state = "waiting"
        child.start_at = self._clock() + pause
        self._tell(child, "failed", f"{reason}, starts again in {pause:g} s{details}", words)

    def _tell(self, child: Child, kind: str, text: str, reason: str = "") -> None:
        self._on_event(Event(child.command.name, kind, text, reason))


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second SIGINT interrupts as usual.

    Only the main thread may use it. The handlers that were there before come back at the end.
    """
    event = threading.Event()
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, _frame: object) -> None:
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    for number in old:
        signal.signal(number, handle)
    try:
        yield event
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _handle(child: Child) -> Handle:
    if child.handle is None:
        raise RuntimeError(f"{child.command.name} is not running")
    return child.handle
