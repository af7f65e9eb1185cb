"""Self-play of several workers on one host: by their number, and by the games each has at once.

    python -m benchmarks.bench_workers [--net go] [--workers 1,2] [--batches 64,256,1024]
        [--seconds 5] [--simulations 100] [--device cpu] [--json FILE]

The workers of a line are processes that play at the same time, as those of `zerofleet train` do:
the cores are shared evenly among their threads, on a GPU all use the same one. A batch is
`selfplay.num_parallel_games`; each worker has so many games under way. `by CPU` is the rate per
second of processor time of all of them together: on a machine that is shared the clock says little.
"""

import argparse
import json
import multiprocessing
import os
import queue
import time
from pathlib import Path
from typing import Any

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

from benchmarks.bench_evaluator import NETS, model_bytes  # noqa: E402
from zerofleet.nets.evaluator import make_evaluator  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool, run_pool  # noqa: E402

WARM_SECONDS = 3.0
"""Away from the start of the games, where many positions are alike."""


def play(number: int, args: argparse.Namespace, batch: int, together: Any, results: Any) -> None:
    """One worker: warms up, waits for the others, plays for the time given."""
    threads = share_of_cores(number, args.num_workers)
    pool = Pool(
        NETS[args.net][0],
        MctsConfig(num_simulations=args.simulations, full_search_probability=1),
        PlayConfig(num_parallel_games=batch),
        seed=number,
        threads=threads,
        halves=1 if args.device == "cpu" else 2,
    )
    pool.add_games(0, 1 << 40)
    evaluator = make_evaluator(
        model_bytes(args.net), device=args.device, threads=threads, max_batch=batch
    )

    def play_for(seconds: float) -> tuple[int, int, float, float]:
        """Evaluations, simulations, seconds of the clock and of the processor."""
        before, started, cpu = pool.stats(), time.perf_counter(), time.process_time()

        def is_over() -> bool:
            pool.take_games()
            return time.perf_counter() - started >= seconds

        run_pool(pool, evaluator, is_over)
        after = pool.stats()
        return (
            after.rows - before.rows,
            after.simulations - before.simulations,
            time.perf_counter() - started,
            time.process_time() - cpu,
        )

    play_for(WARM_SECONDS)
    together.wait()
    results.put((evaluator.backend, *play_for(args.seconds)))


def share_of_cores(number: int, num_workers: int) -> int:
    """Threads of one worker; the first ones get what is left over."""
    cores = len(os.sched_getaffinity(0))
    return max(1, cores // num_workers + (number < cores % num_workers))


def measure(args: argparse.Namespace, num_workers: int, batch: int) -> dict[str, Any]:
    """Rates of all workers together."""
    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(num_workers), context.Queue()
    args.num_workers = num_workers
    workers = [
        context.Process(target=play, args=(number, args, batch, together, results), daemon=True)
        for number in range(num_workers)
    ]
    for worker in workers:
        worker.start()
    found = []
    while len(found) < num_workers:
        try:
            found.append(results.get(timeout=1))
        except queue.Empty:
            if any(worker.exitcode for worker in workers):  # the others wait for it in vain
                raise SystemExit("bench_workers: a worker failed, see above") from None
    for worker in workers:
        worker.join()
    cpu = sum(f[4] for f in found)
    return {
        "net": args.net,
        "backend": found[0][0],
        "device": args.device,
        "workers": num_workers,
        "threads": share_of_cores(0, num_workers),
        "batch": batch,
        "evaluations": sum(f[1] / f[3] for f in found),
        "simulations": sum(f[2] / f[3] for f in found),
        "evaluations by CPU": sum(f[1] for f in found) / cpu,
        "simulations by CPU": sum(f[2] for f in found) / cpu,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default="go", choices=NETS)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--batches", default="64,256,1024")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--simulations", type=int, default=100)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    columns = f"{'workers':>7} {'batch':>6} {'evaluations/s':>14} {'simulations/s':>14}"
    table = []
    for num_workers in map(int, args.workers.split(",")):
        for batch in map(int, args.batches.split(",")):
            line = measure(args, num_workers, batch)
            if not table:
                print(f"{args.net}: {line['backend']}, {args.simulations} simulations, Gumbel")
                print(f"{columns} {'by CPU':>8} {'by CPU':>9}", flush=True)
            table.append(line)
            print(
                f"{num_workers:>7} {batch:>6} {line['evaluations']:>14,.0f} "
                f"{line['simulations']:>14,.0f} {line['evaluations by CPU']:>8,.0f} "
                f"{line['simulations by CPU']:>9,.0f}",
                flush=True,
            )
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
