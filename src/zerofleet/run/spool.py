"""Back-pressure and loss of the store, on the side of a worker.

A worker that cannot deliver a shard keeps it in a bounded directory of its own host, tries again
with growing pauses, and says so in its lease (once the store is back). Delivery is exclusive per
name, so repeating it after a crash changes nothing.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from zerofleet.run.atomic import TemporarySweeper, write_atomic
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import DATA, TRAINER_LEASE, parse_shard_name
from zerofleet.run.lease import LeaseWatch, read_lease
from zerofleet.run.store import Store, iterate

PENDING_BYTES = "pending_bytes"
"""In the trainer's lease: bytes in data/ a moment ago."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class SpoolFullError(StoreError):
    """Neither the store nor the spool takes the shard; play no more until one of them does."""


class Spool:
    """Delivers a worker's shards, keeping those the store does not take."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        *,
        max_bytes: int = 256 * 2**20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`directory` is on the worker's own disk and belongs to one worker of one run."""
        self._store = store
        self._directory = directory
        self._max_bytes = max_bytes
        self._clock = clock
        self._pause_seconds = 0.0
        self._retry_at = 0.0
        self.error = ""
        TemporarySweeper().sweep(directory)

    @property
    def names(self) -> list[str]:
        """Shards waiting here, oldest batch first."""
        found = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in self._directory.iterdir():
                with contextlib.suppress(ValueError):
                    found.append((parse_shard_name(path.name).batch, path.name))
        return [name for _, name in sorted(found)]

    @property
    def size_bytes(self) -> int:
        """Bytes waiting here."""
        total = 0
        for name in self.names:
            with contextlib.suppress(FileNotFoundError):
                total += (self._directory / name).stat().st_size
        return total

    def shards(self) -> Iterator[tuple[str, bytes]]:
        """(name, bytes) of the shards waiting here, oldest batch first."""
        for name in self.names:
            # A process that took this one's id over, while it was frozen, has delivered it?
            with contextlib.suppress(FileNotFoundError):
                yield name, (self._directory / name).read_bytes()

    @property
    def state(self) -> str:
        """What the lease shows: "active", or "waiting" while shards wait here."""
        return "waiting" if self.error or self.names else "active"

    def submit(self, name: str, data: bytes) -> bool:
        """Delivers a shard to data/, or spools it; True if it and all before it are delivered.

        Raises: SpoolFullError if the spool has no room either; the caller keeps the shard, waits
        and submits it again under the same name.
        """
        if self.flush():
            try:
                self._deliver(name, data)
                return True
            except StoreError as error:
                self._back_off(error)
        if self.size_bytes + len(data) > self._max_bytes:
            raise SpoolFullError(
                f"{self._directory}: {self.size_bytes:,} bytes wait here and {len(data):,} more "
                f"exceed its bound of {self._max_bytes:,}; the store says: {self.error}"
            )
        try:
            write_atomic(self._directory / name, data)
        except StoreError as error:
            raise SpoolFullError(f"{error}; and the store says: {self.error}") from error
        fault_point("spool.after_write")
        return False

    def flush(self, *, now: bool = False) -> bool:
        """Delivers what waits unless a pause runs (`now` ends it); True if nothing waits."""
        if self.error and not now and self._clock() < self._retry_at:
            return False
        for name, data in self.shards():
            try:
                self._deliver(name, data)
            except StoreError as error:
                self._back_off(error)
                return False
            fault_point("spool.after_deliver")
            (self._directory / name).unlink(missing_ok=True)
        return True

    def _deliver(self, name: str, data: bytes) -> None:
        key = DATA + name
        if not self._store.put_if_absent(key, data) and self._store.read(key) != data:
            raise StoreError(
                f"{key}: another shard of that name is pending; two workers may use one id"
            )
        self.error = ""
        self._pause_seconds = 0.0

    def _back_off(self, error: StoreError) -> None:
        self.error = str(error)
        longer = max(FIRST_PAUSE_SECONDS, self._pause_seconds * 2)
        self._pause_seconds = min(LONGEST_PAUSE_SECONDS, longer)
        self._retry_at = self._clock() + self._pause_seconds


class PendingBytes:
    """Bytes in data/, listed at most every `check_seconds`; the trainer shows them in its lease."""

    def __init__(
        self,
        store: Store,
        *,
        check_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._check_seconds = check_seconds
        self._clock = clock
        self._next_check = float("-inf")
        self._value = 0

    def __call__(self) -> dict[str, int]:
        """{"pending_bytes": n}. While the store is away the last figure stands."""
        if self._clock() >= self._next_check:
            with contextlib.suppress(StoreError):
                self._value = sum(entry.size_bytes for entry in iterate(self._store, DATA))
            self._next_check = self._clock() + self._check_seconds
        return {PENDING_BYTES: self._value}


class PendingGate:
    """Back-pressure: closed while data/ holds more bytes than the trainer should have waiting.

    The trainer counts them for everybody: a thousand workers that each list a thousand shards
    would keep a file server or a service busy with nothing else. While no trainer lives, or in the
    directory of a mirror, which has none, the worker lists `data/` itself.
    """

    def __init__(
        self,
        store: Store,
        max_bytes: int,
        *,
        check_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._check_seconds = check_seconds
        self._clock = clock
        self._next_check = float("-inf")
        self._watch = LeaseWatch(clock=clock)
        self.pending_bytes = 0

    def is_open(self) -> bool:
        """True if a worker may go on; it looks at most every `check_seconds`.

        While the store is away the last figure stands: then the spool is what bounds the worker.
        """
        if self._clock() >= self._next_check:
            with contextlib.suppress(StoreError):
                self.pending_bytes = self._measure()
            self._next_check = self._clock() + self._check_seconds
        return self.pending_bytes <= self._max_bytes

    def _measure(self) -> int:
        with contextlib.suppress(DamagedError):
            lease = read_lease(self._store, TRAINER_LEASE)
            if lease is not None and self._watch.observe(TRAINER_LEASE, lease):
                told = lease.get(PENDING_BYTES)
                if isinstance(told, int):
                    return told
        return sum(entry.size_bytes for entry in iterate(self._store, DATA))
