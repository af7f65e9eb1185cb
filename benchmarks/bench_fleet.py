"""Games an hour by the number of workers: measured as far as there are cores, computed beyond.

    python -m benchmarks.bench_fleet [--run RUN] [--workers 1,2,4,8,16,64] [--seconds 20]
        [--json FILE]

A worker is a process with one search thread that plays as `zerofleet worker` does: the recipe
`ultimate_ttt`, with alpha-beta and the net of `benchmarks/data`; with --run also that run of tree
search, with its settings and its newest net. Rates are per second of processor time, which work
beside them on the same machine changes little, so a row is what so many free cores do.

Measured are as many workers at once as this host has cores. Rows of more are computed: workers
share nothing but the run directory, so their rates add, until the trainer cannot take their games
in. That part is measured too: the processor time in which it reads, replays and checks the games of
a file. Of tree search moves a second are counted, and a game has as many as those in the window of
the run.
"""

import argparse
import json
import multiprocessing
import os
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

from benchmarks.tools import NET, machine  # noqa: E402
from zerofleet import _core  # noqa: E402
from zerofleet.arena.lines import duration_text  # noqa: E402
from zerofleet.nets.evaluator import make_evaluator  # noqa: E402
from zerofleet.records import GameRecords, ShardMeta  # noqa: E402
from zerofleet.records.read import decode_shard, read_shard  # noqa: E402
from zerofleet.records.write import encode_shard  # noqa: E402
from zerofleet.replay.samples import samples_of_shard  # noqa: E402
from zerofleet.replay.shards import positions_of_shard  # noqa: E402
from zerofleet.roles.config import load_recipe, parse_config_json, resolve  # noqa: E402
from zerofleet.run.models import fetch_model  # noqa: E402
from zerofleet.run.store import DirectoryStore  # noqa: E402
from zerofleet.selfplay import Pool, run_pool  # noqa: E402

WARM_SECONDS = 3.0
THE_OLD_TABLE = 24_000
"""Games: 48 hours at 500 an hour, as users of the SSH cluster know them."""


def config_of(run: Path | None) -> Any:
    """What the workers are told."""
    if run is None:
        return resolve(load_recipe("ultimate_ttt"), None, {})
    return resolve({}, parse_config_json((run / "config.json").read_bytes()), {})


def how_played(run: Path | None) -> str:
    """Game, depth or simulations, and the net."""
    config = config_of(run)
    if run is None:
        return f"{config.game.spec}, depth {config.search.depth}, {NET.name}"
    net = f"{config.net.num_blocks} x {config.net.num_filters}"
    version = fetch_model(DirectoryStore(run)).version
    return f"{config.game.spec}, {config.search.num_simulations} simulations, {net}, v{version:04d}"


def alpha_beta(seed: int, num_games: int) -> GameRecords:
    """Games of a worker with one thread."""
    config = config_of(None)
    made = _core.generate_games(
        config.game.spec,
        _core.NnueNetwork(NET.read_bytes()),
        seed=seed,
        first_game=0,
        num_games=num_games,
        threads=1,
        **config.search.model_dump(),
        **config.selfplay.model_dump(exclude={"games_per_batch"}),
    )
    return GameRecords(**made["arrays"])


def play_alpha_beta(number: int, seconds: float, wait: Callable[[], Any]) -> tuple[int, float]:
    """Moves, and the processor time they took."""
    alpha_beta(1000 + number, 5)
    wait()
    plies, seed, started = 0, 0, time.process_time()
    while (took := time.process_time() - started) < seconds:
        plies, seed = plies + alpha_beta(10_000 * number + seed, 20).num_plies, seed + 1
    return plies, took


def play_trees(
    run: Path, number: int, seconds: float, wait: Callable[[], Any]
) -> tuple[int, float]:
    """The same by tree search with the newest net of a run."""
    config = config_of(run)
    model = fetch_model(DirectoryStore(run))
    evaluator = make_evaluator(
        model.data, device="cpu", threads=1, max_batch=config.selfplay.num_parallel_games
    )
    pool = Pool(config.game.spec, config.search, config.selfplay, seed=number, threads=1)
    pool.add_games(0, 1 << 40)

    def play_for(span: float) -> tuple[int, float]:
        before, started = pool.stats(), time.process_time()

        def is_over() -> bool:
            pool.take_games()
            return time.process_time() - started >= span

        run_pool(pool, evaluator, is_over)
        took, after = time.process_time() - started, pool.stats()
        moves = after.full_searches + after.fast_searches
        return moves - before.full_searches - before.fast_searches, took

    play_for(WARM_SECONDS)
    wait()
    return play_for(seconds)


