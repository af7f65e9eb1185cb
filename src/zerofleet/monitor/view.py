"""What the monitors draw: a run at one moment, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from zerofleet.arena.stats import IterationStats

LIVE_STATES = ("active", "syncing", "waiting")
"""States of a worker that count as at work; waiting is shown as active."""


@dataclass(frozen=True)
class WorkerView:
    """One worker as its lease tells it."""

    id: str
    state: str
    """As its lease says: active, waiting, syncing, error, stopped; offline if it is silent."""
    host: str = ""
    model_version: int = 0
    """0: none loaded yet."""
    batch: int = 0
    """Batches finished since the worker started, as are the games and positions."""
    games: int = 0
    positions: int = 0
    games_per_second: float = 0.0
    positions_per_second: float = 0.0
    restarts: int = 0
    note: str = ""
    """Why it failed or what it waits for."""
    error: str = ""
    """The whole of what it says went wrong, a traceback perhaps; `note` is its first line."""
    silent_seconds: float = 0.0
    """Since its lease changed last, as far as this reader saw."""
    threads: int = 0
    """Of its search; 0: it does not say."""
    is_confirmed: bool = True
    """False while nothing but its file says that it lives."""


@dataclass(frozen=True)
class RunView:
    """A run at one moment."""

    run_dir: str
    game: str = ""
    run_name: str = ""
    phase: str = "starting"
    """What the trainer does: starting, collecting, training, rating, publishing, done, ..."""
    is_running: bool = True
    """A trainer is alive, or is expected to start."""
    phase_share: float | None = None
    """How much of the phase is done, in [0, 1]; None if unknown. Collecting is computed."""
    loop: int = 0
    """The loop in progress, from 1; without a trainer the last one done."""
    max_loops: int = 0
    model_version: int = 0
    new_positions: int = 0
    """Positions collected for the next training."""
    min_new_positions: int = 0
    new_games: int = 0
    """Games of a synchronous iteration that are there."""
    games_per_iteration: int = 0
    """0: the run is not synchronous and counts positions."""
    window_positions: int | None = 0
    """None while the trainer does not say."""
    max_positions: int = 0
    workers: Sequence[WorkerView] = ()
    num_configured_workers: int | None = None
    entries: Sequence[IterationStats] = ()
    """`training_stats.json`."""
    first_unfinished: int | None = None
    """Iteration of the entry whose version is being rated; it has no Elo yet."""
    elapsed_seconds: float | None = 0.0
    """Since the command started; None where that says nothing."""
    limit_seconds: float | None = None
    """The command stops after this time."""
    messages: Sequence[str] = field(default=())
    """Latest remarks (a worker restarted, a shard rejected), oldest first."""

    @property
    def finished(self) -> Sequence[IterationStats]:
        """The entries before the one that waits for its rating: to be told once and in order."""
        if self.first_unfinished is None:
            return self.entries
        return [e for e in self.entries if e.get("iteration", 0) < self.first_unfinished]

    @property
    def positions_so_far(self) -> int | None:
        """Of all loops; None where their statistics were thinned."""
        if not self.entries:
            return None
        first, last = (self.entries[i].get("iteration", 0) for i in (0, -1))
        if last - first + 1 != len(self.entries):
            return None
        return sum(e.get("positions", 0) for e in self.entries)

    @property
    def num_live_workers(self) -> int:
        """Workers that are active, syncing or waiting."""
        return sum(w.state in LIVE_STATES for w in self.workers)

    @property
    def num_expected_workers(self) -> int:
        """Configured workers, or without a fleet file those whose lease is not stopped."""
        if self.num_configured_workers is not None:
            return self.num_configured_workers
        return sum(w.state != "stopped" for w in self.workers)

    @property
    def games_per_second(self) -> float:
        """Of all live workers together."""
        return sum(w.games_per_second for w in self.workers if w.state in LIVE_STATES)

    @property
    def positions_per_second(self) -> float:
        """Of all live workers together."""
        return sum(w.positions_per_second for w in self.workers if w.state in LIVE_STATES)

    @property
    def progress(self) -> float | None:
        """Share of the current phase that is done, in [0, 1], or None."""
        if not self.is_running:
            return None
        if self.phase == "collecting":
            new, wanted, _ = self.collected
            return min(1.0, new / wanted) if wanted else None
        return self.phase_share

    @property
    def collected(self) -> tuple[int, int, str]:
        """What is there for the next training, what it takes, and what is counted."""
        if self.games_per_iteration:
            return self.new_games, self.games_per_iteration, "games"
        return self.new_positions, self.min_new_positions, "positions"

    def eta_seconds(self) -> float | None:
        """Returns the time to the end of the run: by the limit, or by the pace of recent loops.

        The smaller of the two, since either ends the run; None if neither is known or nothing runs.
        """
        if not self.is_running:
            return None
        by_limit = None
        if self.limit_seconds is not None and self.elapsed_seconds is not None:
            by_limit = max(0.0, self.limit_seconds - self.elapsed_seconds)
        loops = (e for e in reversed(self.entries) if e.get("games"))  # none: the first net
        recent = [e["seconds"] for e in islice(loops, 5) if e.get("seconds", 0.0) > 0]
        if not recent or not self.max_loops:
            return by_limit
        pace = sum(recent) / len(recent)
        by_pace = max(0, self.max_loops - self.entries[-1].get("iteration", 0)) * pace
        return by_pace if by_limit is None else min(by_limit, by_pace)
