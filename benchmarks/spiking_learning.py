"""A small spiking net learns with and without search, each for the same processor time.

    python -m benchmarks.spiking_learning --game connect_four --minutes 2
    python -m benchmarks.spiking_learning --game chess --max-plies 200 --minutes 45 --json FILE

Self-play and learning take turns in one process, from the same random weights and with the same
settings but those of the two ways: Gumbel with `--simulations` and its policies as targets, or one
evaluation a move and policy gradient. At equal steps of processor time the net, without search,
plays matches against fixed opponents: scores with 95 % intervals, both colours alike. The time of
matches does not count.
"""

import argparse
import itertools
import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

import numpy as np  # noqa: E402

from zerofleet import _core, load_game  # noqa: E402
from zerofleet.arena.match import play_match  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.build import build_model  # noqa: E402
from zerofleet.nets.config import SpikingConfig  # noqa: E402
from zerofleet.nets.evaluator import NetEvaluator, make_evaluator  # noqa: E402
from zerofleet.nets.model_file import model_from_safetensors, model_to_safetensors  # noqa: E402
from zerofleet.players.registry import load_player  # noqa: E402
from zerofleet.players.tree import TreePlayer  # noqa: E402
from zerofleet.records import ShardMeta  # noqa: E402
from zerofleet.replay.samples import SampleWindow, samples_of_shard  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool, run_pool  # noqa: E402
from zerofleet.training.config import PolicyValueConfig  # noqa: E402
from zerofleet.training.policy_value import PolicyValueLearner  # noqa: E402

NET = SpikingConfig(
    num_steps=4, num_blocks=1, num_filters=32, num_head_filters=8, num_head_units=32
)


@dataclass(frozen=True)
class Measured:
    """A net at one moment."""

    cpu_seconds: float
    games: int
    positions: int
    undecided_share: float
    """Of the self-play games since the last measurement, of the random net those of the first
    iteration: drawn, or stopped for their length before the rules gave one side the win."""
    mean_plies: float
    scores: dict[str, tuple[float, float, float]]
    """By opponent: score in [0, 1], and its 95 % interval."""
    draws: dict[str, float]
    """By opponent: share of the games that were drawn."""


