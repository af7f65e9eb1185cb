"""The worker: plays games with the newest network and submits them, until the run stops.

    run
      acquire lease                         a live worker of the same id: refused
      repeat until STOP, SIGTERM or Ctrl-C
        configuration and newest model      checked against its sha256; waits for them
        reserve batch and game numbers      durable in the lease; waits while the store is away
        play games_per_batch games          C++ threads, no Python in the loop
        submit the shard                    or spool it while the store is away
      release lease

Killed at any of these steps it has lost at most the games it was playing; a shard is there whole
or not at all, and its numbers are never used again.
"""

import contextlib
import hashlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerofleet.fleet.devices import usable_cores
from zerofleet.fleet.supervisor import stop_signals
from zerofleet.records.account import shard_account
from zerofleet.records.shard import ShardMeta
from zerofleet.records.write import encode_shard
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    ConfigError,
    parse_config_json,
    resolve_alphabeta,
)
from zerofleet.roles.report import Event, Report, silent
from zerofleet.run.errors import DamagedError, RunError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import (
    CONFIG,
    LOGS,
    check_worker_id,
    default_worker_id,
    shard_name,
    worker_lease_key,
)
from zerofleet.run.lease import (
    Heartbeat,
    Lease,
    LeaseHeldError,
    Reservation,
    configured_dead_after,
)
from zerofleet.run.models import ModelMissingError, PublishedModel, fetch_model, read_version
from zerofleet.run.numbers import first_free_numbers
from zerofleet.run.series import SeriesWriter
from zerofleet.run.software import software_version
from zerofleet.run.spool import PendingGate, Spool, SpoolFullError
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import DirectoryStore, Store, read_or_none
from zerofleet.selfplay.alphabeta_actor import AlphaBetaActor, Played

MAX_DEFAULT_IDS = 1000
"""Workers of one host that may pick their ids by themselves."""


