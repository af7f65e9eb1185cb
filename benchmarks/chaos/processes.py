"""The processes of a run: started, frozen, killed and started again; and what is left of them."""

import contextlib
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chaos.kit import run_kit
from zerofleet.run.errors import RunError
from zerofleet.run.layout import TRAINER_LEASE, worker_lease_key
from zerofleet.run.lease import read_lease
from zerofleet.run.process import ProcessIdentity

TRAINER = "trainer"
TRAIN = "zerofleet train"
TOKEN = "ZEROFLEET_CHAOS_RUN"
"""In the environment of everything that a campaign starts, so that what is left can be found."""
_FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def can_fake_clocks() -> bool:
    """True where libfaketime is installed."""
    return _FAKETIME is not None


class Spawned:
    """A started command line, with the face of `run_kit.Role`."""

    def __init__(self, argv: list[str], log: Path, env: dict[str, str]) -> None:
        self.argv, self.log = argv, log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "zerofleet", *argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                start_new_session=True,
            )
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """None while it runs, else its exit status; -9 if it was killed."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def text(self) -> str:
        """What it has said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@dataclass
class Slot:
    """A place for one process of the run: the trainer, or a worker of that id."""

    name: str
    role: Any = None
    """The process that holds the place; None while it is down."""
    clock: Path | None = None
    """The file that sets its clock, where it has one of its own."""
    busy: bool = False
    """Something is being done to it that takes a while."""
    spared: bool = False
    """It is never killed, so that one life is long."""
    starts: int = 0
    good_end: int = 0
    """Exit status after SIGTERM."""

    @property
    def is_up(self) -> bool:
        """True if its process runs and nothing is being done to it."""
        return self.role is not None and not self.busy


class ChaosRun(run_kit.Run):
    """A run whose processes may have a clock of their own."""

    clock: Path | None = None
    """Of the process that is started next: the file that sets its clock."""

    def start(self, *argv: Any, **others: Any) -> Any:
        """Starts a process.

        A clock of its own needs a library in the process from its first moment, so such a one is
        started from nothing; others are forked from one that has imported torch already.
        """
        if self.clock is None:
            role = super().start(*argv, **others)
        else:
            words = [str(part) for part in argv]
            log = self.home / f"{len(self.roles):03d}-{words[0]}-own-clock.log"
            role = Spawned(words, log, {**self._base_env(), **clock_env(self.clock)})
            self.roles.append(role)
        share_priority(role.pid)
        return role

    def _base_env(self) -> dict[str, str]:
        return {
            "XDG_STATE_HOME": str(self.home / "state"),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
        }


class Crew:
    """Trainer and workers of a run, as processes of their own."""

    def __init__(self, run: ChaosRun, *, num_workers: int, rng: random.Random) -> None:
        self.run, self._rng = run, rng
        self.trainer = Slot(TRAINER)
        self.workers = [Slot(f"w{n}") for n in range(num_workers)]
        self.slots = [self.trainer, *self.workers]
        """The places of the processes that are started here."""
        self.victims = list(self.slots)
        """The places of the processes of the run."""
        if num_workers > 1:
            self.workers[-1].spared = True

    def spare_trainer(self, is_spared: bool) -> None:
        """Whether nothing may end the trainer."""
        self.trainer.spared = is_spared

    def start(self, slot: Slot) -> Any:
        """Starts a process for a place; the caller gives it the place."""
        slot.starts += 1
        own_clock = can_fake_clocks() and (slot.spared or self._rng.random() < 0.2)
        slot.clock = self.run.clock = self._clock_file(slot) if own_clock else None
        if slot is self.trainer:
            return self.run.trainer(f"--num-workers={len(self.workers)}")
        return self.run.worker(slot.name)

    def _clock_file(self, slot: Slot) -> Path:
        path = self.run.home / f"clock-{slot.name}"
        if not path.exists():
            set_clock(path, 0)
        return path


def clock_env(path: Path) -> dict[str, str]:
    """The environment of a process whose clock follows a file."""
    return {
        "LD_PRELOAD": str(_FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(path),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a clock that is set leaves this one alone
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def set_clock(path: Path, seconds: int) -> None:
    """Lets the clock of the processes that follow this file differ by so much."""
    temporary = path.with_suffix(".new")
    temporary.write_text(f"{seconds:+d}\n")
    temporary.rename(path)


def share_priority(pid: int) -> None:
    """Gives a process that leads a session of its own the niceness of this session.

    Where the kernel shares the processor among sessions, a new one begins with a full share.
    """
    with contextlib.suppress(OSError, IndexError, ValueError):
        nice = Path("/proc/self/autogroup").read_text().split()[-1]
        Path(f"/proc/{pid}/autogroup").write_text(nice)


def lease_holder(run: run_kit.Run, name: str) -> ProcessIdentity | None:
    """Who holds the lease of a place now; None if nobody does or it cannot be read."""
    key = TRAINER_LEASE if name == TRAINER else worker_lease_key(name)
    with contextlib.suppress(RunError):
        lease = read_lease(run.store, key)
        return None if lease is None else ProcessIdentity.from_json(lease)
    return None


def resident_bytes(pid: int) -> int | None:
    """Resident size of a process; None if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def left_running(token: str, *, wait_seconds: float) -> list[str]:
    """Processes that carry the token in their environment and are still there after a while."""
    end = time.monotonic() + wait_seconds
    while True:
        found = _with_token(token)
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.5)


def _with_token(token: str) -> list[str]:
    mark = f"{TOKEN}={token}".encode()
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if mark in (path / "environ").read_bytes().split(b"\0"):
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command.strip():  # a zombie has none
                    found.append(f"{path.name} {command.strip()[:200]}")
    return found


def last_words(role: Any) -> str:
    """Why a process ended, in its own words: its error, or else the last line."""
    lines = [line.strip() for line in role.text().splitlines() if line.strip()][-10:]
    told = [line for line in lines if line.startswith("zerofleet: ")]
    return (told or lines or [""])[-1][:300]
