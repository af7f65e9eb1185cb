"""Typed handle of the pool: many games of tree search at once, in one batch (docs/self_play.md)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from zerofleet import _core
from zerofleet.games.evaluation import Evaluation, LeafBatch
from zerofleet.games.registry import load_game
from zerofleet.records.shard import GameRecords
from zerofleet.search.config import MctsConfig
from zerofleet.selfplay.config import PlayConfig


@dataclass(frozen=True)
class PoolStats:
    """What a pool has done so far. Facts about games are those of games taken out."""

    rounds: int
    """Batches handed out."""
    rows: int
    """Positions in them: evaluations of the net."""
    simulations: int
    """Descents whose values are backed up."""
    full_searches: int
    fast_searches: int
    """Searches of playout-cap randomisation without a policy target."""
    cut_searches: int
    """Searches of both kinds that ended early, their tree having reached `max_tree_kib`."""
    cache_lookups: int
    cache_hits: int
    games: int
    plies: int
    """Chance outcomes included."""
    wins: tuple[int, int]
    """Of either player; games of two players."""
    draws: int
    sum_returns: float
    """Of player 0; in games of one player the sum of scores."""
    terminations: tuple[int, ...]
    """Games by why they ended: played to the end, adjudicated (none), resigned, length bound."""
    played_on: int
    """Games that a player was to resign and that were played to their end to see."""
    false_resignations: int
    """Those of them which that player did not lose."""
    policies: int
    """Policy targets."""
    dropped_mass: float
    """Sum over them of the probability left out with entries below 1/1024 of the largest."""
    worst_dropped_mass: float
    """The largest of one target."""

    @property
    def false_resignation_rate(self) -> float:
        """Share of resignations that were a mistake, as measured; NaN without a measurement."""
        return self.false_resignations / self.played_on if self.played_on else float("nan")


@dataclass(frozen=True)
class PoolMemory:
    """Bytes a pool holds."""

    nodes: int
    """Search trees, memory waiting for reuse included. It grows to its peak and stays."""
    games: int
    """States, and games as they are written down."""
    rows: int
    """Batches."""
    cache: int
    """The evaluation cache, all of it from the start."""
    finished: int
    """Games that wait to be taken out."""
    nodes_limit: int
    """What `nodes` cannot exceed, whatever is played."""

    @property
    def total(self) -> int:
        """All of it now."""
        return self.nodes + self.games + self.rows + self.cache + self.finished


class Pool:
    """Plays games, all of them at once, with C++ threads; evaluations come from outside.

        pool = Pool("connect_four", MctsConfig(num_simulations=100), seed=1, threads=2)
        pool.add_games(0, 1000)
        while not pool.done:
            batch = pool.collect()
            if len(batch):
                pool.receive(0, evaluator(batch))
        games = pool.take_games()

    A game is a function of the seed, its number, the configs and the evaluations, and games come
    out in the order in which their numbers were added. Threads, halves, cache and the number of
    games at once change the time this takes and nothing else.
    """

    def __init__(
        self,
        game: Any,
        search: MctsConfig | None = None,
        play: PlayConfig | None = None,
        *,
        seed: int = 0,
        threads: int = 1,
        halves: int = 1,
    ) -> None:
        """Makes a pool that has no games to play yet.

        Args:
          game: a game as `load_game` returns it, or its name.
          seed: 0 .. 2**64 - 1: derived from the run's seed and the iteration, or, where workers
            number their games themselves, from the run's seed and the worker's id.
          threads: of the core; the caller is one of them.
          halves: 2: one half searches while the rows of the other are evaluated (`run_pool`).
        Raises: ValueError for settings out of range.
        """
        self.game = load_game(game) if isinstance(game, str) else game
        self.search = search or MctsConfig()
        self.play = play or PlayConfig()
        self.halves = min(halves, self.play.num_parallel_games)
        self._core = _core.Pool(
            self.game,
            self.search.model_dump(),
            self.play.core_options(),
            seed=seed,
            num_games=self.play.num_parallel_games,
            num_halves=halves,
            threads=threads,
            cache_mib=self.search.cache_mib,
        )

    def add_games(self, first: int, count: int) -> None:
        """Appends the numbers first .. first + count - 1 to those to be played."""
        self._core.add_games(first, count)

    def collect(self, half: int = 0) -> LeafBatch:
        """Searches until every game of the half awaits evaluations; the GIL is released.

        Returns: the rows; none of them means: go on with the next call. The arrays belong to the
          caller; letting go of them before the half's next `collect` saves memory.
        Raises: RuntimeError if the evaluations received before were no probabilities or values.
        """
        return LeafBatch(*self._core.collect(half))

    def receive(self, half: int, evaluation: Evaluation) -> None:
        """Takes the evaluations of the rows of the half's last `collect`; copies them.

        Raises: ValueError if they are not as many as the rows and their legal actions.
        """
        self._core.receive(
            half,
            np.ascontiguousarray(evaluation.prior, np.float32),
            np.ascontiguousarray(evaluation.value, np.float32),
        )

    @property
    def done(self) -> bool:
        """All games added so far are finished, taken out or not."""
        return bool(self._core.done)

    @property
    def num_ready(self) -> int:
        """Games that `take_games` would return now."""
        return int(self._core.num_ready)

    @property
    def num_under_way(self) -> int:
        """Games that have begun and are not finished."""
        return int(self._core.num_under_way)

    def take_games(self, limit: int | None = None, *, gaps: bool = False) -> GameRecords:
        """Moves finished games out, in the order in which their numbers were added.

        Args:
          limit: at most so many.
          gaps: a game waits for all before it, so that what comes out depends on no clock; True:
            all that are finished, for a pool that is stopped.
        """
        most = (1 << 62) if limit is None else limit
        return GameRecords(**self._core.take_games(limit=most, gaps=gaps))

    def set_model_version(self, version: int) -> None:
        """Evaluations from now on are those of another net: the cache uses none from before."""
        self._core.set_model_version(version)

    def stats(self) -> PoolStats:
        """What was done so far."""
        return PoolStats(**self._core.stats())

    def memory(self) -> PoolMemory:
        """What is held now."""
        return PoolMemory(**self._core.memory())
