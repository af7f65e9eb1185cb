"""The workers of a run in shells of this host: `--fleet shell`. A toy of test_contributing.py."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from zerofleet.fleet.shell import ShellLauncher

from zerofleet.fleet.devices import WorkerPlan
from zerofleet.fleet.group import MakeGroup
from zerofleet.fleet.launcher import Command
from zerofleet.fleet.supervisor import Event, Supervisor
from zerofleet.fleet.vitals import LeaseVitals
from zerofleet.parallel.request import PreparedRun
from zerofleet.run.layout import worker_log_key


@contextlib.contextmanager
def shell_workers(run: PreparedRun, address: str | None) -> Iterator[tuple[PreparedRun, MakeGroup]]:
    """The run with its workers, and what makes their group."""
    place, number = run.request.run_dir, run.request.workers or 1
    plan = WorkerPlan(number, 1, "in shells of this host", ("cpu",) * number)
    commands = [
        Command(
            name,
            (
                *(sys.executable, "-m", "zerofleet", "worker", "--run-dir", str(place)),
                *("--worker-id", name, "--threads", "1"),
            ),
            place.files / worker_log_key(name),
        )
        for name in (f"shell-{n}" for n in range(number))
    ]

    def group(tell: Callable[[Event], None]) -> Supervisor:
        vitals = LeaseVitals(place.store())
        return Supervisor(ShellLauncher(), commands, vitals=vitals, on_event=tell)

    yield replace(run, plan=plan), group
