"""Plays games of tree search: the loop between a pool and what evaluates its positions."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from zerofleet.games.evaluation import Evaluation, Evaluator, LeafBatch, uniform_evaluator
from zerofleet.records.shard import GameRecords
from zerofleet.search.config import MctsConfig
from zerofleet.selfplay.config import PlayConfig
from zerofleet.selfplay.pool import Pool


def play_games(
    game: Any,
    num_games: int,
    search: MctsConfig | None = None,
    evaluator: Evaluator = uniform_evaluator,
    *,
    seed: int = 0,
    threads: int = 1,
    play: PlayConfig | None = None,
    first_game: int = 0,
    overlap: bool = False,
) -> GameRecords:
    """Plays games `first_game` .. `first_game + num_games - 1` and returns their records.

    Args:
      game: a game as `load_game` returns it, or its name; a game written in Python too.
      evaluator: called with batches of leaves; a pure function of each row.
      seed, threads: as in `Pool`.
      overlap: the evaluator runs in a thread of its own while the other half of the games is
        searched: for evaluators that wait for a device and release the GIL meanwhile.
    Returns: games in order of their number. They do not depend on threads, on overlap or on
      `play.num_parallel_games`.
    Raises: what the evaluator raises; RuntimeError if it returns no probabilities and values.
    """
    play = play or PlayConfig()
    parallel = max(1, min(play.num_parallel_games, num_games))
    play = play.model_copy(update={"num_parallel_games": parallel})
    pool = Pool(game, search, play, seed=seed, threads=threads, halves=2 if overlap else 1)
    pool.add_games(first_game, num_games)
    run_pool(pool, evaluator)
    return pool.take_games()


def run_pool(
    pool: Pool, evaluator: Evaluator, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Plays until all games of the pool are finished.

    With two halves the evaluator runs in a thread of its own, one call at a time.

    Args:
      should_stop: asked once a round; True: returns with games under way. Also the place to take
        finished games out of the pool and to add more.
    """
    if pool.halves == 1:
        while not (pool.done or should_stop()):
            batch = pool.collect(0)
            if len(batch):
                pool.receive(0, evaluator(batch))
            del batch  # so that the pool writes the next one to the same memory
        return
    with ThreadPoolExecutor(1, thread_name_prefix="evaluator") as device:
        _run_halves(pool, lambda batch: device.submit(evaluator, batch), should_stop)


def _run_halves(
    pool: Pool,
    submit: Callable[[LeafBatch], "Future[Evaluation]"],
    should_stop: Callable[[], bool],
) -> None:
    # A half whose last round had no rows has no evaluation to wait for.
    waiting: list[Future[Evaluation] | None] = [None, None]
    half = 0
    try:
        while not (pool.done or should_stop()):
            if (found := waiting[half]) is not None:
                pool.receive(half, found.result())
                waiting[half] = None
            batch = pool.collect(half)
            if len(batch):
                waiting[half] = submit(batch)
            half = 1 - half
    finally:
        for half, found in enumerate(waiting):
            if found is not None and found.exception() is None:  # waits: the pool can go on later
                pool.receive(half, found.result())
