"""Training of chess nets: two ranks of one thread against one, and samples/s of the large net.

    python -m benchmarks.distributed [--seconds 20] [--rounds 3] [--blocks 10] [--filters 128]
                                     [--batch-size 256] [--json FILE]

On processors: `scaling` is the ratio of two ranks of one thread each, whose batch is the same in
total, to one rank of one thread; both in turns, medians; needs two cores that are idle. `20x256` is
samples/s of one process with all threads at batch 64 in bfloat16. `by_cpu` counts processor time in
place of the clock's: what a machine without other work would reach, as far as memory allows.

On GPUs: for 10x128 and 20x256 in bfloat16 the samples/s at the best batch, the share of the matrix
rate measured on that device by one large product, and the loader's rate over the step's.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

import torch  # noqa: E402

from benchmarks.bench_learner import make_window  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.build import build_model  # noqa: E402
from zerofleet.nets.config import ResNetConfig  # noqa: E402
from zerofleet.replay.batches import BatchSampler  # noqa: E402
from zerofleet.training.config import PolicyValueConfig  # noqa: E402
from zerofleet.training.group import Place, RankGroup  # noqa: E402
from zerofleet.training.policy_value import PolicyValueLearner  # noqa: E402

_SMALL_GAMES = 6


def learner(
    blocks: int, filters: int, batch_size: int, group: RankGroup, *, compiled: bool
) -> tuple[PolicyValueLearner, Any]:
    """A learner and its window."""
    window = make_window("chess", _SMALL_GAMES)
    net = ResNetConfig(num_blocks=blocks, num_filters=filters)
    config = PolicyValueConfig(batch_size=batch_size, compile=compiled, compute_dtype="bfloat16")
    model = build_model(NetArchitecture.of(window.game, net), 1)
    return PolicyValueLearner(model, config, group=group), window


def steps_in(made: PolicyValueLearner, window: Any, seconds: float) -> tuple[float, float]:
    """Of steps on batches in memory, the first left out: samples/s of all ranks, and samples per
    second of processor time of all ranks together."""
    group = made.group
    sampler = BatchSampler(
        window,
        window.training_rows,
        batch_size=made.config.batch_size,
        num_batches=4,
        seed=0,
        loop=1,
        rank=group.rank,
        num_ranks=group.world_size,
    )
    batches = list(sampler)
    made.train_batch(batches[0]).tolist()
    group.sum(torch.zeros(1))
    num_steps, started, cpu = 0, time.perf_counter(), time.process_time()
    while True:
        made.train_batch(batches[num_steps % 4]).tolist()
        num_steps += 1
        is_over = torch.tensor([float(time.perf_counter() - started > seconds)])
        if group.sum(is_over).item() > 0:
            break
    samples, elapsed = num_steps * made.config.batch_size, time.perf_counter() - started
    used = group.sum(torch.tensor([time.process_time() - cpu], dtype=torch.float64)).item()
    return samples / elapsed, samples / used


def one_rank() -> None:
    """What a rank of `scaling` does; rank 0 prints its rate."""
    arguments = json.loads(os.environ["BENCH_DISTRIBUTED"])
    torch.set_num_threads(1)
    group = RankGroup.join(Place.from_environment(), device="cpu")
    made, window = learner(*arguments["net"], group, compiled=arguments["compiled"])
    rates = steps_in(made, window, arguments["seconds"])
    if group.is_main:
        print(json.dumps(rates), flush=True)
    group.close()


def rates_of(num_ranks: int, arguments: dict[str, Any]) -> tuple[float, float]:
    """`steps_in` of so many ranks of one thread."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "WORLD_SIZE": str(num_ranks),
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "BENCH_DISTRIBUTED": json.dumps(arguments),
    }
    command = [sys.executable, "-m", "benchmarks.distributed", "--one-rank"]
    ranks = [
        subprocess.Popen(command, env={**env, "RANK": str(n)}, stdout=subprocess.PIPE, text=True)
        for n in range(num_ranks)
    ]
    said = [rank.communicate()[0] for rank in ranks]
    by_clock, by_cpu = json.loads(said[0])
    return by_clock, by_cpu


def scaling(args: argparse.Namespace) -> dict[str, float]:
    """Two ranks against one, in turns."""
    arguments = {
        "net": (args.blocks, args.filters, args.batch_size),
        "seconds": args.seconds,
        "compiled": args.compiled,
    }
    rates: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(args.rounds):
        for num_ranks in rates:
            rates[num_ranks].append(rates_of(num_ranks, arguments))
    pairs = list(zip(rates[1], rates[2], strict=True))
    return {
        "one_rank": statistics.median(one for one, _ in rates[1]),
        "two_ranks": statistics.median(two for two, _ in rates[2]),
        "ratio": statistics.median(two[0] / one[0] for one, two in pairs),
        "ratio_by_cpu": statistics.median(2 * two[1] / one[1] for one, two in pairs),
    }


def flops_of_sample(model: torch.nn.Module) -> float:
    """Multiplications and additions of forward and backward pass, of layers with matrices."""
    cells, total = 64, 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            total += 2 * module.weight.numel() * cells
        elif isinstance(module, torch.nn.Linear):
            total += 2 * module.weight.numel()
    return 3 * total


def on_gpu(seconds: float) -> list[dict[str, float | str]]:
    """Samples/s and use of the matrix units, of both nets at their best batch."""
    size = 8192
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
    peak = 20 * 2 * size**3 / (time.perf_counter() - started)
    rows: list[dict[str, float | str]] = []
    for blocks, filters in ((10, 128), (20, 256)):
        best: dict[str, float | str] = {"samples_per_second": 0.0}
        for batch_size in (512, 1024, 2048, 4096):
            made, window = learner(
                blocks, filters, batch_size, RankGroup.alone("cuda"), compiled=True
            )
            rate, _ = steps_in(made, window, seconds)
            loop = made.train_loop(window, 2, num_steps=50, validate=False)
            if rate > float(best["samples_per_second"]):
                best = {
                    "net": f"{blocks}x{filters}",
                    "batch_size": batch_size,
                    "samples_per_second": rate,
                    "share_of_matrix_rate": rate * flops_of_sample(made.model) / peak,
                    "loop_over_step": loop.samples_per_second / rate,
                }
        rows.append(best)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--filters", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument(
        "--compiled", action="store_true", help="torch.compile, which takes a while"
    )
    parser.add_argument("--only", choices=["scaling", "large"], help="one of the two")
    parser.add_argument("--one-rank", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    if args.one_rank:
        one_rank()
        return
    result: dict[str, Any] = {}
    if torch.cuda.is_available():
        result["gpu"] = on_gpu(args.seconds)
    if args.only != "large":
        result["scaling"] = scaling(args)
    if args.only != "scaling":
        made, window = learner(20, 256, 64, RankGroup.alone("cpu"), compiled=args.compiled)
        by_clock, by_cpu = steps_in(made, window, args.seconds)
        threads = torch.get_num_threads()
        result["20x256_batch_64"] = {"by_clock": by_clock, "by_cpu": by_cpu * threads}
    print(json.dumps(result, indent=2))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
