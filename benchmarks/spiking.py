"""The spiking net of `chess_spiking`: positions/s, and moves/s of self-play without search.

    python -m benchmarks.spiking --seconds 5 --threads 2

Each is measured beside the plainest way to do it, a loop in float32 that evaluates one position at
a time, in turns, so that what else the machine does falls on both alike. `by CPU` is the same per
second of processor time, all threads together: on a machine that is shared the clock says little. A
move of search costs `num_simulations` + 1 evaluations, so positions/s say what games with search
cost.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from zerofleet import _core, load_game
from zerofleet.games.evaluation import Evaluation, LeafBatch
from zerofleet.roles.config import TreeSearchRunConfig, load_recipe, resolve
from zerofleet.run.threads import calm_threads
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, Pool, run_pool

ROUNDS = 3


def main() -> None:
    """Prints a table, and the same as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128, help="positions, and games at once")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    calm_threads()
    bench = Bench(arguments.threads, arguments.batch, arguments.device)
    print(f"{bench.architecture}: {bench.num_parameters:,} parameters, {bench.evaluator.backend}")
    rates: dict[str, list[Rates]] = {}
    for _ in range(ROUNDS):
        for name, measure in bench.measurements.items():
            rates.setdefault(name, []).append(measure(arguments.seconds))
    by_cpu = {name: statistics.median(r.cpu for r in found) for name, found in rates.items()}
    print(f"{'':28}{'median/s':>10}{'least/s':>10}{'most/s':>10}{'by CPU':>10}")
    for name, found in rates.items():
        wall = [rate.wall for rate in found]
        median = statistics.median(wall)
        line = f"{name:28}{median:10,.0f}{min(wall):10,.0f}{max(wall):10,.0f}"
        print(f"{line}{by_cpu[name]:10,.0f}")
    for what in ("positions", "moves"):
        ratio = by_cpu[what] / by_cpu[f"{what}, one at a time"]
        print(f"{what}: {ratio:.1f} times the plain loop, by processor time")
    details = {
        "backend": bench.evaluator.backend,
        "threads": arguments.threads,
        "batch": arguments.batch,
        "parameters": bench.num_parameters,
    }
    print(json.dumps({"benchmark": "spiking", **details, "per_second": rates}))


class Rates(NamedTuple):
    """Positions or moves per second."""

    wall: float
    cpu: float
    """Per second of processor time."""


class Clock:
    """Of the wall and of the processor, from now on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        """Passed."""
        return time.perf_counter() - self._wall

    def rates(self, count: int) -> Rates:
        """So many in the time that has passed."""
        return Rates(count / self.seconds, count / (time.process_time() - self._cpu))


class Bench:
    """The net, and positions to evaluate."""

    def __init__(self, threads: int, batch: int, device: str) -> None:
        """Makes the net and its evaluator."""
        import torch

        from zerofleet.nets.architecture import NetArchitecture
        from zerofleet.nets.build import build_model
        from zerofleet.nets.evaluator import make_evaluator
        from zerofleet.nets.model_file import model_to_safetensors

        config = resolve(load_recipe("chess_spiking"), None, {})
        assert isinstance(config, TreeSearchRunConfig)
        self.game = load_game("chess")
        self.architecture = NetArchitecture.of(self.game, config.net)
        self.model = build_model(self.architecture, 1).eval()
        self.num_parameters = sum(p.numel() for p in self.model.parameters())
        torch.set_num_threads(threads)
        self.threads, self.batch = threads, batch
        self.evaluator = make_evaluator(
            model_to_safetensors(self.model), device=device, threads=threads, max_batch=batch
        )
        self.positions = next(self._batches())
        self.measurements: dict[str, Callable[[float], Rates]] = {
            "positions": self.evaluated,
            "positions, one at a time": self.evaluated_plainly,
            "moves": self.played,
            "moves, one at a time": self.played_plainly,
        }

    def _batches(self) -> Iterator[LeafBatch]:
        """Positions of games whose moves are random."""
        search = MctsConfig(selection="none", cache_mib=0)
        play = PlayConfig(num_parallel_games=self.batch, num_random_plies=20)
        pool = Pool(self.game, search, play, seed=1)
        pool.add_games(0, 4 * self.batch)
        while True:
            rows = pool.collect()
            yield rows
            counts = np.diff(rows.legal_start)
            prior = np.repeat((1 / counts).astype(np.float32), counts)
            pool.receive(0, Evaluation(prior, np.zeros(len(rows), np.float32)))

    def evaluated(self, seconds: float) -> "Rates":
        """Positions/s of the evaluator."""
        return self._rate(lambda: len(self.evaluator(self.positions).value), seconds)

    def evaluated_plainly(self, seconds: float) -> "Rates":
        """The same net in float32, one position at a time, its neurons those of snntorch."""
        state = self.game.initial_state()

        def one() -> int:
            self._plain(state)
            return 1

        return self._rate(one, seconds)

    def played(self, seconds: float) -> "Rates":
        """Moves/s of self-play without search."""
        search = MctsConfig(selection="none", cache_mib=0)
        play = PlayConfig(
            num_parallel_games=self.batch,
            temperature_plies=0,
            final_temperature=1.0,
            max_plies=200,
        )
        pool = Pool(self.game, search, play, seed=2, threads=self.threads)
        pool.add_games(0, 100_000)
        clock = Clock()
        run_pool(pool, self.evaluator, lambda: clock.seconds > seconds)
        return clock.rates(pool.stats().rows)

    def played_plainly(self, seconds: float) -> "Rates":
        """Moves/s of one game at a time, its positions evaluated plainly."""
        rng = np.random.default_rng(3)
        state = self.game.initial_state()

        def one() -> int:
            nonlocal state
            if state.is_terminal:
                state = self.game.initial_state()
            legal = state.legal_actions()
            logits = self._plain(state)[legal].astype(np.float64)
            prior = np.exp(logits - logits.max())
            state.apply(int(rng.choice(legal, p=prior / prior.sum())))
            return 1

        return self._rate(one, seconds)

    def _plain(self, state: "_core.State") -> np.ndarray:
        import torch

        planes = torch.from_numpy(state.observation())[None]
        scalars = torch.from_numpy(state.scalars())[None]
        with torch.no_grad():
            policy, _ = self.model(planes, scalars)
        return policy[0].numpy()

    def _rate(self, work: Callable[[], int], seconds: float) -> "Rates":
        work()  # warm
        clock, done = Clock(), 0
        while clock.seconds < seconds:
            done += work()
        return clock.rates(done)


if __name__ == "__main__":
    main()