class OverrideError(ConfigError):
    """An option of this worker that the run does not allow."""


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
        run_dir: Path,
        *,
        worker_id: str | None = None,
        threads: int | None = None,
        games_per_batch: int | None = None,
        depth: int | None = None,
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
        if worker_id is not None:
            try:
                check_worker_id(worker_id)
            except ValueError as error:
                raise ConfigError(f"--worker-id: {error}") from None
        self._run_dir = run_dir
        self._worker_id = worker_id
        self._threads = threads or usable_cores()
        self._games_per_batch = games_per_batch
        self._depth = depth
        self._report = report
        self._totals = WorkerTotals()
        self._config_bytes = b""
        self._config: AlphaBetaRunConfig | None = None
        self._model: PublishedModel | None = None
        self._actor: AlphaBetaActor | None = None

    def run(self) -> int:
        """Plays until STOP or a signal; returns the exit status 0.

        Raises: LeaseHeldError if a live worker has this id, LeaseLostError if another one took it
        over; OverrideError if the run does not allow an option of this worker; StoreError if the
        run directory cannot be used at all.
        """
        store: Store = DirectoryStore(self._run_dir)
        with stop_signals() as stop:
            lease = self._acquire(store)
            worker = lease.key.removeprefix("workers/").removesuffix(".json")
            with (
                SeriesWriter(self._run_dir / LOGS, f"worker_{worker}") as series,
                Heartbeat(lease, on_lost=stop.set) as heartbeat,
            ):
                self._session = _Session(store, lease, heartbeat, worker, stop, series)
                self._tell("started", threads=self._threads, pid=os.getpid())
                error = ""
                try:
                    self._play_until_stopped()
                except Exception as problem:
                    error = str(problem)
                    raise
                finally:
                    # A lost lease is somebody else's by now; release leaves it alone.
                    heartbeat.close()
                    lease.release(error)
                heartbeat.check()
                self._tell(
                    "stopped", reason="signal" if stop.is_set() else "STOP", **vars(self._totals)
                )
        return 0

    # -- the steps ---------------------------------------------------------------------------

    def _acquire(self, store: Store) -> Lease:
        info = {"threads": self._threads, "software": software_version()}
        dead_after = configured_dead_after(store)

        def acquire(worker: str) -> Lease:
            key = worker_lease_key(worker)
            batch, game = 1, 0
            if read_or_none(store, key) is None:
                batch, game = first_free_numbers(store, worker, shard_account)
            return Lease.acquire(
                store,
                key,
                info=info,
                dead_after_seconds=dead_after,
                minimum_batch=batch,
                minimum_game=game,
                on_wait=lambda text: self._report({"kind": "waiting", "for": text}),
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
        session = self._session
        spool = Spool(session.store, self._spool_directory())
        gate: PendingGate | None = None
        while not session.stopped():
            model = self._newest_model()
            if model is None or self._config is None:
                continue  # told to stop while waiting
            config = self._config
            if gate is None:
                gate = PendingGate(session.store, config.pacing.max_pending_bytes)
            if not gate.is_open():
                self._wait(
                    f"the trainer: {gate.pending_bytes / 2**20:,.0f} MiB are pending in data/"
                )
                continue
            reserved = self._reserve(config.selfplay.games_per_batch)
            if reserved is None:
                continue  # told to stop while waiting
            session.heartbeat.update(
                state=spool.state, error=spool.error, model_version=model.version
            )
            played = self._play(config, reserved.first_game)
            if played.games.num_games > 0:
                self._submit(spool, model, config, played, reserved.batch)
        spool.flush(now=True)
        if spool.names:
            self._tell("spooled", files=len(spool.names), where=str(self._spool_directory()))

    def _newest_model(self) -> PublishedModel | None:
        """The newest model with the configuration it was made under; None if told to stop."""
        session = self._session
        while not session.stopped():
            try:
                version = read_version(session.store)
                self._read_config()
                if version == 0 or self._config is None:
                    self._wait(f"the trainer to publish a model in {self._run_dir}")
                    continue
                if self._model is None or self._model.version != version:
                    model = fetch_model(session.store, version)
                    self._actor = _make_actor(self._config.game.name, model)
                    self._model = model
                return self._model
            except ModelMissingError as missing:
                self._wait(str(missing))
            except OverrideError:
                raise
            except (DamagedError, StoreError, ConfigError) as problem:
                # A damaged model or a store that is away: say so, keep the lease, try again.
                self._wait(str(problem), state="error")
        return None

    def _read_config(self) -> None:
        """Follows config.json, if it is there already and has changed."""
        session = self._session
        data = read_or_none(session.store, CONFIG)
        if data is None or data == self._config_bytes:
            return
        tree = parse_config_json(data)
        self._check_allowed(resolve_alphabeta({}, tree, {}))
        self._config, self._config_bytes = resolve_alphabeta({}, tree, self._own_settings()), data
        session.heartbeat.set_pace(
            interval_seconds=self._config.fleet.heartbeat_seconds,
            dead_after_seconds=self._config.fleet.dead_after_seconds,
        )

    def _check_allowed(self, run: AlphaBetaRunConfig) -> None:
        depth = run.search.depth
        if self._depth not in (None, depth) and not run.fleet.allow_worker_depth:
            raise OverrideError(
                f"--depth {self._depth}: this run's workers all search to its depth, {depth} "
                "(fleet.allow_worker_depth is false); leave --depth out"
            )

    def _own_settings(self) -> dict[str, Any]:
        """What belongs to this host and overrides the run's configuration."""
        return {"selfplay.games_per_batch": self._games_per_batch, "search.depth": self._depth}

    def _reserve(self, num_games: int) -> Reservation | None:
        """The numbers of the next batch; None if told to stop while the store is away.

        Reserved before the games are played: what is played can then always be kept under its
        name, in the spool if need be, whatever happens to the store meanwhile.
        """
        session = self._session
        while not session.stopped():
            fault_point("worker.before_reserve")
            try:
                return session.lease.reserve(num_games)
            except StoreError as away:
                self._wait(str(away), state="error")
        return None

    def _play(self, config: AlphaBetaRunConfig, first_game: int) -> Played:
        session = self._session
        assert self._actor is not None
        return self._actor.play(
            search=config.search,
            selfplay=config.selfplay,
            seed=worker_seed(config.seed, session.worker),
            first_game=first_game,
            num_games=config.selfplay.games_per_batch,
            threads=self._threads,
            should_stop=session.stopped,
            on_progress=lambda games, positions, seconds: session.heartbeat.update(
                rates=_rates(games, positions, seconds)
            ),
        )

    def _submit(
        self,
        spool: Spool,
        model: PublishedModel,
        config: AlphaBetaRunConfig,
        played: Played,
        batch: int,
    ) -> None:
        session = self._session
        name = shard_name(model.version, session.worker, batch)
        assert self._actor is not None
        meta = ShardMeta(
            game=config.game.name,
            model_version=model.version,
            model_sha256=model.sha256,
            worker_id=session.worker,
            batch=batch,
            run_seed=config.seed,
            search={
                **config.search.model_dump(mode="json"),
                **config.selfplay.model_dump(mode="json", exclude={"games_per_batch"}),
            },
            evaluator_backend="nnue",
            software_version=software_version(),
            session=session.lease.session,
            host={
                "threads": self._threads,
                "simd": self._actor.simd,
                "seconds": round(played.seconds, 3),
                "nodes": played.nodes,
            },
        )
        data = encode_shard(meta, played.games)
        fault_point("worker.before_submit")
        while True:
            try:
                delivered = spool.submit(name, data)
                break
            except SpoolFullError as full:
                # Nothing is dropped: no game is played until the store or the spool has room.
                self._wait(str(full), state="error")
                if session.stopped():
                    raise
        fault_point("worker.after_submit")
        self._count(name, played, delivered, spool)

    def _count(self, name: str, played: Played, delivered: bool, spool: Spool) -> None:
        games = played.games
        self._totals = WorkerTotals(
            self._totals.batches + 1,
            self._totals.games + games.num_games,
            self._totals.positions + played.num_quiet,
        )
        self._session.heartbeat.update(
            state=spool.state,
            error=spool.error,
            rates=_rates(games.num_games, played.num_quiet, played.seconds),
            totals=vars(self._totals),
        )
        self._tell(
            "batch" if delivered else "spooled",
            name=name,
            batch=self._totals.batches,
            games=games.num_games,
            positions=played.num_quiet,
            plies=games.num_plies,
            seconds=round(played.seconds, 3),
            nodes=played.nodes,
            threads=self._threads,
            total_games=self._totals.games,
            error=spool.error,
        )

    # -- helpers -----------------------------------------------------------------------------

    def _spool_directory(self) -> Path:
        """On this host's own disk, apart for each run and worker."""
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        run = hashlib.sha256(str(self._run_dir.resolve()).encode()).hexdigest()[:16]
        return base / "zerofleet" / "spool" / run / self._session.worker

    def _wait(self, for_what: str, state: str = "waiting") -> None:
        self._session.heartbeat.update(state=state, error=for_what if state == "error" else "")
        self._tell("waiting", **{"for": for_what}, state=state)
        seconds = self._config.pacing.poll_seconds if self._config is not None else 1.0
        self._session.stop.wait(seconds)

    def _tell(self, kind: str, **values: Any) -> None:
        event: Event = {"kind": kind, "worker": self._session.worker, **values}
        self._report(event)
        if kind != "waiting":
            with contextlib.suppress(StoreError):  # a full disk is no reason to stop playing
                self._session.series.append({"time": time.time(), **event})


@dataclass
class _Session:
    """What a worker holds while it runs."""

    store: Store
    lease: Lease
    heartbeat: Heartbeat
    worker: str
    stop: threading.Event
    series: SeriesWriter
    _next_look: float = 0.0
    _stop_seen: bool = False

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


def _make_actor(game: str, model: PublishedModel) -> AlphaBetaActor:
    try:
        return AlphaBetaActor(game, model.data)
    except ValueError as error:
        raise DamagedError(
            f"model version {model.version} cannot be used here: {error}; install the version of "
            "zerofleet that the trainer has"
        ) from None


def worker_seed(run_seed: int, worker: str) -> int:
    """64-bit seed of a worker's games; the core derives each game's from it and its number."""
    digest = hashlib.sha256(f"{run_seed}/{worker}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def _rates(games: int, positions: int, seconds: float) -> dict[str, float]:
    seconds = max(seconds, 1e-9)
    return {
        "games_per_second": round(games / seconds, 2),
        "positions_per_second": round(positions / seconds, 1),
    }