def main() -> None:
    """Prints a line for each measurement of either way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default="connect_four")
    parser.add_argument("--minutes", type=float, default=2.0, help="of processor time, of each way")
    parser.add_argument("--ways", default="search,none")
    parser.add_argument("--simulations", type=int, default=16)
    parser.add_argument("--games-per-iteration", type=int, default=128)
    parser.add_argument("--max-plies", type=int, default=0)
    parser.add_argument("--length-result", choices=["draw", "board_value"], default="draw")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--window", type=int, default=20_000, help="newest positions, learned from")
    parser.add_argument("--average-decay", type=float, default=0.98)
    parser.add_argument("--save", type=Path, help="directory for the net of each measurement")
    parser.add_argument("--begin", type=Path, help="a net to go on with; else random weights")
    parser.add_argument("--checks", type=int, default=4, help="measurements but the first")
    parser.add_argument("--match-simulations", type=int, default=0)
    parser.add_argument("--opponents", default="random")
    parser.add_argument("--match-games", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--plot", type=Path, help="a picture of them; with --from no run is needed")
    parser.add_argument("--from", dest="source", type=Path, help="figures of an earlier --json")
    arguments = parser.parse_args()
    figures: dict[str, list[dict[str, Any]]] = {}
    if arguments.source:
        figures = json.loads(arguments.source.read_text())
    else:
        for way in arguments.ways.split(","):
            run = Run(way, arguments)
            print(f"{way}: {run.learner.model.architecture}", flush=True)
            figures[way] = [asdict(measured) for measured in run.run()]
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.plot:
        plot(figures, arguments.plot)


def plot(figures: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draws scores with their intervals over processor time, a panel for each opponent, and the
    share of self-play games without a winner."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    labels = {"search": "with search", "none": "without search"}
    opponents = list(next(iter(figures.values()))[0]["scores"])
    drawing, panels = pyplot.subplots(
        1, len(opponents) + 1, figsize=(4 * len(opponents) + 4, 3.2), sharey=True
    )
    for panel, opponent in zip(panels, opponents, strict=False):
        for way, measured in figures.items():
            value, low, high = (
                100 * np.array([m["scores"][opponent][i] for m in measured]) for i in range(3)
            )
            panel.errorbar(
                [m["cpu_seconds"] / 60 for m in measured],
                value,
                yerr=[value - low, high - value],
                label=labels.get(way, way),
                marker="o",
                markersize=3,
                capsize=3,
            )
        panel.set(title=f"score against {opponent}, %")
    for way, measured in figures.items():
        known = [m for m in measured if not math.isnan(m["undecided_share"])]
        panels[-1].plot(
            [m["cpu_seconds"] / 60 for m in known],
            [100 * m["undecided_share"] for m in known],
            label=labels.get(way, way) if known else None,
            marker="o",
            markersize=3,
        )
    panels[-1].set(title="self-play games without a winner, %")
    for panel in panels:
        panel.set(xlabel="processor minutes", ylim=(0, 102))
        panel.grid(alpha=0.3)
        panel.legend(loc="best", fontsize=8)
    drawing.tight_layout()
    drawing.savefig(path, dpi=110)


class Run:
    """One way of learning."""

    def __init__(self, way: str, arguments: argparse.Namespace) -> None:
        """`way`: search or none."""
        self.way = way
        self.arguments = arguments
        self.game = load_game(arguments.game)
        self.without_search = way == "none"
        self.search = MctsConfig(selection="none")
        # Without search play has to stay varied to the end: what is always played teaches nothing.
        play: dict[str, Any] = {"temperature_plies": 0, "final_temperature": 1.0}
        if not self.without_search:
            self.search = MctsConfig(
                num_simulations=arguments.simulations, full_search_probability=1.0
            )
            play = {"temperature_plies": 12}
        self.play = PlayConfig(
            num_parallel_games=arguments.games_per_iteration,
            max_plies=arguments.max_plies,
            length_result=arguments.length_result,
            **play,
        )
        if arguments.begin:
            model = model_from_safetensors(arguments.begin.read_bytes())
        else:
            model = build_model(NetArchitecture.of(self.game, NET), seed=arguments.seed)
        self.learner = PolicyValueLearner(
            model,
            PolicyValueConfig(
                batch_size=256,
                learning_rate=arguments.learning_rate,
                validation_share=0,
                average_decay=arguments.average_decay,
            ),
            device="cpu",
            seed=arguments.seed,
            without_search=self.without_search,
        )
        self.evaluator = self._evaluator()
        self.window = SampleWindow.empty(self.game, max_positions=arguments.window)

    def run(self) -> list[Measured]:
        """Learns until the time is over."""
        limit = 60 * self.arguments.minutes
        used, games, positions = 0.0, 0, 0
        measured = [self._measured(0.0, 0, 0, [], [])]
        undecided: list[float] = []
        plies: list[float] = []
        for iteration in itertools.count(1):
            began = time.process_time()
            records = self._play(iteration)
            batch = samples_of_shard(
                ShardMeta(
                    game=self.game.name,
                    game_options=dict(self.game.options),
                    model_version=iteration,
                    worker_id="w",
                    batch=iteration,
                    run_seed=self.arguments.seed,
                ),
                records,
                name=f"iteration {iteration}",
                validation_share=0,
                game=self.game,
                untrained_version=0 if self.arguments.begin else 1,
                return_lambda=self.learner.config.return_lambda if self.without_search else None,
            )
            positions += len(batch)
            games += records.num_games
            self.window = self.window.extended([batch])
            # Each sample twice, as in runs.
            steps = max(1, round(2 * len(batch) / self.learner.config.batch_size))
            self.learner.train_loop(self.window, iteration, num_steps=steps)
            self.evaluator.load(model_to_safetensors(self.learner.average.model))
            used += time.process_time() - began
            played_out = records.termination == _core.TERMINATION_PLAYED_OUT
            undecided.append(float(1 - (played_out & (records.returns[:, 0] != 0)).mean()))
            plies.append(float(np.diff(records.game_start).mean()))
            if iteration == 1:
                measured[0] = replace(
                    measured[0], undecided_share=undecided[0], mean_plies=plies[0]
                )
            if used >= limit * len(measured) / self.arguments.checks:
                measured.append(self._measured(used, games, positions, undecided, plies))
                undecided, plies = [], []
                if self.arguments.save:
                    self.arguments.save.mkdir(parents=True, exist_ok=True)
                    path = self.arguments.save / f"{self.way}_{len(measured) - 1}.safetensors"
                    path.write_bytes(model_to_safetensors(self.learner.average.model))
            if used >= limit:
                return measured
        raise AssertionError

    def _play(self, iteration: int) -> Any:
        pool = Pool(
            self.game,
            self.search,
            self.play,
            seed=1000 * self.arguments.seed + iteration,
            threads=self.arguments.threads,
        )
        pool.add_games(0, self.arguments.games_per_iteration)
        run_pool(pool, self.evaluator)
        return pool.take_games()

    def _evaluator(self) -> NetEvaluator:
        return make_evaluator(
            model_to_safetensors(self.learner.average.model),
            threads=self.arguments.threads,
            max_batch=self.arguments.games_per_iteration,
        )

    def _measured(
        self, used: float, games: int, positions: int, undecided: list[float], plies: list[float]
    ) -> Measured:
        player = TreePlayer(
            self.game,
            name="net",
            num_simulations=self.arguments.match_simulations,
            evaluator=self.evaluator,
        )
        scores, drawn = {}, {}
        for name in self.arguments.opponents.split(","):
            found = play_match(
                self.game,
                player,
                load_player(name, self.game),
                num_games=self.arguments.match_games,
                seed=7,
                opening_plies=4,
            )
            scores[name] = (found.score.value, found.score.low, found.score.high)
            drawn[name] = found.draws / len(found.games)
        made = Measured(
            round(used, 1),
            games,
            positions,
            round(float(np.mean(undecided)), 4) if undecided else math.nan,
            round(float(np.mean(plies)), 1) if plies else math.nan,
            scores,
            drawn,
        )
        told = ", ".join(
            f"{name} {100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}], "
            f"{100 * drawn[name]:.0f} % drawn"
            for name, (value, low, high) in scores.items()
        )
        print(
            f"  {used:6.0f} s of processor, {games:6,} games, {positions:8,} positions: {told}; "
            f"undecided {100 * made.undecided_share:.0f} %, {made.mean_plies:.0f} plies",
            flush=True,
        )
        return made


if __name__ == "__main__":
    main()
