"""Memory of a self-play pool over time: resident size and what the pool itself reports.

    python -m benchmarks.pool_memory --game connect_four,go --seconds 600 [--save FILE.json]

1,000 games at once, 200 simulations a move, all searches full, random priors and values (trees as
deep as with a trained net), finished games taken out every round. The growth is that of the last
half of the run: what must be below 2 % or 20 MB.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from zerofleet.games.evaluation import random_evaluator
from zerofleet.games.registry import game_names
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, Pool

MIB = 2**20


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(
    name: str,
    seconds: float,
    *,
    games: int = 1000,
    simulations: int = 200,
    cache_mib: int = 64,
    threads: int = 1,
    samples: int = 60,
) -> dict[str, Any]:
    """Plays for so long; returns the series of (seconds, resident bytes) and the figures of it."""
    search = MctsConfig(
        num_simulations=simulations, full_search_probability=1.0, cache_mib=cache_mib
    )
    play = PlayConfig(num_parallel_games=games)
    before = resident_bytes()
    pool = Pool(name, search, play, threads=threads)
    pool.add_games(0, 1 << 40)
    started = time.monotonic()
    series: list[tuple[float, int]] = []
    # Trees grow and go in step with the moves: what counts is the most that the pool ever held.
    memory = pool.memory()
    while (now := time.monotonic() - started) < seconds:
        if now >= len(series) * seconds / samples:
            series.append((round(now, 2), resident_bytes()))
        batch = pool.collect()
        if len(batch):
            pool.receive(0, random_evaluator(batch))
        memory = max(memory, pool.memory(), key=lambda m: m.total)
        pool.take_games()
    stats = pool.stats()
    rss = [size for _, size in series]
    quarter = len(rss) // 4
    third, last = rss[2 * quarter : 3 * quarter], rss[3 * quarter :]
    return {
        "game": pool.game.spec,
        "games": games,
        "simulations": simulations,
        "seconds": seconds,
        "processor_seconds": round(time.process_time(), 1),
        "finished_games": stats.games,
        "num_simulations": stats.simulations,
        "cut_searches": stats.cut_searches,
        "resident_before": before,
        "resident_peak": max(rss),
        "last_half_growth": statistics.median(last) - statistics.median(third),
        "nodes": memory.nodes,
        "nodes_limit": memory.nodes_limit,
        "pool": memory.total,
        "cache": memory.cache,
        "series": series,
    }


def line(found: dict[str, Any]) -> str:
    growth = found["last_half_growth"]
    return (
        f"{found['game']:16} {found['finished_games']:8,} games  pool {found['pool'] / MIB:7.1f}  "
        f"nodes {found['nodes'] / MIB:7.1f} of at most {found['nodes_limit'] / MIB:8.1f}  "
        f"resident {found['resident_peak'] / MIB:7.1f}  last half {growth / MIB:+6.2f} MiB "
        f"({growth / found['resident_peak']:+.2%})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default=",".join(game_names()))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    found = []
    for name in args.game.split(","):
        # A process of its own: what one game has freed is not there for the next.
        target = Path(tempfile.gettempdir()) / f"pool_memory_{os.getpid()}_{name}.json"
        child = os.fork()
        if child == 0:
            target.write_text(json.dumps(measure(name, args.seconds, threads=args.threads)))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            raise SystemExit(f"{name}: the measurement failed")
        found.append(json.loads(target.read_text()))
        target.unlink()
        print(line(found[-1]), flush=True)
    if args.save is not None:
        args.save.parent.mkdir(parents=True, exist_ok=True)
        args.save.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
