"""Evaluations per second of the bare net: every backend, on positions of real self-play.

    python -m benchmarks.bench_evaluator [--nets go,chess] [--batches 64,256,1024] [--rounds 3]
        [--backends openvino-bf16,torch-bf16] [--seconds 1] [--threads N] [--json FILE]

An evaluation is a row in, priors and value out: bits, padding and softmax included. The variants
take turns, so that a busy machine slows all alike; medians. Positions come from games searched with
random priors: on inputs of zeros the rates are up to a fifth higher.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

from zerofleet.games import load_game  # noqa: E402
from zerofleet.games.evaluation import LeafBatch, random_evaluator  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.backend import BackendError  # noqa: E402
from zerofleet.nets.build import build_model  # noqa: E402
from zerofleet.nets.config import ResNetConfig  # noqa: E402
from zerofleet.nets.evaluator import NetEvaluator, make_evaluator  # noqa: E402
from zerofleet.nets.model_file import model_to_safetensors  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool  # noqa: E402

PLAIN: dict[str, Any] = {"squeeze_excitation": False, "global_pooling_every": 0}
NETS = {
    "go": ("go(size=9)", ResNetConfig(num_blocks=6, num_filters=64, **PLAIN)),
    "go-pooled": ("go(size=9)", ResNetConfig(num_blocks=6, num_filters=64)),
    "go-se": ("go(size=9)", ResNetConfig(num_blocks=6, num_filters=64, squeeze_excitation=True)),
    "chess": ("chess", ResNetConfig(num_blocks=10, num_filters=128, **PLAIN)),
    "go7": ("go(size=7)", ResNetConfig(num_blocks=8, num_filters=128, **PLAIN)),
    "2048": ("twenty48", ResNetConfig(num_blocks=10, num_filters=128, **PLAIN)),
    "2048-small": ("twenty48", ResNetConfig(num_blocks=2, num_filters=32, **PLAIN)),
}
"""Nets without pooling, whose rates others publish, one with the defaults and one with all."""


def model_bytes(name: str) -> bytes:
    """A new net of this name."""
    game, config = NETS[name]
    return model_to_safetensors(build_model(NetArchitecture.of(load_game(game), config), seed=1))


def real_batches(game: str, rows: int, count: int = 4) -> list[LeafBatch]:
    """Full batches of leaves, some moves into games."""
    search = MctsConfig(num_simulations=8, full_search_probability=1, cache_mib=0)
    pool = Pool(game, search, PlayConfig(num_parallel_games=rows, temperature=1), seed=1)
    pool.add_games(0, 100 * rows)
    found: list[LeafBatch] = []
    for number in range(60 + 11 * count):
        batch = pool.collect()
        if number >= 60 and number % 11 == 0 and len(batch) == rows:
            found.append(batch)
        pool.receive(0, random_evaluator(batch))
    return found


def rate(evaluator: NetEvaluator, batches: list[LeafBatch], seconds: float) -> float:
    """Rows a second over at least so long."""
    evaluator(batches[0])
    rows, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        for batch in batches:
            evaluator(batch)
            rows += len(batch)
    return rows / passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="go,chess")
    parser.add_argument("--batches", default="64,256,1024")
    parser.add_argument("--backends", default="openvino-bf16,torch-bf16,openvino-f32,torch-f32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    variants: dict[tuple[str, str, int], tuple[NetEvaluator, list[LeafBatch]]] = {}
    for net in args.nets.split(","):
        data = model_bytes(net)
        for rows in map(int, args.batches.split(",")):
            batches = real_batches(NETS[net][0], rows)
            for backend in args.backends.split(","):
                try:
                    evaluator = make_evaluator(
                        data, backend=backend, threads=args.threads, max_batch=rows
                    )
                except BackendError as error:
                    print(f"{backend}: {error}")
                    continue
                variants[net, backend, rows] = evaluator, batches
    rates: dict[tuple[str, str, int], list[float]] = {key: [] for key in variants}
    for _ in range(args.rounds):
        for key, (evaluator, batches) in variants.items():
            rates[key].append(rate(evaluator, batches, args.seconds))
    print(f"evaluations/s, {args.threads} threads, median of {args.rounds}; in brackets: relative")
    print("to the fastest backend of the same net and batch")
    table = []
    for key, values in rates.items():
        net, backend, rows = key
        median = statistics.median(values)
        best = max(statistics.median(v) for k, v in rates.items() if (k[0], k[2]) == (net, rows))
        print(f"{net:10} batch {rows:5} {backend:20} {median:10,.0f}  ({median / best:.2f})")
        table.append({"net": net, "backend": backend, "batch": rows, "rate": median})
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
