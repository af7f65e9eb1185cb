"""Reads a run directory into what the monitors draw."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.stats import IterationStats, unrated_entry
from zerofleet.monitor.view import RunView, WorkerView
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG, TRAINER_LEASE, WORKERS, worker_of_lease_key
from zerofleet.run.lease import LeaseWatch, configured_dead_after, read_lease
from zerofleet.run.models import read_version
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store, iterate, read_or_none

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
        entries: list[IterationStats] = self._attempt(
            problems, lambda: cast("list[IterationStats]", read_stats(self._store)), []
        )
        trainer, trainer_alive = self._attempt(
            problems, lambda: self._lease(TRAINER_LEASE), _NO_LEASE
        )
        progress = trainer.get("progress") or {}
        workers = self._workers(problems, restarts or {})
        pacing, replay = config.get("pacing", {}), config.get("replay", {})
        max_loops = int(pacing.get("max_loops", 0))
        # A trainer that has no lease yet is about to start; one that ended is not.
        is_running = trainer_alive and trainer.get("state") != "stopped" if trainer else True
        done = max((e.get("iteration", 0) for e in entries), default=0)
        return RunView(
            run_dir=self._run_dir,
            game=str(config.get("game", {}).get("name", "")),
            run_name=str(config.get("run_name", "")),
            phase=_phase(trainer, trainer_alive, progress),
            is_running=is_running,
            phase_share=progress.get("share"),
            loop=done if not is_running else min(done + 1, max_loops or done + 1),
            max_loops=max_loops,
            model_version=self._attempt(problems, lambda: read_version(self._store), 0),
            new_positions=int(progress.get("new_positions", 0)),
            min_new_positions=int(pacing.get("min_new_positions", 0)),
            new_games=int(progress.get("new_games", 0)),
            games_per_iteration=int(progress.get("games_per_iteration", 0)),
            window_positions=progress.get("window"),
            max_positions=int(replay.get("max_positions", 0)),
            workers=workers,
            num_configured_workers=num_configured_workers,
            entries=entries,
            first_unfinished=_being_rated(entries, config, max_loops) if is_running else None,
            elapsed_seconds=self._clock() - self._started,
            limit_seconds=self._limit_seconds,
            messages=(*messages, *problems),
        )

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
        keys: list[str] = self._attempt(
            problems, lambda: [entry.key for entry in iterate(self._store, WORKERS)], []
        )
        views = []
        for key in keys:
            worker = worker_of_lease_key(key)
            lease, alive = self._attempt(problems, partial(self._lease, key), _NO_LEASE)
            if worker is not None and lease:
                views.append(_worker(worker, lease, alive, restarts.get(worker, 0)))
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
    arena = config.get("arena", {})
    rating = ArenaConfig(
        eval_games=int(arena.get("eval_games", 0)), every=int(arena.get("every", 1))
    )
    entry = unrated_entry(entries, rating, max_loops)
    if entry is None or "rating_error" in entry.get("game_stats", {}):
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
    rates = lease.get("rates") or {} if alive else {}
    totals = lease.get("totals") or {}
    return WorkerView(
        id=worker,
        state=written if alive or written == "stopped" else "offline",
        host=str(lease.get("host", "")),
        model_version=int(lease.get("model_version") or 0),
        batch=int(totals.get("batches", 0)),
        games=int(totals.get("games", 0)),
        positions=int(totals.get("positions", 0)),
        games_per_second=float(rates.get("games_per_second", 0.0)),
        positions_per_second=float(rates.get("positions_per_second", 0.0)),
        restarts=restarts,
        note=next(iter(str(lease.get("error") or "").splitlines()), ""),
    )
