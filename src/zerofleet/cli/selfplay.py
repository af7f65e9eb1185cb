"""`zerofleet selfplay`: games of tree search without a trainer, counted and written down."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.cli.options import NumThreads
from zerofleet.roles.config import ConfigError

if TYPE_CHECKING:
    from zerofleet.records.shard import GameRecords
    from zerofleet.search.config import MctsConfig
    from zerofleet.selfplay import PlayConfig, Pool

_PROGRESS_SECONDS = 2.0
_WORKER = "selfplay"


def selfplay(
    game: str,
    /,
    *,
    games: Annotated[
        int,
        Parameter(name=["--games", "--num-games"], validator=Number(gte=1, lte=1_000_000_000)),
    ] = 100,
    simulations: Annotated[
        int,
        Parameter(
            name=["--simulations", "--num-simulations"], validator=Number(gte=1, lte=10_000_000)
        ),
    ] = 200,
    selection: Literal["gumbel", "puct"] = "gumbel",
    evaluator: Literal["uniform", "random"] = "uniform",
    out: Path | None = None,
    seed: Annotated[int, Parameter(validator=Number(gte=0, lt=1 << 64))] = 0,
    threads: NumThreads | None = None,
) -> None:
    """Play games of a game against itself with tree search, and print what came out.

    No net takes part: the search finds what the rules alone decide. Good for a look at a game, one
    of your own too, before anything is trained, and for measuring speed.

    Examples:

        zerofleet selfplay connect_four --games 200 --simulations 100
        zerofleet selfplay "go(size=7)" --games 50 --out games/

    Parameters
    ----------
    game
        Name of a game with its options, or FILE.py:CLASS of your own (docs/your-own-game.md).
    games
        Games to play.
    simulations
        Simulations of each move; every move is searched in full.
    selection
        Rule of the search (docs/tree_search.md).
    evaluator
        uniform: equal priors and value 0. random: priors and values drawn from each position, so
        that trees are as deep as with a net.
    out
        Folder for a shard of the games (docs/formats.md); made if absent.
    seed
        The same seed gives the same games, on any number of threads.
    threads
        Threads of the search; all cores by default.
    """
    from zerofleet.games.evaluation import random_evaluator, uniform_evaluator
    from zerofleet.search.config import MctsConfig
    from zerofleet.selfplay import PlayConfig, Pool, run_pool

    search = MctsConfig(
        num_simulations=simulations, selection=selection, full_search_probability=1.0
    )
    play = PlayConfig(num_parallel_games=min(games, 1024))
    threads = threads or os.cpu_count() or 1
    try:
        pool = Pool(game, search, play, seed=seed, threads=threads)
    except (ValueError, OSError, ImportError) as error:
        raise ConfigError(str(error)) from None
    pool.add_games(0, games)
    evaluate = uniform_evaluator if evaluator == "uniform" else random_evaluator
    started = told = time.monotonic()

    def tell() -> bool:
        nonlocal told
        now = time.monotonic()
        if now - told >= _PROGRESS_SECONDS:
            told = now
            rate = pool.stats().simulations / (now - started)
            print(f"{pool.num_ready} of {games} games, {rate:,.0f} simulations/s", flush=True)
        return False

    run_pool(pool, evaluate, tell)
    seconds = time.monotonic() - started
    records = pool.take_games()
    print("\n".join(_report(pool, records, seconds, threads)))
    if out is not None:
        _write(out, pool, records, search, play, evaluator, seed)


def _report(pool: "Pool", games: "GameRecords", seconds: float, threads: int) -> list[str]:
    """Lines for a person."""
    import numpy as np

    stats, memory = pool.stats(), pool.memory()
    plies = np.diff(games.game_start)
    if games.returns.shape[1] == 2:
        results = (
            f"first player won {stats.wins[0]}, second player {stats.wins[1]}, draws {stats.draws}"
        )
    else:
        scores = games.returns[:, 0]
        results = f"score {scores.mean():,.1f} on average, {scores.min():,g} to {scores.max():,g}"
    names = ("played to the end", "adjudicated", "resigned", "ended for their length")
    ends = [f"{n} {name}" for n, name in zip(stats.terminations, names, strict=True) if n]
    cut = f"; {stats.cut_searches} searches cut short by it" if stats.cut_searches else ""
    return [
        f"{stats.games} games of {pool.game.spec}: {', '.join(ends)}",
        f"results      {results}",
        f"plies        {plies.mean():.1f} on average, {plies.min()} to {plies.max()}",
        f"simulations  {stats.simulations:,} in {seconds:.1f} s on {threads} threads: "
        f"{stats.simulations / seconds:,.0f} a second",
        f"evaluations  {stats.rows:,} in batches of {stats.rows / max(1, stats.rounds):.0f}; "
        f"{_share(stats.cache_hits, stats.cache_lookups)} answered by the cache",
        f"memory       {memory.total / 2**20:,.0f} MiB, of which cache "
        f"{memory.cache / 2**20:,.0f}, trees {memory.nodes / 2**20:,.0f} "
        f"of at most {memory.nodes_limit / 2**20:,.0f}{cut}",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "none"


def _write(
    folder: Path,
    pool: "Pool",
    games: "GameRecords",
    search: "MctsConfig",
    play: "PlayConfig",
    evaluator: str,
    seed: int,
) -> None:
    """Writes the next free shard of the folder, after every move was replayed."""
    from zerofleet.records.shard import ShardMeta, recorded_name
    from zerofleet.records.validate import validate
    from zerofleet.records.write import encode_shard
    from zerofleet.run.atomic import write_exclusive
    from zerofleet.run.layout import shard_name
    from zerofleet.run.software import software_version

    folder.mkdir(parents=True, exist_ok=True)
    meta = ShardMeta(
        game=recorded_name(pool.game),
        game_options=dict(pool.game.options),
        model_version=1,
        worker_id=_WORKER,
        batch=1,
        run_seed=seed,
        search={"search": search.model_dump(), "play": play.core_options()},
        evaluator_backend=evaluator,
        software_version=software_version(),
    )
    validate(meta, games, name="the games", game=pool.game)
    while True:
        name = shard_name(meta.model_version, meta.worker_id, meta.batch)
        data = encode_shard(meta, games)
        if write_exclusive(folder / name, data):
            break
        meta = meta.model_copy(update={"batch": meta.batch + 1})
    print(f"wrote        {folder / name} ({len(data):,} bytes)")