def work(run: Path | None, number: int, seconds: float, meet: Any, out: Any) -> None:
    """One worker: warms up alone, then plays together with the others."""
    if run is None:
        out.put(play_alpha_beta(number, seconds, meet.wait))
    else:
        out.put(play_trees(run, number, seconds, meet.wait))


def moves_per_hour(run: Path | None, workers: int, seconds: float) -> float:
    """Of so many workers at once, in an hour of processor time of each."""
    context = multiprocessing.get_context("spawn")
    meet, results = context.Barrier(workers), context.Queue()
    processes = [
        context.Process(target=work, args=(run, n, seconds, meet, results), daemon=True)
        for n in range(workers)
    ]
    for process in processes:
        process.start()
    found: list[tuple[int, float]] = []
    while len(found) < workers:
        try:
            found.append(results.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode for process in processes):
                raise SystemExit("bench_fleet: a worker failed, see above") from None
    for process in processes:
        process.join()
    return sum(3600 * moves / cpu for moves, cpu in found)


@dataclass
class Game:
    """What a game is, on average, and what it costs the trainer before it learns."""

    moves: float
    positions: float
    """To learn from."""
    seconds: float
    """To read, replay and check it."""


def game_of(run: Path | None) -> Game:
    """Measures the intake, of new games or of those in the window of a run."""
    name = "v0002_w_0001.npz"
    if run is None:
        meta = ShardMeta(
            game="ultimate_ttt",
            model_version=2,
            worker_id="w",
            batch=1,
            run_seed=1,
            game_options={},
        )
        games, learn = alpha_beta(7, 200), positions_of_shard
    else:
        name = max((run / "consumed").iterdir()).name
        meta, games = read_shard(run / "consumed" / name)
        learn = samples_of_shard  # type: ignore[assignment]
    data = encode_shard(meta, games)
    repeats, started = 0, time.process_time()
    while (took := time.process_time() - started) < 1.0 or repeats < 3:
        learned: Any = learn(*decode_shard(data, name=name), name=name, validation_share=0.05)
        repeats += 1
    count = len(learned) if run is None else len(learned.samples)
    num = games.num_games
    return Game(games.num_plies / num, count / num, took / repeats / num)


def rows(rates: dict[int, float], workers: list[int]) -> Iterator[tuple[int, str, float]]:
    """For each number of workers: how it is known, and moves an hour."""
    largest = max(rates)
    for number in workers:
        if number in rates:
            yield number, "measured", rates[number]
        else:
            yield number, "computed", rates[largest] * number / largest


def table(rates: dict[int, float], game: Game, workers: list[int]) -> str:
    """As Markdown, for docs/scale.md."""
    lines = [
        "| workers | | games an hour | positions an hour | "
        f"{THE_OLD_TABLE:,} games take | intake, share of one core |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for number, how, moves in rows(rates, workers):
        games = moves / game.moves
        lines.append(
            f"| {number} | {how} | {games:,.0f} | {games * game.positions:,.0f} | "
            f"{duration_text(3600 * THE_OLD_TABLE / games)} | {games * game.seconds / 3600:.2%} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run of tree search that has games")
    parser.add_argument("--only-run", action="store_true", help="leave ultimate_ttt out")
    parser.add_argument("--workers", default="1,2,4,8,16,64")
    parser.add_argument("--seconds", type=float, default=20.0, help="of processor time, each")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    workers = [int(number) for number in args.workers.split(",")]
    here = sorted({n for n in workers if n <= len(os.sched_getaffinity(0))} | {1})
    figures: dict[str, Any] = {"machine": machine()}
    print(", ".join(f"{key} {value}" for key, value in figures["machine"].items()), end="\n\n")
    for run in ([] if args.only_run else [None]) + ([args.run] if args.run else []):
        name = how_played(run)
        rates = {n: moves_per_hour(run, n, args.seconds) for n in here}
        game = game_of(run)
        figures[name] = {"moves_per_hour": rates, "game": vars(game)}
        print(f"{name}; {game.moves:.1f} moves and {game.positions:.1f} positions a game")
        print(table(rates, game, workers), end="\n\n", flush=True)
    if args.json is not None:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
