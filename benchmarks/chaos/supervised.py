"""The same with `zerofleet train`, which starts, watches and restarts all others itself."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chaos.faults import Injector
from benchmarks.chaos.processes import TRAIN, TRAINER, ChaosRun, Crew, Slot, lease_holder
from zerofleet.run.layout import default_worker_id, worker_log_key
from zerofleet.run.process import ProcessIdentity


class Member:
    """A process of the run that somebody else has started, with the face of `run_kit.Role`."""

    def __init__(self, holder: ProcessIdentity, log: Path) -> None:
        self.pid, self._holder, self._log = holder.pid, holder, log
        self._begun = log.stat().st_size if log.exists() else 0

    def poll(self) -> int | None:
        """None while it runs; how it ended only its parent knows."""
        return -1 if self._holder.is_gone() else None

    def signal(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def text(self) -> str:
        """What it has said since it was first looked at."""
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")[self._begun :]
        return ""


class MemberSlot(Slot):
    """The place of such a process: its lease says which one it is."""

    def __init__(self, run: ChaosRun, name: str) -> None:
        self._run, self.name = run, name
        self._log = run.directory / (
            "logs/trainer.log" if name == TRAINER else worker_log_key(name)
        )
        self._found: Member | None = None
        super().__init__(name)

    @property
    def role(self) -> Member | None:
        """The process, if it lives."""
        holder = lease_holder(self._run, self.name)
        if holder is None or holder.is_gone():
            return None
        if self._found is None or self._found.pid != holder.pid:
            self._found = Member(holder, self._log)
        return self._found

    @role.setter
    def role(self, _: Any) -> None:
        """Whoever supervises it gives it a new process."""


class SupervisedCrew(Crew):
    """One `zerofleet train`; trainer and workers are its own."""

    def __init__(self, run: ChaosRun, *, num_workers: int, **others: Any) -> None:
        super().__init__(run, num_workers=num_workers, **others)
        self._num_workers = num_workers
        self.trainer = MemberSlot(run, TRAINER)
        self.workers = [MemberSlot(run, default_worker_id(n)) for n in range(num_workers)]
        self.victims = [self.trainer, *self.workers]
        self.slots = [Slot(TRAIN, good_end=130)]

    def spare_trainer(self, is_spared: bool) -> None:
        """See `Crew.spare_trainer`."""
        self.trainer.spared = self.slots[0].spared = is_spared

    def start(self, slot: Slot) -> Any:
        """Starts the command; nothing for what it starts itself."""
        slot.starts += 1
        if slot is not self.slots[0]:
            return None
        self.run.clock = None
        keys = self.run.base.items()
        return self.run.start(
            *("train", self.run.recipe, f"--run-dir={self.run.directory}", "--device=cpu"),
            *(f"--workers={self._num_workers}", "--threads=1"),
            *(f"--set={key}={value}" for key, value in keys),
        )


class SupervisedInjector(Injector):
    """What is done to such a run."""

    def choices(self) -> list[tuple[int, Callable[[], bool]]]:
        """See `Injector.choices`."""
        return [
            (20, self.kill_worker),
            (8, self.kill_trainer),
            (5, self.kill_train),
            (14, self.freeze),
            (4, self.freeze_for_long),
            (4, self.terminate),
            (6, self.fill_disk),
            (5, self.damage_shards),
            (6, self.deliver_again),
            (4, self.deliver_junk),
            (3, self.damage_model),
        ]

    def kill_train(self) -> bool:
        """SIGKILL of the command: all that it started ends by itself; then it is started again."""
        return self._kill_train(lambda: None)

    def damage_shards(self) -> bool:
        """The same, and waiting shards are damaged before it is started again."""
        if self._disk_is_full or not self._waiting():
            return False
        return self._kill_train(self._damage_some)

    def _kill_train(self, then: Callable[[], None]) -> bool:
        (slot,) = self._c.crew.slots
        if not slot.is_up or self._c.crew.trainer.spared:
            return False
        self._c.kill(slot)
        self._c.count(f"SIGKILL {TRAIN}")
        for victim in self._c.crew.victims:  # none of them stays frozen
            if victim.role is not None:
                victim.role.signal(signal.SIGCONT)

        def go_on() -> None:
            self._c.outcomes[f"processes gone after SIGKILL of {TRAIN}"] += 1
            then()
            self._c.start(slot)

        self._c.await_(
            lambda: all(victim.role is None for victim in self._c.crew.victims),
            go_on,
            f"what {TRAIN} had started to end",
            seconds=90,
        )
        return True
