"""The worker: plays games with the newest network and submits them, until the run stops.

    run
      acquire lease                         a live worker of the same id: refused
      repeat until STOP, SIGTERM or Ctrl-C
        configuration and newest model      checked against its sha256; waits for them
        reserve batch and game numbers      durable in the lease; waits while the store is away
        play                                alphabeta_play.py, tree_play.py
        submit the shard                    or spool it while the store is away
      release lease

Killed at any of these steps it has lost at most the games it was playing; a shard is there whole
or not at all, and its numbers are never used again.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerofleet.fleet.devices import check_device_name, usable_cores, without_auto
from zerofleet.fleet.supervisor import stop_signals
from zerofleet.records.account import shard_account
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.records.write import encode_shard
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    ConfigError,
    OverrideError,
    RunConfig,
    TreeSearchRunConfig,
    parse_config_json,
    resolve,
)
from zerofleet.roles.game_of_run import name_with_file, playable, refuse_from_run
from zerofleet.roles.report import Event, Report, error_text, silent
from zerofleet.roles.watchdog import Watchdog
from zerofleet.roles.worker_session import WorkerSession
from zerofleet.run.errors import DamagedError, RunError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import (
    CONFIG,
    check_worker_id,
    default_worker_id,
    shard_name,
    worker_lease_key,
)
from zerofleet.run.lease import (
    Heartbeat,
    Lease,
    LeaseHeldError,
    LeaseStoppedError,
    Reservation,
    configured_dead_after,
)
from zerofleet.run.models import PublishedModel, is_published
from zerofleet.run.numbers import first_free_numbers
from zerofleet.run.own_files import OwnFiles
from zerofleet.run.place import Place, state_directory
from zerofleet.run.software import software_version
from zerofleet.run.spool import PendingGate, Spool, SpoolFullError
from zerofleet.run.store import Store, read_or_none

if TYPE_CHECKING:
    from zerofleet.roles.alphabeta_play import AlphaBetaPlay
    from zerofleet.roles.tree_play import TreePlay

MAX_DEFAULT_IDS = 1000
"""Workers of one host that may pick their ids by themselves."""


@dataclass(frozen=True)
class WorkerTotals:
    """What this process has delivered."""

    batches: int = 0
    games: int = 0
    positions: int = 0


class Worker:
    """One worker process; `run` plays until the run stops."""

    def __init__(
        self,
        run_dir: Place | Path,
        *,
        worker_id: str | None = None,
        threads: int | None = None,
        games_per_batch: int | None = None,
        depth: int | None = None,
        device: str = "cpu",
        game_file: Path | None = None,
        report: Report = silent,
    ) -> None:
        """Options that are None come from the run's configuration, `threads` from the host."""
        for name, value in (
            ("--threads", threads),
            ("--games-per-batch", games_per_batch),
            ("--depth", depth),
        ):
            if value is not None and value < 1:
                raise ConfigError(f"{name} has to be >= 1, got {value}")
        try:
            check_device_name(device, "--device")
        except ValueError as error:
            raise ConfigError(str(error)) from None
        if worker_id is not None:
            try:
                check_worker_id(worker_id)
            except ValueError as error:
                raise ConfigError(f"--worker-id: {error}") from None
        self._place = Place.of(run_dir)
        self._worker_id = worker_id
        self._threads = threads or usable_cores()
        self._games_per_batch = games_per_batch
        self._depth = depth
        self._game_file = game_file
        self._device = without_auto(device)
        self._report = report
        self._totals = WorkerTotals()
        self._config_bytes = b""
        self._config: RunConfig | None = None
        self._gate: PendingGate | None = None
        self._next_run_check = float("-inf")

    def run(self) -> int:
        """Plays until STOP or a signal; returns the exit status 0.

        Raises: LeaseHeldError if a live worker has this id, LeaseLostError if another one took it
        over; OverrideError if the run does not allow an option of this worker; StoreError if the
        run directory cannot be used at all.
        """
        store = self._place.store()
        with stop_signals() as stop:
            try:
                lease = self._acquire(store, stop.wait)
            except LeaseStoppedError:
                return 0
            worker = lease.key.removeprefix("workers/").removesuffix(".json")
            with (
                OwnFiles(self._place, store) as files,
                files.series(f"worker_{worker}") as series,
                Heartbeat(lease, on_lost=stop.set) as heartbeat,
                Watchdog(on_hung=lease.release) as self.watchdog,
            ):
                self.session = WorkerSession(store, lease, heartbeat, worker, stop, series)
                self.tell(
                    "started",
                    threads=self._threads,
                    pid=os.getpid(),
                    software=software_version(),
                )
                error = ""
                try:
                    self._play_until_stopped()
                except Exception as problem:
                    error = error_text(problem)
                    raise
                finally:
                    # A lost lease is somebody else's by now; release leaves it alone.
                    heartbeat.close()
                    lease.release(error)
                heartbeat.check()
                self.tell(
                    "stopped", reason="signal" if stop.is_set() else "STOP", **vars(self._totals)
                )
        return 0

    # -- the steps ---------------------------------------------------------------------------

    def _acquire(self, store: Store, pause: Callable[[float], object]) -> Lease:
        info = {"threads": self._threads, "software": software_version()}
        dead_after = configured_dead_after(store)

        def acquire(worker: str) -> Lease:
            key = worker_lease_key(worker)
            batch, game = 1, 0
            if read_or_none(store, key) is None:
                spool = Spool(store, self._spool_directory(worker))
                batch, game = first_free_numbers(
                    store, worker, shard_account, undelivered=spool.shards()
                )
            return Lease.acquire(
                store,
                key,
                info=info,
                dead_after_seconds=dead_after,
                minimum_batch=batch,
                minimum_game=game,
                on_wait=lambda text: self._report({"kind": "waiting", "for": text}),
                pause=pause,
            )

        if self._worker_id is not None:
            return acquire(self._worker_id)
        for number in range(MAX_DEFAULT_IDS):
            try:
                return acquire(default_worker_id(number))
            except LeaseHeldError:
                continue
        raise RunError(
            f"{MAX_DEFAULT_IDS} workers of this host are alive; name one: --worker-id ID"
        )

    def _play_until_stopped(self) -> None:
        session = self.session
        self._spool = Spool(session.store, self._spool_directory(session.worker))
        if self._wait_for_config():
            self._spool.flush()  # what an earlier process had to leave there
            self._strategy().run()
        self._spool.flush(now=True)
        if self._spool.names:
            where = str(self._spool_directory(session.worker))
            self.tell("spooled", files=len(self._spool.names), where=where)

    def _wait_for_config(self) -> bool:
        """False if told to stop before there is one."""
        while not self.session.stopped():
            try:
                self.follow_config()
                if self._config is not None:
                    return True
                self.wait(f"the trainer to publish a model in {self._place}")
            except OverrideError:
                raise
            except (DamagedError, StoreError, ConfigError) as problem:
                self.wait(str(problem), state="error")
        return False

    def _strategy(self) -> "AlphaBetaPlay | TreePlay":
        if isinstance(self.config, TreeSearchRunConfig):
            from zerofleet.roles.tree_play import TreePlay

            return TreePlay(self, threads=self._threads, device=self._device)
        from zerofleet.roles.alphabeta_play import AlphaBetaPlay

        return AlphaBetaPlay(self, threads=self._threads)

    # -- what strategies use -----------------------------------------------------------------

    @property
    def config(self) -> RunConfig:
        """The run's configuration, with what belongs to this host."""
        assert self._config is not None
        return self._config

    def follow_config(self) -> None:
        """Follows config.json, if it is there already and has changed.

        Raises: ConfigError; OverrideError if the run does not allow an option of this worker.
        """
        session = self.session
        data = read_or_none(session.store, CONFIG)
        if data is None or data == self._config_bytes:
            return
        tree = parse_config_json(data)
        run = resolve({}, tree, {})
        self._check_allowed(run)
        self._config, self._config_bytes = playable(tree, self._own_settings(run)), data
        session.heartbeat.set_pace(
            interval_seconds=self._config.fleet.heartbeat_seconds,
            dead_after_seconds=self._config.fleet.dead_after_seconds,
        )
        self.watchdog.limit(self._config.fleet.hung_after_seconds)

    def _check_allowed(self, run: RunConfig) -> None:
        if self._depth is None:
            return
        if not isinstance(run, AlphaBetaRunConfig):
            raise OverrideError(
                f"--depth {self._depth}: this run searches trees; it has simulations and no depth"
            )
        depth = run.search.depth
        if self._depth != depth and not run.fleet.allow_worker_depth:
            raise OverrideError(
                f"--depth {self._depth}: this run's workers all search to its depth, {depth} "
                "(fleet.allow_worker_depth is false); leave --depth out"
            )

    def _own_settings(self, run: RunConfig) -> dict[str, Any]:
        """What belongs to this host and overrides the run's configuration."""
        own: dict[str, Any] = {
            "selfplay.games_per_batch": self._games_per_batch,
            "search.depth": self._depth,
        }
        if self._game_file is not None:
            own["game.name"] = name_with_file(run, self._game_file)
        elif self._place.is_directory:
            refuse_from_run(run, self._place.files)
        return own

    def check_same_run(self, model: PublishedModel) -> None:
        """Raises RunError if another run has begun in this place: this session is over.

        Looks once in `fleet.dead_after_seconds`: the manifest of a long run is large. What is
        played meanwhile the trainer refuses.
        """
        now = time.monotonic()
        if now < self._next_run_check:
            return
        if not is_published(self.session.store, model):
            raise RunError(
                f"{self._place} holds another run than the one whose version {model.version} "
                "this worker plays with; it ends and has to be started again"
            )
        self._next_run_check = now + self.config.fleet.dead_after_seconds

    def may_deliver(self) -> bool:
        """False, after a pause, while so much is pending that the trainer cannot keep up."""
        if self._gate is None:
            self._gate = PendingGate(self.session.store, self.config.pacing.max_pending_bytes)
        if self._gate.is_open():
            return True
        self.wait(f"the trainer: {self._gate.pending_bytes / 2**20:,.0f} MiB are pending in data/")
        return False

    def reserve(self, num_games: int) -> Reservation | None:
        """The numbers of the next batch; None if told to stop while the store is away.

        Reserved before the games are played: what is played can then always be kept under its
        name, in the spool if need be, whatever happens to the store meanwhile.
        """
        session = self.session
        self.watchdog.rest()
        while True:  # at least once: finished games are delivered by one that was told to stop
            fault_point("worker.before_reserve")
            try:
                reserved = session.lease.reserve(num_games)
            except StoreError as away:
                if session.stopped():
                    return None
                self.wait(str(away), state="error")
                continue
            session.heartbeat.update(state=self._spool.state, error=self._spool.error)
            return reserved

    @property
    def has_undelivered(self) -> bool:
        """Shards are in the spool still, after another try to deliver them."""
        self._spool.flush()
        return bool(self._spool.names)

    def deliver(
        self,
        games: GameRecords,
        *,
        batch: int,
        model: PublishedModel,
        search: dict[str, Any],
        backend: str,
        num_positions: int,
        seconds: float,
        host: Mapping[str, Any],
        iteration: int | None = None,
        revision: int | None = None,
    ) -> None:
        """Submits a shard, into the spool while the store is away.

        Args:
          batch: as reserved.
          num_positions: that can be learned from.
          seconds: that the games took.
          host: facts about this host and how it played; not part of what is reproducible.
          iteration, revision: of a synchronous run: which share.
        """
        session, config = self.session, self.config
        self.watchdog.rest()
        name = shard_name(model.version, session.worker, batch)
        meta = ShardMeta(
            game=config.game.public_name,
            game_options=config.game.options,
            model_version=model.version,
            model_sha256=model.sha256,
            worker_id=session.worker,
            batch=batch,
            run_seed=config.seed,
            run_id=model.run_id,
            iteration=iteration,
            share_revision=revision,
            search=search,
            evaluator_backend=backend,
            software_version=software_version(),
            session=session.lease.session,
            host={"threads": self._threads, "seconds": round(seconds, 3), **host},
        )
        data = encode_shard(meta, games)
        fault_point("worker.before_submit")
        while True:
            try:
                delivered = self._spool.submit(name, data)
                break
            except SpoolFullError as full:
                # Nothing is dropped: no game is played until the store or the spool has room.
                self.wait(str(full), state="error")
                if session.stopped():
                    raise
        fault_point("worker.after_submit")
        self._totals = WorkerTotals(
            self._totals.batches + 1,
            self._totals.games + games.num_games,
            self._totals.positions + num_positions,
        )
        session.heartbeat.update(
            state=self._spool.state,
            error=self._spool.error,
            model_version=model.version,
            totals=vars(self._totals),
        )
        session.tell_rates(games.num_games, num_positions, seconds)
        self.tell(
            "batch" if delivered else "spooled",
            name=name,
            batch=self._totals.batches,
            games=games.num_games,
            positions=num_positions,
            plies=games.num_plies,
            seconds=round(seconds, 3),
            threads=self._threads,
            total_games=self._totals.games,
            error=self._spool.error,
            **host,
        )

    def wait(self, for_what: str, state: str = "waiting") -> None:
        """Says what it waits for, and waits a moment."""
        self.watchdog.rest()
        self.session.heartbeat.update(state=state, error=for_what if state == "error" else "")
        self.tell("waiting", **{"for": for_what}, state=state)
        seconds = self._config.pacing.poll_seconds if self._config is not None else 1.0
        self.session.stop.wait(seconds)

    def tell(self, kind: str, **values: Any) -> None:
        """Reports an event and writes it into the worker's series."""
        event: Event = {"kind": kind, "worker": self.session.worker, **values}
        self._report(event)
        if kind != "waiting":
            with contextlib.suppress(StoreError):  # a full disk is no reason to stop playing
                self.session.series.append({"time": time.time(), **event})

    def _spool_directory(self, worker: str) -> Path:
        """On this host's own disk, apart for each run and worker."""
        return state_directory() / "spool" / self._place.token / worker
