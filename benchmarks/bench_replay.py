"""Positions per second from finished games to training samples: replay, validate, encode.

    python -m benchmarks.bench_replay [--seconds 1] [--rounds 3] [--json FILE]

Games of tree search without a net, with policies. `encode` is what a trainer does with every shard
(`_core.encode_games`): every move replayed and checked, observation, legal actions. `batch` is
what the loader does with every sample drawn (`_core.draw_batch`): bits expanded under a random
symmetry, policy and legal actions as rows over all actions. Rates are by processor time of one
thread, so that a busy machine does not change them much; the games take turns; medians.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zerofleet import load_game
from zerofleet.games.evaluation import random_evaluator
from zerofleet.records import GameRecords, ShardMeta, encode
from zerofleet.replay.batches import draw
from zerofleet.replay.samples import SampleWindow, samples_of_shard
from zerofleet.replay.symmetries import symmetries_of
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games

GAMES = {"connect_four": 3000, "go(size=9)": 150, "chess": 60}
BATCH = 512


def make_games(name: str, num_games: int) -> GameRecords:
    """Games of a search of 8 simulations with sharp random priors."""
    search = MctsConfig(num_simulations=8, full_search_probability=1.0, cache_mib=0)
    play = PlayConfig(num_parallel_games=256, temperature_plies=1000, max_plies=300)
    return play_games(name, num_games, search, random_evaluator, seed=1, play=play)


class Measured:
    """One game's data and its figures."""

    def __init__(self, name: str, num_games: int) -> None:
        self.name, self.game = name, load_game(name)
        self.records = make_games(name, num_games)
        meta = ShardMeta(game=name, model_version=0, worker_id="bench", batch=0, run_seed=1)
        batch = samples_of_shard(meta, self.records, name="bench", validation_share=0.0)
        self.window = SampleWindow.from_sources(self.game, [batch], max_positions=10**7)
        self.bytes_per_sample = self.window.samples.size_bytes / len(self.window)
        self.maps = symmetries_of(self.game)
        self.rng = np.random.default_rng(1)
        self.rates: dict[str, list[float]] = {"encode": [], "batch": []}

    def encode(self) -> int:
        """All games once."""
        found = encode(self.game, self.records, name="bench")
        return len(found.ply)

    def batch(self) -> int:
        """One batch."""
        rows = self.rng.integers(0, len(self.window), BATCH)
        symmetry = self.rng.integers(0, len(self.maps), BATCH, np.uint8)
        draw(self.window, rows, symmetries=self.maps, symmetry=symmetry)
        return BATCH

    def measure(self, seconds: float) -> None:
        """Adds one measurement of each kind."""
        for name, work in (("encode", self.encode), ("batch", self.batch)):
            self.rates[name].append(rate(work, seconds))


def rate(work: Callable[[], int], seconds: float) -> float:
    """Items per second of processor time."""
    count, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        count += work()
    return count / (time.process_time() - started)


def figures(seconds: float = 1.0, rounds: int = 1) -> list[Measured]:
    """Measures all games, taking turns."""
    measured = [Measured(*item) for item in GAMES.items()]
    for _ in range(rounds):
        for game in measured:
            game.measure(seconds)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    table = []
    print(f"{'':16}{'encode/s':>14}{'batch/s':>14}{'bytes a sample':>16}")
    for game in figures(args.seconds, args.rounds):
        medians = {name: statistics.median(rates) for name, rates in game.rates.items()}
        print(f"{game.name:16}" + "".join(f"{r:14,.0f}" for r in medians.values()), end="")
        print(f"{game.bytes_per_sample:16,.0f}")
        table.append({"game": game.name, **medians, "bytes_per_sample": game.bytes_per_sample})
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
