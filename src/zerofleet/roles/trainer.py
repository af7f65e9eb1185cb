"""The trainer: learns from the games of a run and publishes networks, until the run is done.

    run
      acquire lease                      a second live trainer: refused
      configuration                      resolved, written back; STOP of an earlier run cleared
      restore the last commit            or bootstrap: random weights, or trained on seed data
      redo what derives from it          publish, move shards, rate
      repeat until max_loops, SIGTERM, STOP or the time is over (ending.py)
        collect                          validate new shards until there are enough positions
        train                            warm start, on the window
        judge                            runs with a gate (gate.py): the net has to win its match
        commit                           checkpoints/latest.json: the one moment this loop happens
        publish, move, checkpoint.npz    derived: redone after a crash
        rate                             an entry in training_stats.json; matches and Elo are
                                         played by another process and complete it, while this
                                         one goes on (roles/rating.py)
      STOP                               if the run is done; workers end by themselves

Killed anywhere before the commit, the loop has not happened and its shards are still in data/;
killed after it, the rest is redone at the next start.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerofleet.fleet.devices import check_device_name
from zerofleet.fleet.status import collect as collect_status
from zerofleet.fleet.status import write_status_text
from zerofleet.fleet.supervisor import stop_signals
from zerofleet.roles.collect import AcceptedShard, Collector
from zerofleet.roles.config import (
    ConfigError,
    RunConfig,
    check_trainable,
    check_unchanged,
    load_recipe,
    parse_config_json,
    resolve,
)
from zerofleet.roles.deal import Speeds
from zerofleet.roles.dealing import Dealing
from zerofleet.roles.ending import Ending
from zerofleet.roles.game_of_run import check_settings, checked_game
from zerofleet.roles.gate import Gate, check_gate
from zerofleet.roles.kept import check_kept_names, keep, kept_names
from zerofleet.roles.progress import Progress, bootstrap, restore
from zerofleet.roles.ratings import Ratings
from zerofleet.roles.remains import check_no_earlier_run, clear_remains
from zerofleet.roles.report import Event, Report, error_text, silent
from zerofleet.roles.state import LEARNER, MODEL_FILES, SEED
from zerofleet.run.commit import Checkpoint, commit, prune, read_latest
from zerofleet.run.consumed import delete_outside_window, restore_uncounted
from zerofleet.run.errors import RunError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import CONFIG, TENSORBOARD, TRAINER_LEASE
from zerofleet.run.lease import Heartbeat, Lease, LeaseStoppedError, LeaseWatch
from zerofleet.run.own_files import OwnFiles
from zerofleet.run.place import Place, make_directories
from zerofleet.run.shares import Share, prune_shares, read_share
from zerofleet.run.software import software_version
from zerofleet.run.spool import PendingBytes
from zerofleet.run.stop import TIME_IS_OVER, clear_stop
from zerofleet.run.store import DirectoryStore, read_or_none
from zerofleet.run.threads import calm_threads
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.roles.warm_start import WarmStart
    from zerofleet.training.group import RankGroup

DEFAULT_RECIPE = "ultimate_ttt"
STATUS_SECONDS = 5.0
"""How often status.txt is written while games are collected."""
WINDOW_SECONDS = 60.0
"""checkpoint.npz is written at most this often, and when the trainer ends."""


class Trainer:
    """The one trainer of a run."""

    def __init__(
        self,
        run_dir: Place | Path,
        *,
        recipe: str | None = None,
        command_line: Mapping[str, Any] | None = None,
        seed_data: Path | None = None,
        checkpoint: Path | None = None,
        device: "str | RankGroup" = "auto",
        minutes: float | None = None,
        num_workers: int = 1,
        report: Report = silent,
    ) -> None:
        """Checks the recipe; everything else happens in `run`.

        Args:
          recipe: None: ultimate_ttt for a new run; a run that exists keeps what it has.
          command_line: dotted configuration keys and values, over recipe and config.json.
          seed_data: .npz of evaluated positions; only used when the run is new.
          checkpoint: a file that `read_warm_start` takes; only used when the run is new.
          device: to learn on; or the ranks, of which this process is the first (ranks.py).
          minutes: the run ends soon after this time (ending.py).
          num_workers: a synchronous iteration is dealt once so many live, or after a while.
        """
        self._place = Place.of(run_dir)
        self._recipe_name = recipe
        self._recipe = load_recipe(recipe or DEFAULT_RECIPE)
        self._command_line = dict(command_line or {})
        self._seed_data = seed_data
        self._checkpoint = checkpoint
        self._device = device
        self._minutes = minutes
        self._num_workers = num_workers
        self._report = report
        self._store = self._place.store()
        self._committed: Checkpoint | None = None
        self._window_written = float("-inf")
        self._window_size = 0
        self._is_first_deal = True
        self._speeds = Speeds()
        self._published: dict[str, Any] = {}
        self._status_written = float("-inf")
        try:
            check_device_name(device if isinstance(device, str) else "auto", "--device")
        except ValueError as error:
            raise ConfigError(str(error)) from None
        if seed_data is not None and not seed_data.is_file():
            raise ConfigError(f"--seed-data {seed_data}: no such file")
        if checkpoint is not None and not checkpoint.is_file():
            raise ConfigError(f"--checkpoint {checkpoint}: no such file")
        if checkpoint is not None and seed_data is not None:
            raise ConfigError("--seed-data and --checkpoint: a run begins with one or the other")

    def run(self) -> int:
        """Trains until the run is done or a signal comes; returns the exit status 0.

        Raises: ConfigError, SeedDataError for bad input; LeaseHeldError if a trainer is alive;
        StoreError if the run directory cannot be written.
        """
        calm_threads()
        # The configuration is resolved before anything is created, so that a wrong one leaves
        # no directory behind.
        self._config = self.resolve_config()
        self._watch = LeaseWatch(self._config.fleet.dead_after_seconds)
        make_directories(self._place, self._store)
        with stop_signals() as self._stop:
            self._ending = Ending(self._store, self._stop, minutes=self._minutes)
            try:
                self._lease = Lease.acquire(
                    self._store,
                    TRAINER_LEASE,
                    info={"software": software_version(), "device": str(self._device)},
                    dead_after_seconds=self._config.fleet.dead_after_seconds,
                    on_wait=lambda text: self._report({"kind": "waiting", "for": text}),
                    pause=self._stop.wait,
                )
            except LeaseStoppedError:
                return 0
            with (
                OwnFiles(self._place, self._store) as files,
                files.series("trainer") as self._series,
                Heartbeat(
                    self._lease,
                    interval_seconds=self._config.fleet.heartbeat_seconds,
                    on_lost=self._stop.set,
                    measure=PendingBytes(self._store),
                ) as self._heartbeat,
            ):
                files.copy(f"{TENSORBOARD}*")
                self._ratings = Ratings(
                    self._place,
                    self._config,
                    ending=self._ending,
                    confirm=self._lease.confirm,
                    phase=self._phase,
                    tell=self._tell,
                )
                error = ""
                try:
                    self._train_until_done()
                except Exception as problem:
                    error = error_text(problem)
                    raise
                finally:
                    self._ratings.cancel()
                    self._heartbeat.close()
                    self._lease.release(error)
                    if not self._lease.lost:
                        self._write_status()  # the last word: this trainer has stopped
                self._heartbeat.check()
        return 0

    # -- start -------------------------------------------------------------------------------

    def resolve_config(self) -> RunConfig:
        """The configuration this run would have; changes nothing. Raises ConfigError."""
        data = read_or_none(self._store, CONFIG)
        existing = None if data is None else parse_config_json(data)
        if existing is not None:
            self._check_recipe(existing)
        recipe = self._recipe if existing is None or self._recipe_name is not None else {}
        config = resolve(recipe, existing, self._command_line)
        try:
            config = checked_game(config)  # an unknown one is an error here, not in every worker
        except ValueError as error:
            raise ConfigError(f"game.name: {error}") from None
        check_trainable(config)
        check_settings(config)
        check_kept_names(config)
        check_gate(config)
        check_no_earlier_run(self._store, self._place)
        if existing is not None and read_latest(self._store) is not None:
            check_unchanged(resolve(recipe, existing, {}), config)
        return config

    def warm_start(self, config: RunConfig) -> "WarmStart | None":
        """What --checkpoint begins a new run with; None without it, or if the run exists.

        Raises: ConfigError if the file is not what this configuration needs.
        """
        if self._checkpoint is None or read_latest(self._store) is not None:
            return None
        from zerofleet.roles.warm_start import read_warm_start  # loads torch

        found = read_warm_start(self._checkpoint, config)
        if found.num_loops >= config.pacing.max_loops:
            raise ConfigError(
                f"--checkpoint {self._checkpoint}: {counted(found.num_loops, 'loop')} done in it "
                f"and pacing.max_loops is {config.pacing.max_loops}: there is nothing left to do; "
                "the count goes on, so give a higher --max-loops"
            )
        return found

    def _check_recipe(self, existing: dict[str, Any]) -> None:
        """A run keeps its game: a recipe for another one is a mistake, not a default."""
        if self._recipe_name is None or "game" not in self._recipe or "game" not in existing:
            return
        trees = (existing, self._recipe)
        there, asked = (resolve({}, {"game": tree["game"]}, {}).game.spec for tree in trees)
        if there != asked:
            raise ConfigError(
                f"{self._place} is a run of {there}; the recipe {self._recipe_name} is for "
                f"{asked}: use another --run-dir"
            )

    def _restore_or_bootstrap(self) -> Progress:
        checkpoint = self._committed = read_latest(self._store)
        if checkpoint is not None:
            given = {"--seed-data": self._seed_data, "--checkpoint": self._checkpoint}
            for flag, path in given.items():
                if path is not None:
                    self._tell("note", text=f"the run exists; {flag} {path} is not read")
            progress = restore(
                self._store, checkpoint, self._config, self._device, self._on_unreadable
            )
            self._tell(
                "resumed",
                iteration=progress.state.iteration,
                model_version=progress.state.model_version,
                window=progress.num_window,
            )
            for name in restore_uncounted(self._store, progress.state.ledger):
                self._tell("note", text=f"{name} was in consumed/ uncounted; it is read again")
            return progress
        for text in clear_remains(self._store):
            self._tell("note", text=text)
        self._phase("bootstrap")
        warm_start = self.warm_start(self._config)
        if warm_start is not None:
            self._tell("note", text=f"this run {warm_start}")
        args = (self._config, self._device, self._seed_data)
        progress = bootstrap(*args, warm_start=warm_start, should_stop=self._stop.is_set)
        self._commit(progress)
        return progress

    # -- the loop ----------------------------------------------------------------------------

    def _train_until_done(self) -> None:
        config, store = self._config, self._store
        clear_stop(store)
        store.put(CONFIG, config.to_json())
        if isinstance(store, DirectoryStore):
            store.sweep()
        prune(store)
        self._loop_started = time.monotonic()
        self._tell(
            "started",
            pid=os.getpid(),
            software=software_version(),
            run_dir=str(self._place),
            config=config.model_dump(),
        )
        progress = self._restore_or_bootstrap()
        self._collector = Collector(
            store,
            progress.state.ledger,
            game=config.game,
            run_id=progress.state.run_id,
            model_kind=progress.model_kind,
            read_positions=progress.read_positions,
            on_rejected=self._on_rejected,
        )
        self._derive(progress)
        gate = Gate(store, config, self._ending, self._phase, self._tell)
        max_loops = config.pacing.max_loops
        while progress.state.iteration < max_loops and not self._ending.is_over():
            shards = self._collect(progress)
            if shards is None:
                break
            self._phase("training")
            fault_point("trainer.before_train")
            self._ending.begin()
            trained = progress.learn(shards, self._loop_started, self._ending, self._on_progress)
            if trained is not None:
                trained = gate.judge(progress, trained)
            if trained is None:  # the loop has not happened
                loop = progress.state.iteration + 1
                self._tell("note", text=f"loop {loop} was not finished; its games are kept for it")
                break
            progress = trained
            fault_point("trainer.after_train")
            self._commit(progress)
            self._derive(progress)
        why = ""
        if progress.state.iteration >= max_loops:
            why = f"all {max_loops} loops are done" if max_loops > 1 else "its only loop is done"
        elif self._ending.is_time_over():
            why = TIME_IS_OVER
        if why:
            self._lease.confirm()  # one that was taken over ends nobody's run
            self._ending.request_stop(why)  # workers end while the last version is rated
            self._keep(progress, kept_names(config, progress.state.iteration, is_last=True))
        self._ratings.finish()
        if why:
            self._tell("done", loops=progress.state.iteration, why=why)
        self._lease.confirm()
        self._write_window(progress, at_most_every=0)
        self._write_status()

    def _collect(self, progress: Progress) -> list[AcceptedShard] | None:
        """The games of the next loop; None if told to stop before."""
        num_games = self._config.pacing.games_per_iteration
        if num_games:
            return self._collect_iteration(progress, num_games)
        return self._collect_positions(progress)

    def _collect_iteration(self, progress: Progress, num_games: int) -> list[AcceptedShard] | None:
        """Deals the games of a synchronous iteration until all of them are there."""
        state = progress.state
        iteration = state.iteration + 1
        share = read_share(self._store, iteration) or Share(
            iteration, state.model_version, num_games
        )
        dealing = Dealing(
            self._store,
            share,
            watch=self._watch,
            num_workers=self._num_workers if self._is_first_deal else 1,
            tell=self._tell,
            speeds=self._speeds,
            confirm=self._lease.confirm,
        )
        self._is_first_deal = False  # from now on all that will come are here, or come late
        self._collector.expect_iteration(iteration, share.num_games)
        shards: list[AcceptedShard] = []
        while not self._ending.is_over():
            dealing.look()
            shards += self._poll_shards()
            missing = state.ledger.new_games(iteration, range(share.num_games))
            self._phase(
                "collecting",
                new_games=share.num_games - len(missing),
                games_per_iteration=share.num_games,
                window=progress.num_window,
            )
            dealing.tell_progress(shards, missing)
            if not missing:
                dealing.close()
                return shards
            dealing.deal(missing)
            self._stop.wait(self._config.pacing.poll_seconds)
        return None

    def _poll_shards(self) -> list[AcceptedShard]:
        try:
            self._ratings.take()
            new = self._collector.poll(self._ending.is_over)
            self._heartbeat.update(error="", state="active")
        except StoreError as away:
            # Nothing is lost: what was accepted stays accepted, the rest is still in data/.
            new = []
            self._heartbeat.update(error=str(away), state="error")
            self._tell("waiting", **{"for": str(away)})
        if time.monotonic() - self._status_written >= STATUS_SECONDS:
            self._status_written = time.monotonic()
            self._write_status()
        return new

    def _collect_positions(self, progress: Progress) -> list[AcceptedShard] | None:
        """New shards with at least min_new_positions; None if told to stop before."""
        wanted = self._config.pacing.min_new_positions
        shards: list[AcceptedShard] = []
        positions = 0
        while not self._ending.is_over():
            new = self._poll_shards()
            shards += new
            positions += sum(len(shard.positions) for shard in new)
            self._phase("collecting", new_positions=positions, window=progress.num_window)
            if positions >= wanted and progress.is_enough(positions):
                self._tell("collected", files=len(shards), positions=positions)
                return shards
            if not new:
                self._stop.wait(self._config.pacing.poll_seconds)
        return None

    # -- commit and what derives from it -----------------------------------------------------

    def _commit(self, progress: Progress) -> None:
        state = progress.state
        self._committed = commit(
            self._store,
            state.commit_files(),
            summary=state.summary(),
            keep_names=(LEARNER, *MODEL_FILES),
            guard=self._lease.confirm,
            after=self._committed,
        )
        if SEED in state.files:  # written once; later commits point to it
            state.files[SEED] = self._committed.files[SEED]

    def _derive(self, progress: Progress) -> None:
        """Everything that follows from the commit; each step is a no-op when it is done already."""
        state, store = progress.state, self._store
        self._phase("publishing", window=progress.num_window)
        state.publish(store, progress.architecture, known=self._published)
        self._keep(progress, kept_names(self._config, state.iteration, is_last=False))
        self._collector.finish(state.new_shards)
        prune_shares(store, state.iteration)
        self._write_window(progress, at_most_every=WINDOW_SECONDS)
        if self._config.replay.keep == "window":
            delete_outside_window(store, state.shards_in_window)
        self._ratings.begin(state.entry)
        self._write_status()
        self._loop_started = time.monotonic()

    def _keep(self, progress: Progress, names: list[str]) -> None:
        learner = progress.state.files[LEARNER]
        assert isinstance(learner, bytes)
        keep(self._store, names, learner)

    def _write_window(self, progress: Progress, *, at_most_every: float) -> None:
        """checkpoint.npz is for people: it may lag behind, the shards it is made of do not."""
        if time.monotonic() - self._window_written < at_most_every:
            return
        progress.write_window_checkpoint(self._store)
        self._window_written = time.monotonic()
        fault_point("trainer.after_window_checkpoint")

    # -- telling -----------------------------------------------------------------------------

    def _phase(self, phase: str, **values: Any) -> None:
        self._window_size = values.pop("window", self._window_size)
        progress = {"phase": phase, "window": self._window_size, **values}
        self._heartbeat.update(state="active", progress=progress)

    def _on_progress(self, share: float, figures: dict[str, Any]) -> None:
        self._phase("training", share=share)
        with contextlib.suppress(StoreError):  # the next look will do
            self._ratings.take()
        self._log({"kind": "epoch", **figures})

    def _on_rejected(self, name: str, reason: str) -> None:
        self._tell("rejected", name=name, reason=reason)

    def _on_unreadable(self, name: str, reason: str) -> None:
        self._tell("note", text=f"{name} left the window: {reason}")

    def _write_status(self) -> None:
        with contextlib.suppress(RunError):  # a picture for people; the next one will do
            write_status_text(self._store, collect_status(self._store, self._watch))

    def _tell(self, kind: str, **values: Any) -> None:
        event: Event = {"kind": kind, **values}
        self._report(event)
        self._log(event)

    def _log(self, event: Event) -> None:
        with contextlib.suppress(StoreError):  # a full disk ends what matters, not the log
            self._series.append({"time": time.time(), **event})
