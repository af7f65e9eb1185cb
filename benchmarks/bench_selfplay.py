"""Self-play with a real net against the bare net: what the search costs.

    python -m benchmarks.bench_selfplay [--nets go,chess] [--batch 1024] [--pairs 5] [--seconds 3]
        [--simulations 100] [--backend auto] [--precision auto] [--threads N]
        [--json FILE]

`self-play` counts evaluations of the net (rows, cache misses) of a pool of games searched with
Gumbel; `bare` runs the same evaluator on full batches of leaves of that pool, so that both see real
positions. The two alternate. `net alone` is the backend without bits and softmax. The shares are
those of the wall clock of self-play. `by CPU` is the same per second of processor time: on a
machine that is shared the clock says little. Cache and subtree reuse are on, as in a run: there are
more simulations than evaluations.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

from benchmarks.bench_evaluator import NETS, model_bytes  # noqa: E402
from zerofleet.games.evaluation import LeafBatch  # noqa: E402
from zerofleet.nets.evaluator import NetEvaluator, make_evaluator  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool  # noqa: E402


class Rates(NamedTuple):
    """Evaluations per second."""

    wall: float
    cpu: float
    """Per second of processor time."""
    seconds: float
    """How long it was measured."""


def rates(work: Callable[[], int], seconds: float) -> Rates:
    """Repeats the work, which returns its rows, for at least so long."""
    rows, started, cpu = 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - started) < seconds:
        rows += work()
    return Rates(rows / passed, rows / (time.process_time() - cpu), passed)


class Clocked:
    """An object whose calls of some methods are timed."""

    def __init__(self, inner: Any, seconds: dict[str, float], names: dict[str, str]) -> None:
        self._inner, self._seconds, self._names = inner, seconds, names

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        part = self._names.get(name)
        if part is None:
            return value

        def timed(*args: Any) -> Any:
            started = time.perf_counter()
            try:
                return value(*args)
            finally:
                self._seconds[part] += time.perf_counter() - started

        return timed


class SelfPlay:
    """A pool in the middle of its games, and its evaluator."""

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        game, _ = NETS[name]
        self.evaluator = make_evaluator(
            model_bytes(name),
            backend=args.backend,
            precision=args.precision,
            threads=args.threads,
            max_batch=args.batch,
        )
        search = MctsConfig(num_simulations=args.simulations, full_search_probability=1)
        play = PlayConfig(num_parallel_games=args.batch)
        self.pool = Pool(game, search, play, seed=1, threads=args.threads)
        self.pool.add_games(0, 1 << 40)
        self.seconds = dict.fromkeys(("search", "encode", "encode and net", "softmax"), 0.0)
        self._instrument(self.evaluator)
        self.run(5.0)  # away from the start of the games, where many positions are alike
        self.batches: list[LeafBatch] = []
        while len(self.batches) < 4:
            batch = self.pool.collect()
            if len(batch) == args.batch:
                self.batches.append(batch)
            self.pool.receive(0, self.evaluator(batch))
            for _ in range(7):
                self.round()

    def _instrument(self, evaluator: NetEvaluator) -> None:
        ends = {"priors": "softmax", "wdl_values": "softmax", "score_values": "softmax"}
        evaluator._codec = Clocked(evaluator._codec, self.seconds, ends)
        backend = evaluator._backend
        if hasattr(backend, "_inputs"):
            fill = {"fill": "encode"}
            backend._inputs = Clocked(backend._inputs, self.seconds, fill)
        evaluator._backend = Clocked(backend, self.seconds, {"logits": "encode and net"})

    def round(self) -> int:
        """One batch: search, evaluate."""
        started = time.perf_counter()
        batch = self.pool.collect()
        self.seconds["search"] += time.perf_counter() - started
        found = self.evaluator(batch)
        started = time.perf_counter()
        self.pool.receive(0, found)
        self.pool.take_games()
        self.seconds["search"] += time.perf_counter() - started
        return len(batch)

    def run(self, seconds: float) -> Rates:
        """Of self-play."""
        return rates(self.round, seconds)

    def bare(self, seconds: float) -> Rates:
        """Of the evaluator on full batches."""
        following = itertools.cycle(self.batches)

        def evaluate() -> int:
            batch = next(following)
            self.evaluator(batch)
            return len(batch)

        return rates(evaluate, seconds)

    def net_alone(self, seconds: float) -> Rates:
        """Of the backend on inputs that are in its buffer already."""
        inner = self.evaluator._backend._inner
        compute: Callable[[], Any]
        size = self.evaluator.sizes[-1]
        if hasattr(inner, "_parts"):
            compute = lambda: inner._compute(size, size)  # noqa: E731
        elif hasattr(inner, "_compute"):
            compute = lambda: inner._compute(size)  # noqa: E731
        else:
            return Rates(*[float("nan")] * 3)

        def evaluate() -> int:
            compute()
            return size

        return rates(evaluate, seconds)


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Alternates the measurements and returns medians."""
    play = SelfPlay(name, args)
    stats = play.pool.stats()
    figures: dict[str, list[Rates]] = {"self-play": [], "bare": [], "net alone": []}
    shares: dict[str, list[float]] = {part: [] for part in play.seconds}
    for _ in range(args.pairs):
        for part in play.seconds:
            play.seconds[part] = 0.0
        figures["self-play"].append(play.run(args.seconds))
        for part, seconds in play.seconds.items():
            shares[part].append(seconds / figures["self-play"][-1].seconds)
        figures["bare"].append(play.bare(args.seconds))
        figures["net alone"].append(play.net_alone(args.seconds / 2))
    after = play.pool.stats()
    pairs = list(zip(figures["self-play"], figures["bare"], strict=True))
    ratios = [a.wall / b.wall for a, b in pairs]
    medians = {part: statistics.median(values) for part, values in shares.items()}
    net = medians.pop("encode and net") - medians["encode"]
    rows, rounds = after.rows - stats.rows, after.rounds - stats.rounds
    per_evaluation = (after.simulations - stats.simulations) / rows
    return {
        "net": name,
        "backend": play.evaluator.backend,
        "batch": args.batch,
        "rows_a_round": rows / rounds,
        "simulations_an_evaluation": per_evaluation,
        **{what: statistics.median(x.wall for x in found) for what, found in figures.items()},
        "simulations": per_evaluation * statistics.median(x.wall for x in figures["self-play"]),
        **{
            f"{what} by CPU": statistics.median(x.cpu for x in found)
            for what, found in figures.items()
        },
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
        "ratio_by_cpu": statistics.median(a.cpu / b.cpu for a, b in pairs),
        "shares": {"net": net, **medians, "rest": 1 - net - sum(medians.values())},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="go,chess")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--simulations", type=int, default=100)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto", help="of auto: bf16, f32, int8")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    table = [measure(name, args) for name in args.nets.split(",")]
    for line in table:
        print(
            f"{line['net']}: {line['backend']}, batch {line['batch']} ({line['rows_a_round']:.0f} "
            f"rows a round), {args.simulations} simulations, Gumbel, {args.threads} threads\n"
            f"  evaluations/s: self-play {line['self-play']:,.0f}, bare {line['bare']:,.0f}, net "
            f"alone {line['net alone']:,.0f}; by CPU {line['self-play by CPU']:,.0f}, "
            f"{line['bare by CPU']:,.0f}, {line['net alone by CPU']:,.0f}\n"
            f"  simulations/s: {line['simulations']:,.0f}, "
            f"{line['simulations_an_evaluation']:.2f} an evaluation\n"
            f"  self-play : bare = {line['ratio']:.3f} "
            f"({line['ratio_lowest']:.3f} .. {line['ratio_highest']:.3f}, {args.pairs} pairs), "
            f"by CPU {line['ratio_by_cpu']:.3f}\n  "
            + ", ".join(f"{part} {100 * share:.1f} %" for part, share in line["shares"].items())
        )
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
