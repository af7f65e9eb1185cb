"""When a trainer ends, and how much longer what it is doing may take then.

Told by a signal it ends at once: a loop in progress has not happened, its games are still in data/.
When the time given is over, or somebody has written STOP, it ends soon: what would take more than a
tenth of the time given, or more than half a minute, is cut short or given up (`allowance_seconds`).
"""

import time
from collections.abc import Callable
from threading import Event

from zerofleet.run.errors import StoreError
from zerofleet.run.stop import request_stop, stop_requested
from zerofleet.run.store import Store

SHORTEST_ALLOWANCE_SECONDS = 30.0
ALLOWANCE_SHARE = 0.1
"""Of the time given."""
LOOK_SECONDS = 1.0
"""Pause between two looks for STOP."""


def allowance_seconds(minutes: float | None) -> float:
    """Returns by how much the time given may be exceeded by one thing that is being done."""
    return max(SHORTEST_ALLOWANCE_SECONDS, ALLOWANCE_SHARE * 60 * (minutes or 0))


class Ending:
    """Says whether it is time to end; asked before each step of training."""

    def __init__(
        self,
        store: Store,
        told: Event,
        *,
        minutes: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`minutes` count from now; `told` is set by signals."""
        self._store = store
        self._told = told
        self._clock = clock
        self._began = clock()
        self._deadline = float("inf") if minutes is None else self._began + 60 * minutes
        self._over_since: float | None = None
        self._next_look = float("-inf")
        self._looks_for_stop = True
        self.allowance_seconds = allowance_seconds(minutes)
        """What is being done may take so much longer once the end has come."""

    def pause(self, seconds: float) -> None:
        """Waits, unless a signal comes."""
        self._told.wait(seconds)

    def is_told(self) -> bool:
        """A signal asks to end at once."""
        return self._told.is_set()

    def is_time_over(self) -> bool:
        """The time given is over."""
        return self._clock() >= self._deadline

    def is_over(self) -> bool:
        """A signal, the time given, or a STOP put there by somebody."""
        if self._over_since is None:
            now = self._clock()
            if self.is_told() or self.is_time_over() or self._is_stopped(now):
                self._over_since = now
        return self._over_since is not None

    def request_stop(self, reason: str) -> None:
        """Writes STOP for the workers; it does not mean this trainer, which is done anyway."""
        self._looks_for_stop = False
        request_stop(self._store, reason)

    def begin(self) -> None:
        """Something begins of which `is_too_long` will be asked."""
        self._began = self._clock()

    def is_too_long(self, share: float = 0.0) -> bool:
        """It is over, and what is done to this share would take longer than may be waited."""
        if not self.is_over():
            return False
        assert self._over_since is not None
        now, end = self._clock(), max(self._over_since, self._began) + self.allowance_seconds
        if share > 0:
            now += (now - self._began) * (1 / share - 1)
        return self.is_told() or now > end

    def _is_stopped(self, now: float) -> bool:
        if now < self._next_look or not self._looks_for_stop:
            return False
        self._next_look = now + LOOK_SECONDS
        try:
            return stop_requested(self._store)
        except StoreError:
            return False  # a store that is away says nothing
