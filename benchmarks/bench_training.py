"""Positions per second of NNUE training, fake quantisation on: compiled or not, bf16 or fp32.

    python -m benchmarks.bench_training [--seconds 4] [--rounds 3] [--threads N] [--json FILE]

`step` is the training step on batches already in memory; `loader` includes drawing, symmetries and
encoding, as in a run. The variants take turns, so that a busy machine slows all alike; medians.
`by CPU` divides by the processor time used and not by the clock: what `loader` would be with the
cores for itself, measured on a machine that is shared.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

import torch  # noqa: E402

from zerofleet import _core  # noqa: E402
from zerofleet.nets.config import NnueConfig  # noqa: E402
from zerofleet.nets.features import feature_set_of_game  # noqa: E402
from zerofleet.nets.nnue import NnueModel  # noqa: E402
from zerofleet.nets.nnue_file import NnueArchitecture  # noqa: E402
from zerofleet.records import GameRecords, ShardMeta  # noqa: E402
from zerofleet.replay.sampler import EpochSampler  # noqa: E402
from zerofleet.replay.shards import positions_of_shard  # noqa: E402
from zerofleet.replay.window import Window  # noqa: E402
from zerofleet.training.config import TrainingConfig  # noqa: E402
from zerofleet.training.learner import Learner  # noqa: E402

GAME = "ultimate_ttt"
VARIANTS = [(c, d) for c in (True, False) for d in ("bfloat16", "float32")]


def make_window(num_games: int) -> Window:
    """Real positions: greedy alpha-beta, one ply deep."""
    games = GameRecords(
        **_core.generate_games(
            GAME, None, seed=1, first_game=0, num_games=num_games, depth=1, threads=2
        )["arrays"]
    )
    meta = ShardMeta(game=GAME, model_version=0, worker_id="bench", batch=0, run_seed=1)
    batch = positions_of_shard(meta, games, name="bench", validation_share=0.0)
    return Window.from_sources(GAME, [batch], max_positions=10_000_000)


class Variant:
    """One way to train, warmed up."""

    def __init__(self, window: Window, compiled: bool, dtype: str, batch_size: int) -> None:
        self.name = f"{'compiled' if compiled else 'eager'} {dtype}"
        architecture = NnueArchitecture.of(feature_set_of_game(GAME), NnueConfig())
        config = TrainingConfig(compile=compiled, compute_dtype=dtype)
        self.learner = Learner(NnueModel(architecture), config, device="cpu")
        self.window, self.batch_size, self.epoch = window, batch_size, 0
        self.batches = list(self.sampler())
        started = time.perf_counter()
        self.learner.train_batch(self.batches[0])
        self.first_step_seconds = time.perf_counter() - started
        self.rates: dict[str, list[float]] = {"step": [], "loader": [], "loader by CPU": []}

    def sampler(self) -> EpochSampler:
        """The next epoch."""
        self.epoch += 1
        rows = self.window.training_rows
        return EpochSampler(self.window, rows, batch_size=self.batch_size, seed=0, epoch=self.epoch)

    def measure(self, seconds: float) -> None:
        """Adds one measurement of each kind."""
        for name in ("step", "loader"):
            count, started, cpu = 0, time.perf_counter(), time.process_time()
            while time.perf_counter() - started < seconds:
                for batch in self.batches if name == "step" else self.sampler():
                    self.learner.train_batch(batch)
                    count += self.batch_size
            self.rates[name].append(count / (time.perf_counter() - started))
        threads = torch.get_num_threads()
        self.rates["loader by CPU"].append(count * threads / (time.process_time() - cpu))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch-size", type=int, default=16_384)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    window = make_window(4000)
    print(f"{len(window):,} positions, batch {args.batch_size:,}, {args.threads} threads")
    variants = [Variant(window, *kind, args.batch_size) for kind in VARIANTS]
    for _ in range(args.rounds):
        for variant in variants:
            variant.measure(args.seconds)
    table = []
    print(f"{'positions/s (median)':20}" + "".join(f"{n:>15}" for n in variants[0].rates), end="")
    print(f"{'first step':>13}")
    for v in variants:
        medians = {name: statistics.median(rates) for name, rates in v.rates.items()}
        print(f"{v.name:20}" + "".join(f"{rate:15,.0f}" for rate in medians.values()), end="")
        print(f"{v.first_step_seconds:11.1f} s")
        table.append({"variant": v.name, **medians, "first_step_seconds": v.first_step_seconds})
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
