"""How a worker plays games of tree search: its dealt share, or on and on.

Synchronous run: every iteration has its games and one model that plays all of them. The worker
plays the numbers it was dealt, looks at the share now and then, and delivers what is finished. A
game depends on run seed, iteration, number, model and settings alone: whoever plays it, it is the
same game.

Asynchronous run: the pool never runs dry. Games under way go on with a newer model when there is
one, as in KataGo (Wu 2019); a shard is named after the model that is in use when it is complete.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from zerofleet import _core
from zerofleet.games.evaluation import Evaluation, LeafBatch
from zerofleet.games.registry import load_game
from zerofleet.nets.memory import peak_memory_mib
from zerofleet.records.shard import GameRecords
from zerofleet.roles.config import ConfigError, OverrideError, TreeSearchRunConfig
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.models import ModelMissingError, PublishedModel, fetch_model, read_version
from zerofleet.run.shares import Share, newest_share
from zerofleet.run.threads import calm_threads
from zerofleet.selfplay.play import run_pool
from zerofleet.selfplay.pool import Pool
from zerofleet.selfplay.seeds import iteration_seed, worker_seed

if TYPE_CHECKING:
    from zerofleet.nets.evaluator import NetEvaluator
    from zerofleet.roles.worker import Worker

MODEL_KIND = "safetensors"


class TreePlay:
    """Plays for one worker until its session stops."""

    def __init__(self, worker: "Worker", *, threads: int, device: str) -> None:
        self._worker = worker
        self._session = worker.session
        self._threads = threads
        self._device = device
        self._evaluator: NetEvaluator | None = None
        self._precision = ""
        self._model: PublishedModel | None = None
        self._next_look = 0.0
        self._delivered_at = time.monotonic()
        self._net_seconds = 0.0
        self._num_delivered = self._looked_after = 0

    def run(self) -> None:
        """Plays until the session stops."""
        if self._config().pacing.games_per_iteration:
            self._play_shares()
        else:
            self._play_on()

    # -- synchronous -------------------------------------------------------------------------

    def _play_shares(self) -> None:
        hand: _Hand | None = None
        while not self._session.stopped():
            share = self._share()
            if share is None:
                continue
            if hand is None or hand.share.iteration != share.iteration:
                hand = _Hand(share)
            if not hand.update(share, self._session.worker, self._session.lease.session):
                if not self._worker.has_undelivered:
                    finished = [share.iteration, share.revision]
                    self._session.heartbeat.update(finished_share=finished)
                self._worker.wait("the trainer to deal games")
                continue
            if self._follow_config() and self._use_model(share.model_version):
                self._play_hand(hand)

    def _share(self) -> Share | None:
        """The newest share; None, after a pause, if there is none to be had."""
        try:
            share = newest_share(self._session.store)
            if share is not None:
                return share
            self._worker.wait("the trainer to deal games")
        except (DamagedError, StoreError) as problem:
            self._worker.wait(str(problem), state="error")
        return None

    def _play_hand(self, hand: "_Hand") -> None:
        """Plays what is dealt, until nothing is left, the iteration is over or told to stop."""
        config = self._config()
        iteration = hand.share.iteration
        if hand.pool is None:
            hand.pool = self._new_pool(config, iteration_seed(config.seed, iteration))
        pool = hand.pool
        parallel = config.selfplay.num_parallel_games

        def should_stop() -> bool:
            self._worker.watchdog.alive()
            if self._is_time_to_look(pool):
                share = self._look_at_share()
                if share is not None:
                    if share.iteration != iteration:
                        return True  # complete without what we have left
                    hand.update(share, self._session.worker, self._session.lease.session)
            for first, count in hand.take(max(0, parallel - pool.num_under_way)):
                pool.add_games(first, count)
            while pool.num_ready >= config.selfplay.games_per_batch:
                self._deliver(pool.take_games(config.selfplay.games_per_batch), iteration, hand)
            return self._session.stopped()

        self._delivered_at, self._net_seconds = time.monotonic(), 0.0
        should_stop()
        with self._with_model():
            run_pool(pool, self._evaluate, should_stop)
        rest = pool.take_games(gaps=True)
        if rest.num_games:
            self._deliver(rest, iteration, hand)

    def _look_at_share(self) -> Share | None:
        try:
            return newest_share(self._session.store)
        except (DamagedError, StoreError):
            return None  # play on with what there is

    def _deliver(self, games: GameRecords, iteration: int, hand: "_Hand") -> None:
        reserved = self._worker.reserve(0)
        if reserved is not None:
            self._submit(games, reserved.batch, iteration, hand.share.revision)
            hand.delivered(games.game_number.tolist())

    # -- asynchronous ------------------------------------------------------------------------

    def _play_on(self) -> None:
        pool: Pool | None = None
        config = self._config()
        batches: deque[int] = deque()
        num_open = 0  # games of the pool that are in no shard yet
        while not self._session.stopped():
            if not self._use_newest_model():
                continue
            changed = self._config()
            if pool is None or (changed.search, changed.selfplay) != (
                config.search,
                config.selfplay,
            ):
                # Games under way were begun with other settings; their numbers stay unused.
                pool = self._new_pool(changed, worker_seed(changed.seed, self._session.worker))
                batches.clear()
                num_open = 0
            config = changed
            assert self._model is not None
            pool.set_model_version(self._model.version)
            if not self._worker.may_deliver():
                continue
            num_games = config.selfplay.games_per_batch
            ahead = config.selfplay.num_parallel_games + num_games
            # So many games are waiting or under way, and each shard they fill has its number.
            while num_open < ahead or len(batches) * num_games < num_open:
                more = num_games if num_open < ahead else 0
                reserved = self._worker.reserve(more)
                if reserved is None:
                    return
                if more:
                    pool.add_games(reserved.first_game, more)
                num_open += more
                batches.append(reserved.batch)
            with self._with_model():
                run_pool(pool, self._evaluate, self._until_batch(pool, num_games))
            while pool.num_ready >= num_games:
                self._submit(pool.take_games(num_games), batches.popleft())
                num_open -= num_games
            if config.fleet.games_between_looks and pool.num_ready and not self._session.stopped():
                # A newer net is there: these games are those of the one before.
                rest = pool.take_games()
                self._submit(rest, batches.popleft())
                num_open -= rest.num_games
        if pool is not None and batches:
            rest = pool.take_games(gaps=True)
            if rest.num_games:
                self._submit(rest, batches.popleft())

    def _until_batch(self, pool: Pool, num_games: int) -> Callable[[], bool]:
        assert self._model is not None
        version = self._model.version

        def should_stop() -> bool:
            self._worker.watchdog.alive()
            if pool.num_ready >= num_games or self._session.stopped():
                return True
            if not self._is_time_to_look(pool):
                return False
            try:
                return read_version(self._session.store) != version
            except (DamagedError, StoreError):
                return False

        return should_stop

    # -- both --------------------------------------------------------------------------------

    def _config(self) -> TreeSearchRunConfig:
        config = self._worker.config
        assert isinstance(config, TreeSearchRunConfig)
        return config

    def _new_pool(self, config: TreeSearchRunConfig, seed: int) -> Pool:
        return Pool(
            load_game(config.game.spec),
            config.search,
            config.selfplay,
            seed=seed,
            threads=self._threads,
            halves=1 if self._device == "cpu" else 2,
        )

    def _follow_config(self) -> bool:
        """Follows config.json; False, after a pause, if it cannot be read or used now."""
        try:
            self._worker.follow_config()
        except OverrideError:
            raise
        except (ConfigError, DamagedError, StoreError) as problem:
            self._worker.wait(str(problem), state="error")
            return False
        return True

    def _use_newest_model(self) -> bool:
        try:
            version = read_version(self._session.store)
        except (DamagedError, StoreError) as problem:
            self._worker.wait(str(problem), state="error")
            return False
        if not self._follow_config():
            return False
        if version == 0:
            self._worker.wait("the trainer to publish a model")
            return False
        return self._use_model(version)

    def _use_model(self, version: int) -> bool:
        """Loads a version; False, after a pause, if it is not to be had now."""
        try:
            if self._model is not None and self._model.version == version:
                self._worker.check_same_run(self._model)
                return True
            model = fetch_model(self._session.store, version, MODEL_KIND)
            self._load(model)
        except ModelMissingError as missing:
            self._worker.wait(str(missing))
            return False
        except (DamagedError, StoreError) as problem:
            self._worker.wait(str(problem), state="error")
            return False
        self._model = model
        self._session.heartbeat.update(model_version=version)
        return True

    def _load(self, model: PublishedModel) -> None:
        self._worker.watchdog.alive()
        calm_threads()
        from zerofleet.nets.evaluator import make_evaluator

        config = self._config()
        precision = config.selfplay.precision
        if self._evaluator is not None and precision == self._precision:
            self._evaluator.load(model.data)
            return
        rows = config.selfplay.num_parallel_games * config.search.leaves_per_round
        self._evaluator = make_evaluator(
            model.data,
            device=self._device,
            precision=precision,
            threads=self._threads,
            max_batch=rows,
        )
        self._precision = precision
        self._worker.tell(
            "evaluator",
            backend=self._evaluator.backend,
            device=self._device,
            reason=self._evaluator.reason,
        )

    def _evaluate(self, batch: LeafBatch) -> Evaluation:
        assert self._evaluator is not None
        self._worker.watchdog.alive()
        fault_point("worker.before_evaluate")
        began = time.monotonic()
        evaluation = self._evaluator(batch)
        self._net_seconds += time.monotonic() - began
        return evaluation

    @contextlib.contextmanager
    def _with_model(self) -> Iterator[None]:
        """What fails while games are played names the net they were played with."""
        assert self._evaluator is not None
        assert self._model is not None
        try:
            yield
        except Exception as error:
            note = (
                f"  with model version {self._model.version}, {self._evaluator.backend} on "
                f"{self._device}"
            )
            if _is_memory(error):
                note += "; fewer selfplay.num_parallel_games take less memory"
            error.add_note(note)
            raise

    def _submit(
        self,
        games: GameRecords,
        batch: int,
        iteration: int | None = None,
        revision: int | None = None,
    ) -> None:
        config = self._config()
        assert self._model is not None
        assert self._evaluator is not None
        now = time.monotonic()
        seconds = now - self._delivered_at
        self._worker.deliver(
            games,
            batch=batch,
            model=self._model,
            search=config.selfplay.recorded(config.search),
            backend=self._evaluator.backend,
            num_positions=int(np.count_nonzero(games.ply_flags & _core.PLY_VALUE_TARGET)),
            seconds=seconds,
            host={
                "device": self._device,
                "net_share": round(min(1.0, self._net_seconds / max(seconds, 1e-9)), 3),
                "peak_memory_mib": peak_memory_mib(self._device),
            },
            iteration=iteration,
            revision=revision,
        )
        self._delivered_at, self._net_seconds = now, 0.0
        self._num_delivered += games.num_games

    def _is_time_to_look(self, pool: Pool) -> bool:
        if games := self._config().fleet.games_between_looks:
            ended = self._num_delivered + pool.num_ready
            if ended - self._looked_after < games:
                return False
            self._looked_after = ended
            return True
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + self._config().pacing.poll_seconds
        return True


def _is_memory(error: Exception) -> bool:
    """Torch has errors of its own for it, on GPUs and, by the text alone, on processors."""
    kind = type(error).__name__
    return isinstance(error, MemoryError) or kind == "OutOfMemoryError" or "allocate" in str(error)


class _Hand:
    """What this worker has of one iteration: which numbers it is to play and has begun."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self.pool: Pool | None = None
        self._begun: dict[int, int] = {}
        self._under_way: set[int] = set()
        self._waiting: list[tuple[int, int]] = []

    def update(self, share: Share, worker: str, session: str) -> bool:
        """Takes a newer revision over; True if there is something to begin.

        What was dealt to another session of this worker is not ours: the trainer will see the new
        session and deal anew. A game that is under way here is not begun a second time, even if it
        was dealt to somebody else and, when that one failed, to us again: it will be delivered.
        """
        self.share = share
        mine = share.workers.get(worker)
        ranges = mine.ranges if mine is not None and mine.session == session else ()
        waiting: dict[int, int] = {}
        for dealt in ranges:
            for number in range(dealt.first, dealt.last + 1):
                if self._begun.get(number, 0) >= dealt.revision:
                    continue
                if number in self._under_way:
                    self._begun[number] = dealt.revision
                else:
                    waiting[number] = max(waiting.get(number, 0), dealt.revision)
        self._waiting = list(waiting.items())
        return bool(self._waiting)

    def delivered(self, numbers: Iterable[int]) -> None:
        """These are no longer under way."""
        self._under_way.difference_update(numbers)

    def take(self, count: int) -> Iterator[tuple[int, int]]:
        """Begins up to `count` numbers: (first, how many) of each run."""
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        first = previous = None
        for number, revision in taken:
            self._begun[number] = revision
            self._under_way.add(number)
            if first is not None and previous is not None and number != previous + 1:
                yield first, previous + 1 - first
                first = None
            first = number if first is None else first
            previous = number
        if first is not None and previous is not None:
            yield first, previous + 1 - first
