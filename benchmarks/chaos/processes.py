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

from benchmarks.chaos.clock import Clock, Clocks
from benchmarks.chaos.kit import run_kit
from zerofleet.run.errors import RunError
from zerofleet.run.layout import TRAINER_LEASE, worker_lease_key
from zerofleet.run.lease import read_lease
from zerofleet.run.process import ProcessIdentity

TRAINER = "trainer"
TRAIN = "zerofleet train"
OWN_CLOCKS = 0.05
"""Share of the starts of which a process gets a clock of its own, beside that which is spared."""
WORKERS_BELOW = 7
"""Their niceness above that of the others."""
TOKEN = "ZEROFLEET_CHAOS_RUN"
"""In the environment of everything that a campaign starts, so that what is left can be found."""


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

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait()

    def text(self) -> str:
        """What it has said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@dataclass
class Slot:
    """A place for one process of the run: the trainer, or a worker of that id."""

    name: str
    role: Any = None
    """The process that holds the place; None while it is down."""
    clock: Clock | None = None
    """Of its process, where that has one of its own."""
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

    clock: Clock | None = None
    """Of the process that is started next."""

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
            role = Spawned(words, log, {**self._base_env(), **self.clock.env})
            self.roles.append(role)
        # Workers always have work, as `zerofleet train` knows too (launcher.BACKGROUND).
        share_priority(role.pid, below=WORKERS_BELOW if argv[0] == "worker" else 0)
        return role

    def _base_env(self) -> dict[str, str]:
        return {
            "XDG_STATE_HOME": str(self.home / "state"),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
        }


class Crew:
    """Trainer and workers of a run, as processes of their own."""

    def __init__(
        self, run: ChaosRun, *, num_workers: int, rng: random.Random, clocks: Clocks | None
    ) -> None:
        """`clocks` makes those of processes that have one of their own; None: none has."""
        self.run, self._rng, self._clocks = run, rng, clocks
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
        slot.clock = self.run.clock = None
        if self._clocks is not None and (slot.spared or self._rng.random() < OWN_CLOCKS):
            slot.clock = self.run.clock = self._clocks.of(slot.name)
        if slot is self.trainer:
            return self.run.trainer(f"--num-workers={len(self.workers)}")
        return self.run.worker(slot.name)


def share_priority(pid: int, *, below: int = 0) -> None:
    """Gives a process that leads a session of its own the niceness of this session, or more.

    Where the kernel shares the processor among sessions, a new one begins with a full share.
    """
    end = time.monotonic() + 10
    with contextlib.suppress(OSError, IndexError, ValueError):
        while os.getsid(pid) != pid:  # it is being forked still
            if time.monotonic() > end:
                return
            time.sleep(0.002)
        nice = int(Path("/proc/self/autogroup").read_text().split()[-1])
        Path(f"/proc/{pid}/autogroup").write_text(str(min(19, nice + below)))


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


def processor_seconds(pid: int) -> float | None:
    """What a process has used of processors since it began; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


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
