"""Samples per second of training residual nets, bf16 and fp32: the step alone and the whole loop.

    python -m benchmarks.bench_learner [--seconds 5] [--rounds 3] [--threads N] [--json FILE]

`step` repeats the training step on batches that are in memory; `loop` draws them from a window as a
run does: rows, symmetries, bits, policies, a thread that prepares ahead. The variants take turns,
step and loop one after the other, so that a busy machine slows all alike; medians, and the median
of the ratios loop : step. What a run does once per loop, batch statistics of the average and
validation, is given in seconds.
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

from zerofleet import load_game  # noqa: E402
from zerofleet.games.evaluation import random_evaluator  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.build import build_model  # noqa: E402
from zerofleet.nets.config import ResNetConfig  # noqa: E402
from zerofleet.records import ShardMeta  # noqa: E402
from zerofleet.replay.batches import BatchSampler  # noqa: E402
from zerofleet.replay.samples import SampleWindow, samples_of_shard  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, play_games  # noqa: E402
from zerofleet.training.config import PolicyValueConfig  # noqa: E402
from zerofleet.training.policy_value import PolicyValueLearner  # noqa: E402

CASES = {"go(size=9)": (6, 64, 100), "chess": (10, 128, 40)}
"""Blocks, filters, games of the window."""


def make_window(name: str, num_games: int) -> SampleWindow:
    """Games of a search of 8 simulations with sharp random priors, every tenth for validation."""
    search = MctsConfig(num_simulations=8, full_search_probability=1.0, cache_mib=0)
    play = PlayConfig(num_parallel_games=256, temperature_plies=1000, max_plies=300)
    games = play_games(name, num_games, search, random_evaluator, seed=1, play=play)
    game = load_game(name)
    meta = ShardMeta(game=name, model_version=0, worker_id="bench", batch=0, run_seed=1)
    batch = samples_of_shard(meta, games, name="bench", validation_share=0.1)
    return SampleWindow.from_sources(game, [batch], max_positions=10**7)


class Variant:
    """One net, one type of numbers, compiled or not; warmed up."""

    def __init__(
        self, window: SampleWindow, name: str, net: ResNetConfig, config: PolicyValueConfig
    ) -> None:
        self.name = name
        self.window, self.config = window, config
        architecture = NetArchitecture.of(window.game, net)
        self.learner = PolicyValueLearner(build_model(architecture, 1), config)
        self.loop = 0
        self.batches = list(self.sampler(8))
        started = time.perf_counter()
        self.learner.train_batch(self.batches[0]).tolist()
        self.first_step_seconds = time.perf_counter() - started
        for batch in self.batches[1:3]:
            self.learner.train_batch(batch).tolist()
        self.rates: dict[str, list[float]] = {"step": [], "loop": []}

    def sampler(self, num_batches: int) -> BatchSampler:
        """The batches of the next loop."""
        self.loop += 1
        return BatchSampler(
            self.window,
            self.window.training_rows,
            batch_size=self.config.batch_size,
            num_batches=num_batches,
            seed=0,
            loop=self.loop,
        )

    def measure(self, seconds: float) -> None:
        """Adds one measurement of each kind, over the same number of steps."""
        num_steps = 0
        started = time.perf_counter()
        while num_steps < 2 or time.perf_counter() - started < seconds:
            self.learner.train_batch(self.batches[num_steps % len(self.batches)]).tolist()
            num_steps += 1
        samples = num_steps * self.config.batch_size
        self.rates["step"].append(samples / (time.perf_counter() - started))
        started = time.perf_counter()
        for batch in self.sampler(num_steps):
            self.learner.train_batch(batch).tolist()
        self.rates["loop"].append(samples / (time.perf_counter() - started))

    def figures(self) -> dict[str, float | str]:
        """Medians, and what is done once per loop."""
        ratios = [b / a for a, b in zip(self.rates["step"], self.rates["loop"], strict=True)]
        started = time.perf_counter()
        self.learner._measure_norms(self.window, self.window.training_rows, 0)
        norms = time.perf_counter() - started
        started = time.perf_counter()
        self.learner.validation_losses(self.window)
        return {
            "variant": self.name,
            **{f"{kind}_per_second": statistics.median(r) for kind, r in self.rates.items()},
            "loop_over_step": statistics.median(ratios),
            "first_step_seconds": self.first_step_seconds,
            "norms_seconds": norms,
            "validation_seconds": time.perf_counter() - started,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--games", default=",".join(CASES))
    parser.add_argument("--dtypes", default="bfloat16,float32")
    parser.add_argument("--eager", action="store_true", help="measure uncompiled steps, too")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    variants = []
    for name in args.games.split(","):
        blocks, filters, num_games = CASES[name]
        window = make_window(name, num_games)
        for dtype in args.dtypes.split(","):
            for compiled in (True, False) if args.eager else (True,):
                config = PolicyValueConfig(
                    compile=compiled, compute_dtype=dtype, batch_size=args.batch_size
                )
                label = f"{name} {blocks}x{filters} {dtype}" + ("" if compiled else " eager")
                net = ResNetConfig(num_blocks=blocks, num_filters=filters)
                variants.append(Variant(window, label, net, config))
    for _ in range(args.rounds):
        for variant in variants:
            variant.measure(args.seconds)
    table = [variant.figures() for variant in variants]
    print(f"batch {args.batch_size}, {args.threads} threads; samples/s, medians")
    print(f"{'':36}{'step':>9}{'loop':>9}{'loop:step':>11}{'first':>9}{'norms':>9}{'valid.':>9}")
    for v, row in zip(variants, table, strict=True):
        print(
            f"{v.name:36}{row['step_per_second']:9,.0f}{row['loop_per_second']:9,.0f}"
            f"{row['loop_over_step']:11.3f}{row['first_step_seconds']:7.1f} s"
            f"{row['norms_seconds']:7.2f} s{row['validation_seconds']:7.2f} s"
        )
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
