"""One recipe under fire: the loop that injects faults, and what follows each of them."""

import heapq
import itertools
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chaos.disk import Disk
from benchmarks.chaos.processes import (
    ChaosRun,
    Crew,
    Slot,
    last_words,
)
from benchmarks.chaos.witness import Memory, Witness
from zerofleet.run.errors import RunError

PATIENCE_SECONDS = 600.0
"""For anything that has to happen in the end; the machine may be busy."""


SPARED = (0.4, 0.75)
"""Between these shares of the time nothing ends the trainer, so that one life of it is long."""


class Campaign:
    """Everything that one run goes through; `faults.py` has what is done to it."""

    def __init__(self, run: ChaosRun, crew: Crew, disk: Disk, *, seed: int) -> None:
        self.run, self.crew, self.disk = run, crew, disk
        self.rng = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        """What came of some of them."""
        self.findings: list[str] = []
        """What must not be."""
        self.own_ends: Counter[str] = Counter()
        """Processes that ended by themselves, by role, exit status and last line."""
        self.damaged: dict[str, str] = {}
        """Shards that were damaged in data/ before the trainer had them, and how."""
        self.junk: list[str] = []
        """Names of files that never were shards."""
        self.again: set[str] = set()
        """Counted shards that were delivered once more."""
        self.witness = Witness(run)
        self.memory = Memory()
        self.damaged_keys = run.home / "damaged.txt"
        self._kept_keys: dict[str, float] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._reader_done = run.home / "reader.done"
        self._reader_report = run.home / "reader.txt"

    # -- what faults use ---------------------------------------------------------------------

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Does it after so long."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), what))

    def await_(
        self,
        condition: Callable[[], bool],
        then: Callable[[], None],
        what: str,
        *,
        seconds: float = PATIENCE_SECONDS,
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Goes on with `then` once the condition holds; if it never does, that is a finding."""
        end = time.monotonic() + seconds

        def look() -> None:
            if condition():
                then()
            elif time.monotonic() < end:
                self.later(0.2, look)
            elif otherwise is not None:
                otherwise()
            else:
                self.findings.append(f"waited {seconds:.0f} s for {what}")
                then()

        look()

    def count(self, kind: str) -> None:
        """One more fault."""
        self.faults[kind] += 1

    def start(self, slot: Slot) -> None:
        """Gives a place that is down a new process."""
        slot.role, slot.busy = self.crew.start(slot), False

    def kill(self, slot: Slot) -> None:
        """SIGKILL; the place is down when it returns."""
        role, slot.role = slot.role, None
        slot.busy = True
        role.signal(signal.SIGKILL)
        role.signal(signal.SIGCONT)
        self._reap(role)

    def mark_damaged(self, key: str) -> None:
        """Tells the reader that this key is damaged on purpose."""
        self._kept_keys[key] = float("inf")
        self._write_keys()

    def unmark_damaged(self, key: str) -> None:
        """It is whole again; the reader hears of it a while later, for what it reads just now."""
        self._kept_keys[key] = time.monotonic() + 15.0

    def _write_keys(self) -> None:
        now = time.monotonic()
        self._kept_keys = {key: end for key, end in self._kept_keys.items() if end > now}
        temporary = self.damaged_keys.with_suffix(".new")
        temporary.write_text("\n".join(self._kept_keys))
        temporary.rename(self.damaged_keys)

    def _reap(self, role: Any) -> None:
        end = time.monotonic() + 30
        while role.poll() is None and time.monotonic() < end:
            time.sleep(0.01)

    # -- from begin to end -------------------------------------------------------------------

    def go(self, seconds: float, inject: Callable[[], None], pause: tuple[float, float]) -> None:
        """Runs for so long, one fault after the other, then lets everything finish."""
        script = Path(__file__).parents[2] / "tests" / "roles" / "reader.py"
        self._write_keys()
        reader = self.run.start(
            script, self.run.directory, self._reader_report, self._reader_done, self.damaged_keys
        )
        self.witness.start()
        for slot in self.crew.slots:
            self.start(slot)
        if not self._loop_until(lambda: self._iteration() >= 1, "the first loop"):
            raise RuntimeError("; ".join(self.findings) + self._tails())
        begin = next_fault = time.monotonic()
        while (since := time.monotonic() - begin) < seconds:
            self._turn()
            self.crew.spare_trainer(SPARED[0] * seconds <= since < SPARED[1] * seconds)
            if time.monotonic() >= next_fault:
                inject()
                next_fault = time.monotonic() + self.rng.uniform(*pause)
            time.sleep(0.05)
        self.crew.spare_trainer(False)
        self._finish(reader)

    def _turn(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        self.memory.sample(self.crew.victims)
        for slot in self.crew.slots:
            if slot.is_up and (status := slot.role.poll()) is not None:
                self._ended(slot, status)

    def _ended(self, slot: Slot, status: int) -> None:
        """A process ended that nobody has ended."""
        said = last_words(slot.role)
        kind = "trainer" if slot is self.crew.trainer else "worker"
        self.own_ends[f"{kind}: exit status {status}: {_without_numbers(said)}"] += 1
        if status != 1 or not said.startswith("zerofleet: "):
            self.findings.append(
                f"{slot.name} ended with status {status}: {slot.role.text()[-2000:]}"
            )
        slot.role, slot.busy = None, True
        self.later(1.0, lambda: self.start(slot))

    def _loop_until(self, condition: Callable[[], bool], what: str) -> bool:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            self._turn()
            if condition():
                return True
            time.sleep(0.05)
        self.findings.append(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        return False

    def _finish(self, reader: Any) -> None:
        """No more faults: what was begun is completed, the run goes on, everybody ends."""
        self.disk.empty()
        self._loop_until(
            lambda: not self._due and all(slot.is_up for slot in self.crew.victims),
            "everything to run again",
        )
        goal = self._iteration() + 2
        self._loop_until(lambda: self._iteration() >= goal, f"loop {goal}, after the last fault")
        for slot in reversed(self.crew.slots):  # the trainer last
            self.end_well(slot)
        # This one sweeps what the killed ones were writing, moves what is counted, and ends.
        self.run.clock = None
        last = self.run.trainer(pacing__max_loops=max(1, self._iteration()))
        if _wait(last) != 0:
            self.findings.append(f"the last trainer failed: {last.text()[-2000:]}")
        self._reader_done.touch()
        if _wait(reader) != 0:
            self.findings.append(f"the reader failed: {reader.text()[-2000:]}")

    def end_well(self, slot: Slot) -> None:
        """SIGTERM; it ends with 0, soon."""
        if slot.role is None:
            return
        role, slot.role = slot.role, None
        role.signal(signal.SIGTERM)
        status = _wait(role)
        begun = "started" in role.text()
        if status != slot.good_end and (begun or status != -signal.SIGTERM):
            self.findings.append(
                f"{slot.name}, told to end, ended with {status}: {role.text()[-2000:]}"
            )

    def _iteration(self) -> int:
        try:
            return self.run.iteration()
        except RunError:
            return -1

    def _tails(self) -> str:
        return "\n".join(
            f"\n{slot.name}: {slot.role.text()[-1500:]}" for slot in self.crew.slots if slot.role
        )

    def reader_lines(self) -> list[str]:
        """What the reader has told: the partial reads, then how much it read."""
        return self._reader_report.read_text().splitlines()


def _wait(role: Any) -> int | None:
    """Its exit status; None, and it is killed, if it does not end."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        status: int | None = role.poll()
        if status is not None:
            return status
        time.sleep(0.05)
    os.kill(role.pid, signal.SIGKILL)
    return None


def _without_numbers(text: str) -> str:
    """The text with what differs from one time to the next taken out."""
    text = re.sub(r"/\S*/(run/)", r"\1", text)
    text = re.sub(r"[0-9a-f]{8,}", "H", text)
    return re.sub(r"\d[\d,.]*", "N", text)
