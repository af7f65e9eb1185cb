"""How a running role is, seen from outside: suspended for too long, and what it has achieved."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from zerofleet.run.errors import RunError
from zerofleet.run.layout import LATEST, TRAINER_LEASE, worker_lease_key
from zerofleet.run.lease import configured_dead_after, read_lease
from zerofleet.run.process import ProcessIdentity
from zerofleet.run.store import Store, read_or_none

TRAINER = "trainer"
"""The name of the trainer's command; the others are those of workers."""
LOOK_SECONDS = 1.0
"""A lease is read this often."""
LONGEST_GAP_SECONDS = 5.0
"""Between two looks at most this much counts: an observer that was itself suspended saw nothing."""


class LeaseVitals:
    """The `Vitals` of roles of one run on this host, from their leases.

    A role whose process is suspended does not end by itself. The others take it for dead after
    `fleet.dead_after_seconds`, deal its games again and may take its id; half as long again, and it
    is in trouble here. One that is silent but runs is not: it waits for a store that is away.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._looked_at: dict[str, float] = {}
        self._suspended_seconds: dict[str, float] = {}
        self._achieved: dict[str, Any] = {}

    def trouble(self, name: str) -> str:
        """See `Vitals.trouble`."""
        now = self._clock()
        since = now - self._looked_at.get(name, float("-inf"))
        if since < LOOK_SECONDS:
            return ""
        self._looked_at[name] = now
        if not ProcessIdentity.from_json(self._lease(name)).is_suspended():
            self._suspended_seconds[name] = 0.0
            return ""
        seconds = self._suspended_seconds.get(name, 0.0) + min(since, LONGEST_GAP_SECONDS)
        limit = 1.5 * configured_dead_after(self._store)
        if seconds < limit:
            self._suspended_seconds[name] = seconds
            return ""
        self._suspended_seconds[name] = 0.0
        return f"was suspended (SIGSTOP) for {limit:.0f} s"

    def progress(self, name: str) -> object:
        """See `Vitals.progress`: the last commit of a trainer, the last shard of a worker."""
        if name == TRAINER:
            with contextlib.suppress(RunError):
                self._achieved[name] = read_or_none(self._store, LATEST)
        else:
            lease = self._lease(name)
            if batches := (lease.get("totals") or {}).get("batches"):
                self._achieved[name] = (lease["session"], batches)
        return self._achieved.get(name)

    def _lease(self, name: str) -> dict[str, Any]:
        key = TRAINER_LEASE if name == TRAINER else worker_lease_key(name)
        with contextlib.suppress(RunError):
            return read_lease(self._store, key) or {}
        return {}
