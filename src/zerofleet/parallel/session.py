"""The processes of a run on this host: one trainer and local workers, from start to stop.

Whatever happens in between, an exception or Ctrl-C included, none of them is there when `run`
returns or raises; and should this process be killed, they end by themselves (fleet/guardian.py).
"""

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from zerofleet.fleet.group import MakeGroup, WorkerGroup
from zerofleet.fleet.launcher import BACKGROUND, Command
from zerofleet.fleet.local import LocalLauncher
from zerofleet.fleet.supervisor import Event, Supervisor
from zerofleet.fleet.vitals import TRAINER, LeaseVitals
from zerofleet.monitor.read import RunReader
from zerofleet.monitor.view import RunView
from zerofleet.parallel.fleet import fleet_group
from zerofleet.parallel.request import PreparedRun
from zerofleet.roles.config import ConfigError
from zerofleet.roles.ending import allowance_seconds
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import CONFIG, TRAINER_LOG, default_worker_id, worker_log_key
from zerofleet.run.stop import TIME_IS_OVER, request_stop, stop_requested
from zerofleet.run.store import read_or_none

GRACE_SECONDS = 30.0
"""For the roles to save and end; then they are killed, which loses nothing but time."""
VIEW_SECONDS = 0.5
POLL_SECONDS = 0.2
MAX_MESSAGES = 1000
"""Lines kept for the view: all workers may fail between two of them, in some lines each."""


@dataclass(frozen=True)
class Outcome:
    """How a session ended."""

    status: Literal["done", "stopped", "failed"]
    """done: all loops, or the time is over, or somebody wrote STOP; stopped: it was asked to."""
    reason: str = ""
    """Why it failed, in lines for people."""


