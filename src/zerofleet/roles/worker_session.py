"""What a worker holds while it runs, and what it shows of its speed."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from zerofleet.run.errors import StoreError
from zerofleet.run.lease import Heartbeat, Lease
from zerofleet.run.series import SeriesWriter
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import Store

RATE_SECONDS = 60.0
"""Shards this old no longer count in a worker's rate."""


class _Played(NamedTuple):
    """What a shard took; times of the monotonic clock."""

    begin: float
    end: float
    games: int
    positions: int


@dataclass
class WorkerSession:
    """What a worker holds while it runs."""

    store: Store
    lease: Lease
    heartbeat: Heartbeat
    worker: str
    stop: threading.Event
    series: SeriesWriter
    _next_look: float = 0.0
    _stop_seen: bool = False
    _played: deque["_Played"] = field(default_factory=deque)

    def tell_rates(
        self, games: int, positions: int, seconds: float, *, is_whole: bool = True
    ) -> None:
        """Shows in the lease how fast games come, over the last minute; these took `seconds`.

        Shards of tree search come in bursts, so one of them says nothing. Of a shard that is not
        yet whole, all its games so far are told again and again.
        """
        now = time.monotonic()
        newest = _Played(now - seconds, now, games, positions)
        while self._played and self._played[0].end < now - RATE_SECONDS:
            self._played.popleft()
        played = [*self._played, newest]
        if is_whole:
            self._played.append(newest)
        seconds = max(now - played[0].begin, 1e-9)
        self.heartbeat.update(
            rates={
                "games_per_second": round(sum(p.games for p in played) / seconds, 2),
                "positions_per_second": round(sum(p.positions for p in played) / seconds, 1),
            }
        )

    def stopped(self) -> bool:
        """True once STOP, a signal or the loss of the lease asks to end; looks once a second."""
        if self.stop.is_set() or self._stop_seen:
            return True
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + 1.0
            try:
                self._stop_seen = stop_requested(self.store)
            except StoreError:
                return False  # a store that is away says nothing
        return self._stop_seen
