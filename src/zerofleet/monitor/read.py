"""Reads a run directory into what the monitors draw."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.stats import IterationStats, unrated_entry
from zerofleet.monitor.view import RunView, WorkerView
from zerofleet.run.errors import RunError
from zerofleet.run.layout import (
    CONFIG,
    TRAINER_LEASE,
    TRAINING_STATS,
    worker_of_lease_key,
)
from zerofleet.run.lease import LeaseWatch, configured_dead_after, read_lease
from zerofleet.run.models import read_version
from zerofleet.run.stats import parse_stats, refitted
from zerofleet.run.store import Store, read_or_none

_T = TypeVar("_T")
_Document = dict[str, Any]
_NO_LEASE: tuple[_Document, bool] = ({}, False)
_NO_CONFIG: _Document = {}


class RunReader:
    """Looks at one run again and again; never writes.

    Files that cannot be read at the moment (a mount that is away) are remarks in the view, not
    exceptions: a monitor outlives what it watches.
    """

    def __init__(
        self,
        store: Store,
        *,
        run_dir: str,
        limit_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Starts the clock of the command.

        Args:
          run_dir: as shown to people.
          limit_seconds: the command ends after this time.
        """
        self._store = store
        self._run_dir = run_dir
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._started = clock()
        self._watch = LeaseWatch(clock=clock)
        self._stats: tuple[bytes | None, list[IterationStats]] = (None, [])

    def read(
        self,
        *,
        restarts: Mapping[str, int] | None = None,
        messages: Sequence[str] = (),
        num_configured_workers: int | None = None,
    ) -> RunView:
        """Returns the run as it is now.

        Args:
          restarts: times a supervisor restarted each worker.
          messages: its remarks, oldest first.
          num_configured_workers: default: leases that are not stopped.
        """
        problems: list[str] = []
        config = self._attempt(problems, self._config, _NO_CONFIG)
        self._watch.dead_after_seconds = configured_dead_after(self._store)
        # A damaged file says nothing new: what it said before still holds.
        entries = self._attempt(problems, self._entries, self._stats[1])
        trainer, trainer_alive = self._attempt(
            problems, lambda: self._lease(TRAINER_LEASE), _NO_LEASE
        )
        progress = _section(trainer, "progress")
        workers = self._workers(problems, restarts or {})
        pacing, replay = _section(config, "pacing"), _section(config, "replay")
        max_loops = _count(pacing.get("max_loops"))
        # A trainer that has no lease yet is about to start; one that ended is not.
        is_running = trainer_alive and trainer.get("state") != "stopped" if trainer else True
        done = entries[-1].get("iteration", 0) if entries else 0
        window = progress.get("window")
        return RunView(
            run_dir=self._run_dir,
            game=str(_section(config, "game").get("name", "")),
            run_name=str(config.get("run_name", "")),
            phase=_phase(trainer, trainer_alive, progress),
            is_running=is_running,
            phase_share=_number(progress.get("share")),
            loop=done if not is_running else min(done + 1, max_loops or done + 1),
            max_loops=max_loops,
            model_version=self._attempt(problems, lambda: read_version(self._store), 0),
            new_positions=_count(progress.get("new_positions")),
            min_new_positions=_count(pacing.get("min_new_positions")),
            new_games=_count(progress.get("new_games")),
            games_per_iteration=_count(progress.get("games_per_iteration")),
            window_positions=None if window is None else _count(window),
            max_positions=_count(replay.get("max_positions")),
            workers=workers,
            num_configured_workers=num_configured_workers,
            entries=entries,
            first_unfinished=_being_rated(entries, config, max_loops) if is_running else None,
            elapsed_seconds=self._clock() - self._started,
            limit_seconds=self._limit_seconds,
            messages=(*messages, *problems),
        )

    def _entries(self) -> list[IterationStats]:
        """Parsed again only when the bytes differ: it is the one file that grows."""
        data = read_or_none(self._store, TRAINING_STATS)
        if data != self._stats[0]:
            parsed = [] if data is None else parse_stats(data)
            known = [e for e in parsed if type(e.get("iteration")) is int]
            self._stats = (data, cast("list[IterationStats]", refitted(known)))
        return self._stats[1]

    def _config(self) -> dict[str, Any]:
        data = read_or_none(self._store, CONFIG)
        try:
            config = json.loads(data) if data is not None else {}
        except ValueError as error:
            raise RunError(f"{CONFIG}: not JSON: {error}") from error
        return config if isinstance(config, dict) else {}

    def _lease(self, key: str) -> tuple[dict[str, Any], bool]:
        lease = read_lease(self._store, key)
        return ({}, False) if lease is None else (lease, self._watch.observe(key, lease))

    def _workers(self, problems: list[str], restarts: Mapping[str, int]) -> list[WorkerView]:
        views = []
        try:
            for key, lease in self._watch.read(self._store):
                worker = worker_of_lease_key(key)
                if isinstance(lease, RunError):
                    problems.append(str(lease))
                elif worker is not None:
                    alive = self._watch.observe(key, lease)
                    view = _worker(worker, lease, alive, restarts.get(worker, 0))
                    silent = self._watch.silent_seconds(key)
                    proven = self._watch.is_proven(key, lease)
                    views.append(replace(view, silent_seconds=silent, is_confirmed=proven))
        except RunError as error:
            problems.append(str(error))
        return views

    def _attempt(self, problems: list[str], read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except RunError as error:
            problems.append(str(error))
            return otherwise


def _being_rated(
    entries: Sequence[IterationStats], config: Mapping[str, Any], max_loops: int
) -> int | None:
    arena = _section(config, "arena")
    # Of what may be in a file of another hand only whether there are ratings, and how often.
    is_on = _count(arena.get("eval_games")) > 0
    rating = ArenaConfig(eval_games=2 * is_on, every=max(1, _count(arena.get("every", 1))))
    entry = unrated_entry(entries, rating, max_loops)
    if entry is None or "rating_error" in _section(entry, "game_stats"):
        return None
    return entry.get("iteration", 0)


def _phase(trainer: Mapping[str, Any], alive: bool, progress: Mapping[str, Any]) -> str:
    if not trainer:
        return "waiting for the trainer"
    if trainer.get("state") == "stopped":
        return "trainer stopped" + (f": {e}" if (e := trainer.get("error")) else "")
    if not alive:
        return "trainer offline"
    return str(progress.get("phase", "starting"))


def _worker(worker: str, lease: Mapping[str, Any], alive: bool, restarts: int) -> WorkerView:
    written = str(lease.get("state", "offline"))
    rates = _section(lease, "rates") if alive else {}
    totals = _section(lease, "totals")
    error = str(lease.get("error") or "")
    return WorkerView(
        id=worker,
        state=written if alive or written == "stopped" else "offline",
        host=str(lease.get("host", "")),
        model_version=_count(lease.get("model_version")),
        batch=_count(totals.get("batches")),
        games=_count(totals.get("games")),
        positions=_count(totals.get("positions")),
        games_per_second=_number(rates.get("games_per_second")) or 0.0,
        positions_per_second=_number(rates.get("positions_per_second")) or 0.0,
        restarts=restarts,
        note=next(iter(error.splitlines()), ""),
        error=error,
        threads=_count(_section(lease, "info").get("threads")),
    )


def _section(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A part of a document; empty where a file of another hand has something else there."""
    section = document.get(key)
    return section if isinstance(section, dict) else {}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _count(value: Any) -> int:
    return int(_number(value) or 0)