class LocalSession:
    """Runs the processes of a prepared run, once."""

    def __init__(self, run: PreparedRun, workers: MakeGroup | None = None) -> None:
        """Makes the run directory; nothing is started. Raises ConfigError if that cannot be.

        `workers` makes the group that plays; None: those of `run`, here and on its fleet.
        """
        self._place = run.request.run_dir
        try:
            self._place.files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = "a file is there" if isinstance(error, FileExistsError) else error.strerror
            raise ConfigError(
                f"--run-dir {self._place.files}: cannot be created: {why}; choose another place"
            ) from None
        self._store = self._place.store()
        self._messages: deque[str] = deque(maxlen=MAX_MESSAGES)
        self._on_event: Callable[[Event], None] = lambda event: None
        launcher = LocalLauncher(orphan_grace_seconds=GRACE_SECONDS)
        vitals = LeaseVitals(self._store)
        trainer = self._command(TRAINER, "trainer", *run.trainer_arguments())
        self._trainer = Supervisor(launcher, [trainer], vitals=vitals, on_event=self._note)

        def local(on_event: Callable[[Event], None]) -> WorkerGroup:
            commands = [self._worker_command(run, number) for number in range(run.plan.num_workers)]
            return Supervisor(launcher, commands, vitals=vitals, on_event=on_event)

        if workers is None and run.fleet is not None:
            beside = local if run.plan.num_workers else None
            workers = fleet_group(self._place, run.fleet[0], run.config, beside)
        self._workers = (workers or local)(self._note)
        self._has_fleet = run.fleet is not None
        minutes = run.request.minutes
        limit = None if minutes is None else 60 * minutes
        self._late_at = float("inf") if limit is None else time.monotonic() + limit
        # A loop, the rating before it and its own may each take their time; what takes longer does
        # not look at the clock.
        self._overdue_at = self._late_at + 3 * allowance_seconds(minutes) + GRACE_SECONDS
        self._reader = RunReader(self._store, run_dir=str(self._place), limit_seconds=limit)

    def run(
        self,
        stop: threading.Event,
        show: Callable[[RunView], None],
        on_event: Callable[[Event], None] | None = None,
    ) -> Outcome:
        """Runs until the trainer ends or `stop` is set.

        Args:
          show: called about twice a second, and once when all is over; what it raises ends the run.
          on_event: told whatever happens to a process, failures with the end of its log.
        """
        self._on_event = on_event or self._on_event
        trainer = self._trainer.children[0]
        is_helpless = False
        try:
            next_view = 0.0
            while not (stop.is_set() or is_helpless) and self._trainer.poll():
                if time.monotonic() >= self._overdue_at:
                    self._messages.append(
                        "the time given is over, and the trainer does not end: it is stopped"
                    )
                    break
                if self._is_open():
                    self._workers.poll()
                    self._stop_when_late()
                if time.monotonic() >= next_view:
                    next_view = time.monotonic() + VIEW_SECONDS
                    view = self._view()
                    show(view)
                    is_helpless = self._is_helpless(view)
                stop.wait(POLL_SECONDS)
            if stop.is_set():
                self._messages.append(
                    f"stopping: finished games are saved, which may take {GRACE_SECONDS:.0f} s"
                )
                show(self._view())
        finally:
            self._end()
        show(self._view())
        if trainer.state == "parked":
            return Outcome("failed", f"the trainer failed: {trainer.reason}")
        if is_helpless:
            return Outcome("failed", self._why_helpless())
        return Outcome("stopped" if stop.is_set() else "done")

    # -- the processes -----------------------------------------------------------------------

    def _command(self, name: str, verb: str, *arguments: str) -> Command:
        is_trainer = verb == "trainer"
        log = TRAINER_LOG if is_trainer else worker_log_key(name)
        priority = () if is_trainer else BACKGROUND
        return Command(
            name=name,
            argv=(
                *priority,
                *(sys.executable, "-m", "zerofleet", verb),
                *("--run-dir", str(self._place)),
                *arguments,
            ),
            log=self._place.files / log,
            env={"PYTHONUNBUFFERED": "1"},
        )

    def _worker_command(self, run: PreparedRun, number: int) -> Command:
        name = default_worker_id(number)
        return self._command(
            name,
            "worker",
            *("--worker-id", name),
            *("--threads", str(run.plan.num_threads)),
            *("--device", run.plan.devices[number]),
        )

    def _is_open(self) -> bool:
        """True once the trainer has cleared the STOP of an earlier session.

        While the store is away what runs goes on, and nothing is started.
        """
        try:
            return not stop_requested(self._store) and read_or_none(self._store, CONFIG) is not None
        except StoreError:
            return False

    def _stop_when_late(self) -> None:
        """A trainer that was started again counts its minutes anew; this session does not."""
        if self._trainer.children[0].num_starts > 1 and time.monotonic() >= self._late_at:
            with contextlib.suppress(StoreError):  # the next look will do
                request_stop(self._store, TIME_IS_OVER)

    def _end(self) -> None:
        try:
            if self._trainer.children[0].state == "finished":
                self._workers.wait(GRACE_SECONDS)  # they see STOP, save their games and end
            self._workers.stop(GRACE_SECONDS)
            self._trainer.stop(GRACE_SECONDS)
        except BaseException:  # a second Ctrl-C: now, then
            self._workers.stop(0)
            self._trainer.stop(0)
            raise

    # -- what is told ------------------------------------------------------------------------

    def _view(self) -> RunView:
        children = self._workers.children
        return self._reader.read(
            restarts={child.command.name: max(0, child.num_starts - 1) for child in children},
            messages=tuple(self._messages),
            num_configured_workers=len(children) if self._has_fleet else None,
        )

    def _note(self, event: Event) -> None:
        self._on_event(event)
        if event.kind in ("failed", "lost", "parked", "killed"):
            lines = [event.text.splitlines()[0], *event.reason.splitlines()]
            self._messages.extend(f"[{event.name}] {line}" for line in lines)

    def _is_helpless(self, view: RunView) -> bool:
        """No worker of this session will start again, and nobody else's plays for the run."""
        ours = self._workers.children
        return bool(ours) and all(c.state == "parked" for c in ours) and view.num_live_workers == 0

    def _why_helpless(self) -> str:
        lines = ["every worker failed again and again, so the run is stopped:"]
        for child in self._workers.children:
            lines += [f"[{child.command.name}] {child.reason}", f"  log: {child.command.log}"]
        return "\n".join(lines)
