"""`zerofleet selfplay`: games without a trainer, by a net or without one, counted and written."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.cli.options import Depth, NumThreads, Simulations
from zerofleet.fleet.devices import usable_cores
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.cli.selfplay_shards import ShardFolder
    from zerofleet.roles.standalone import AlphaBetaSetup, TreeSetup
    from zerofleet.selfplay import Pool

_PROGRESS_SECONDS = 2.0


def selfplay(
    game: str,
    /,
    *,
    games: Annotated[
        int,
        Parameter(name=["--games", "--num-games"], validator=Number(gte=1, lte=1_000_000_000)),
    ] = 100,
    simulations: Simulations = None,
    selection: Literal["gumbel", "puct", "none"] | None = None,
    evaluator: Literal["uniform", "random"] | None = None,
    depth: Depth | None = None,
    device: str = "auto",
    out: Path | None = None,
    seed: Annotated[int, Parameter(validator=Number(gte=0, lt=1 << 64))] = 0,
    threads: NumThreads | None = None,
) -> None:
    """Play games of a game against itself, and print what came out; no trainer takes part.

    With a run or a model its net plays, with the settings of that run's self-play. With a game no
    net does: the search finds what the rules alone decide. Good for a look at a game, one of your
    own too, before anything is trained, for measuring speed, and for more games of a net you have.

    Examples:

        zerofleet selfplay connect_four --games 200 --simulations 100
        zerofleet selfplay "go(size=7)" --games 50 --out games/
        zerofleet selfplay shipped:connect_four --games 100
        zerofleet selfplay runs/twenty48@0007 --games 1000 --out games/
        zerofleet selfplay runs/go9/model/versions/0040.safetensors --games 100

    Parameters
    ----------
    game
        A run (RUN, RUN@latest, RUN@0007), a model file (.safetensors, .nnue), a net that comes with
        the package (shipped:connect_four, shipped:ultimate_ttt), or the name of a game with its
        options, or FILE.py:CLASS of your own (docs/your-own-game.md).
    games
        Games to play.
    simulations
        Simulations of each move of tree search (default: the run's; 200, every move searched in
        full, without a run).
    selection
        Rule of tree search (docs/tree_search.md; default: the run's, or gumbel).
    evaluator
        Instead of a net: uniform, equal priors and value 0, the default for a game; random, priors
        and values drawn from each position, so that trees are as deep as with a net.
    depth
        Depth of alpha-beta (default: the run's, or 8).
    device
        Where a net of tree search is evaluated: auto (a GPU if there is one), cpu, cuda or cuda:N.
        Games without a net and alpha-beta need the processor alone.
    out
        Folder for shards of the games (docs/formats.md); made if absent.
    seed
        The same seed gives the same games, on any number of threads.
    threads
        Threads of the search; all cores by default.
    """
    from zerofleet.cli.selfplay_shards import ShardFolder
    from zerofleet.roles.standalone import StandaloneOptions, TreeSetup, find_setup

    options = StandaloneOptions(
        games, threads or usable_cores(), simulations, selection, evaluator, depth, device
    )
    setup = find_setup(game, options)
    print(f"plays        {setup.name}", flush=True)
    folder = ShardFolder(out, setup, seed)
    if isinstance(setup, TreeSetup):
        _play_trees(setup, options.num_games, options.threads, seed, folder)
    else:
        _play_alphabeta(setup, options.num_games, options.threads, seed, folder)


def _play_trees(
    setup: "TreeSetup", games: int, threads: int, seed: int, folder: "ShardFolder"
) -> None:
    from zerofleet.roles.config import ConfigError
    from zerofleet.selfplay import Pool, run_pool

    halves = 1 if setup.device == "cpu" else 2
    try:
        pool = Pool(setup.game, setup.search, setup.play, seed=seed, threads=threads, halves=halves)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    pool.add_games(0, games)
    started = told = time.monotonic()

    def tell() -> bool:
        nonlocal told
        while pool.num_ready >= folder.games_per_shard:
            folder.add(pool.take_games(folder.games_per_shard))
        now = time.monotonic()
        if now - told >= _PROGRESS_SECONDS:
            told = now
            rate = pool.stats().simulations / (now - started)
            done = folder.num_games + pool.num_ready
            of = counted(games, "game")
            print(f"{done:,} of {of}, {rate:,.0f} simulations/s", flush=True)
        return False

    try:
        run_pool(pool, setup.evaluator, tell)
    finally:  # Ctrl-C too: what is finished is written
        folder.add(pool.take_games(gaps=True))
    seconds = time.monotonic() - started
    print("\n".join([*folder.report(), *_tree_lines(pool, seconds, threads)]))


def _play_alphabeta(
    setup: "AlphaBetaSetup", games: int, threads: int, seed: int, folder: "ShardFolder"
) -> None:
    from zerofleet.selfplay.alphabeta_actor import AlphaBetaActor

    actor = AlphaBetaActor(setup.game.spec, setup.model.data)
    nodes, seconds = 0, 0.0

    def tell(before: int, done: int, _quiet: int, took: float) -> None:
        of = counted(games, "game")
        print(f"{before + done:,} of {of}, {done / took:,.1f} a second", flush=True)

    for first in range(0, games, folder.games_per_shard):
        played = actor.play(
            search=setup.search,
            selfplay=setup.play,
            seed=seed,
            first_game=first,
            num_games=min(folder.games_per_shard, games - first),
            threads=threads,
            should_stop=lambda: False,
            on_progress=partial(tell, first),
        )
        folder.add(played.games)
        nodes, seconds = nodes + played.nodes, seconds + played.seconds
    print("\n".join(folder.report()))
    print(
        f"positions    {nodes:,} searched in {seconds:.1f} s on {counted(threads, 'thread')}: "
        f"{nodes / max(1e-9, seconds):,.0f} a second"
    )


def _tree_lines(pool: "Pool", seconds: float, threads: int) -> list[str]:
    """What the search did, for a person."""
    stats, memory = pool.stats(), pool.memory()
    searches = counted(stats.cut_searches, "search", "searches")
    cut = f"; {searches} cut short by it" if stats.cut_searches else ""
    return [
        f"simulations  {stats.simulations:,} in {seconds:.1f} s on {counted(threads, 'thread')}: "
        f"{stats.simulations / seconds:,.0f} a second",
        f"evaluations  {stats.rows:,} in batches of {stats.rows / max(1, stats.rounds):.0f}; "
        f"{_share(stats.cache_hits, stats.cache_lookups)} answered by the cache",
        f"memory       {memory.total / 2**20:,.0f} MiB, of which cache "
        f"{memory.cache / 2**20:,.0f}, trees {memory.nodes / 2**20:,.0f} "
        f"of at most {memory.nodes_limit / 2**20:,.0f}{cut}",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "none"
