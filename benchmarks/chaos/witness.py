"""Those who look on: what is delivered, and how much memory each process has."""

import contextlib
import statistics
import time
from collections import defaultdict
from typing import Any

from benchmarks.chaos.kit import run_kit
from benchmarks.chaos.processes import Slot, resident_bytes
from zerofleet.records.account import shard_account
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONSUMED, DATA, base_name, parse_shard_name
from zerofleet.run.store import iterate

MIB = 2**20
WARM_SECONDS = 20.0
"""A life is not judged before this age."""
LONG_SECONDS = 60.0
"""Lives this long say whether memory is flat."""


class Witness(run_kit.Watcher):
    """Notes every shard that is ever delivered, however long the run."""

    _next_full_look = 0.0

    def look(self) -> None:
        """Looks at data/ each time and at consumed/, which only grows, now and then."""
        is_last = self.done.is_set()
        prefixes = [DATA]
        if is_last or time.monotonic() >= self._next_full_look:
            prefixes.append(CONSUMED)
            self._next_full_look = time.monotonic() + 5.0
        for path in (self.run_kit.home / "state").rglob("*.npz"):  # spools
            if path.name not in self.contents:
                with contextlib.suppress(OSError, ValueError):
                    self.contents[path.name] = shard_account(path.read_bytes())
        for prefix in prefixes:
            for entry in iterate(self.run_kit.store, prefix):
                self._note(base_name(entry.key), prefix)
        time.sleep(0.03)

    def _note(self, name: str, prefix: str) -> None:
        if name in self.contents or "_evil_" in name:
            return
        for place in (prefix, CONSUMED):  # it may move meanwhile
            with contextlib.suppress(RunError, ValueError):
                parse_shard_name(name)
                self.contents[name] = shard_account(self.run_kit.store.read(place + name))
                return


class Memory:
    """Resident size of each process over its life."""

    def __init__(self, *, every_seconds: float = 2.0) -> None:
        self._every_seconds = every_seconds
        self._next = 0.0
        self._lives: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)

    def sample(self, slots: list[Slot]) -> None:
        """Takes a sample of each, if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every_seconds
        for slot in slots:
            if slot.role is None:
                continue
            size = resident_bytes(slot.role.pid)
            if size:
                kind = "trainer" if slot.name == "trainer" else "worker"
                self._lives[kind, slot.role.pid].append((now, size))

    def summary(self) -> dict[str, Any]:
        """By role: lives, peaks, and what long lives grew by in their last half."""
        found: dict[str, Any] = {}
        for role in ("trainer", "worker"):
            lives = [series for (kind, _), series in self._lives.items() if kind == role]
            if not lives:
                continue
            growths = [_growth(series) for series in lives if _age(series) >= LONG_SECONDS]
            peaks = sorted((series[0][0], max(size for _, size in series)) for series in lives)
            third = max(1, len(peaks) // 3)
            found[role] = {
                "lives": len(lives),
                "longest_seconds": round(max(map(_age, lives))),
                "peak_mib": round(max(peak for _, peak in peaks) / MIB, 1),
                "peak_first_third_mib": round(max(p for _, p in peaks[:third]) / MIB, 1),
                "peak_last_third_mib": round(max(p for _, p in peaks[-third:]) / MIB, 1),
                "long_lives": len(growths),
                "largest_growth_mib": round(max((g for g, _ in growths), default=0) / MIB, 2),
                "is_flat": all(grown < max(20 * MIB, 0.02 * size) for grown, size in growths),
            }
        return found


def _age(series: list[tuple[float, int]]) -> float:
    return series[-1][0] - series[0][0]


def _growth(series: list[tuple[float, int]]) -> tuple[float, float]:
    """(bytes that the last half of a life grew by, size), as benchmarks/pool_memory.py has it."""
    begin = series[0][0] + WARM_SECONDS
    sizes = [size for when, size in series if when >= begin]
    quarter = max(1, len(sizes) // 4)
    third, last = sizes[-2 * quarter : -quarter] or sizes, sizes[-quarter:]
    return statistics.median(last) - statistics.median(third), statistics.median(last)
