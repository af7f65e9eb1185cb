"""Those who look on: what is delivered, and how much memory each process has."""

import contextlib
import re
import statistics
import time
from collections import defaultdict
from typing import Any, NamedTuple

from benchmarks.chaos.kit import run_kit
from benchmarks.chaos.processes import Slot, processor_seconds, resident_bytes
from zerofleet.records.account import shard_account
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONSUMED, DATA, REJECTED, base_name, parse_shard_name
from zerofleet.run.store import iterate

MIB = 2**20
_NUMBERED = re.compile(r"(.+\.npz)\.\d+")
WARM_SECONDS = 15.0
"""A life is not judged before it has had so much of a processor: libraries load, nets compile,
pools fill. By the clock that takes as long as the machine is busy."""
LONG_SECONDS = 25.0
"""Lives that had so much of a processor say whether memory is flat."""


class Witness(run_kit.Watcher):
    """Notes every shard that is ever delivered, however long the run."""

    _next_full_look = 0.0

    def look(self) -> None:
        """Looks at data/ each time and at consumed/ and rejected/, which grow, now and then."""
        is_last = self.done.is_set()
        prefixes = [DATA]
        if is_last or time.monotonic() >= self._next_full_look:
            prefixes += [CONSUMED, REJECTED]
            self._next_full_look = time.monotonic() + 5.0
        for path in (self.run_kit.home / "state").rglob("*.npz"):  # spools
            if path.name not in self.contents:
                with contextlib.suppress(OSError, ValueError):
                    self.contents[path.name] = shard_account(path.read_bytes())
        for prefix in prefixes:
            for entry in iterate(self.run_kit.store, prefix):
                self._note(base_name(entry.key), prefix)
        time.sleep(0.03)

    def _note(self, found: str, prefix: str) -> None:
        name = shard_name(found)
        if name in self.contents or "_evil_" in name:
            return
        for key in (prefix + found, CONSUMED + name):  # it may move meanwhile
            with contextlib.suppress(RunError, ValueError):
                parse_shard_name(name)
                self.contents[name] = shard_account(self.run_kit.store.read(key))
                return


def shard_name(found: str) -> str:
    """The name a shard was delivered by; in rejected/ the second of a name has a number, too."""
    match = _NUMBERED.fullmatch(found)
    return match[1] if match else found


class Memory:
    """Resident size of each process over its life."""

    def __init__(self, *, every_seconds: float = 2.0) -> None:
        self._every_seconds = every_seconds
        self._next = 0.0
        self._lives: dict[tuple[str, int], list[_Sample]] = defaultdict(list)

    def sample(self, slots: list[Slot]) -> None:
        """Takes a sample of each, if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every_seconds
        for slot in slots:
            if slot.role is None:
                continue
            used, size = processor_seconds(slot.role.pid), resident_bytes(slot.role.pid)
            if used is not None and size:
                kind = "trainer" if slot.name == "trainer" else "worker"
                self._lives[kind, slot.role.pid].append(_Sample(now, used, size))

    def summary(self) -> dict[str, Any]:
        """By role: lives, peaks, and what long lives grew by in their last half."""
        found: dict[str, Any] = {}
        for role in ("trainer", "worker"):
            lives = [series for (kind, _), series in self._lives.items() if kind == role]
            if not lives:
                continue
            growths = [_growth(series) for series in lives if series[-1].used >= LONG_SECONDS]
            peaks = sorted((series[0].when, max(s.size for s in series)) for series in lives)
            third = max(1, len(peaks) // 3)
            found[role] = {
                "lives": len(lives),
                "longest_seconds": round(max(s[-1].when - s[0].when for s in lives)),
                "peak_mib": round(max(peak for _, peak in peaks) / MIB, 1),
                "peak_first_third_mib": round(max(p for _, p in peaks[:third]) / MIB, 1),
                "peak_last_third_mib": round(max(p for _, p in peaks[-third:]) / MIB, 1),
                "long_lives": len(growths),
                "largest_growth_mib": round(max((g for g, _ in growths), default=0) / MIB, 2),
                "is_flat": all(grown < max(20 * MIB, 0.02 * size) for grown, size in growths),
            }
        return found


class _Sample(NamedTuple):
    """A process at one moment."""

    when: float
    """Seconds of this machine's monotonic clock."""
    used: float
    """Processor seconds since it began."""
    size: int
    """Bytes resident."""


def _growth(series: list[_Sample]) -> tuple[float, float]:
    """(bytes that the last half of a life grew by, size), as benchmarks/pool_memory.py has it."""
    sizes = [sample.size for sample in series if sample.used >= WARM_SECONDS]
    quarter = max(1, len(sizes) // 4)
    third, last = sizes[-2 * quarter : -quarter] or sizes, sizes[-quarter:]
    return statistics.median(last) - statistics.median(third), statistics.median(last)
