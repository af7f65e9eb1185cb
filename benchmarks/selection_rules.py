"""Gumbel against PUCT with equal numbers of evaluations: as searches of one net, and as teachers.

    python -m benchmarks.selection_rules [--game connect_four] [--net FILE.safetensors]
        [--evaluations 3000000] [--games 400] [--threads 2] [--json FILE]

Three rules: Gumbel with 16 simulations a move, PUCT with 16 and with 64.

*As teachers*: each rule plays self-play and a small net (3 blocks of 32 filters) learns from it,
from the same random weights, until so many positions were evaluated: a rule with more simulations
makes fewer, better samples. Every sample is learned from equally often. The nets then play each
other, all with the same search, Gumbel with 16 simulations.

*As searches*, if a net is given: players with the same net and the three rules play each other.
There PUCT with 64 simulations may evaluate four times as much.

Scores are those of the row's player against the column's, with 95 % intervals over pairs of games,
and Elo over all games with its standard error.
"""

import argparse
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from zerofleet.run.threads import calm_threads

calm_threads()  # before torch loads

from zerofleet import load_game  # noqa: E402
from zerofleet.arena.elo import fit_ratings  # noqa: E402
from zerofleet.arena.match import play_match  # noqa: E402
from zerofleet.nets.architecture import NetArchitecture  # noqa: E402
from zerofleet.nets.build import build_model  # noqa: E402
from zerofleet.nets.config import ResNetConfig  # noqa: E402
from zerofleet.nets.evaluator import make_evaluator  # noqa: E402
from zerofleet.nets.model_file import model_to_safetensors  # noqa: E402
from zerofleet.players.tree import TreePlayer  # noqa: E402
from zerofleet.records import ShardMeta  # noqa: E402
from zerofleet.replay.config import SampleReplayConfig  # noqa: E402
from zerofleet.replay.samples import SampleWindow, samples_of_shard  # noqa: E402
from zerofleet.search import MctsConfig  # noqa: E402
from zerofleet.selfplay import PlayConfig, Pool, run_pool  # noqa: E402
from zerofleet.training.config import PolicyValueConfig  # noqa: E402
from zerofleet.training.policy_value import PolicyValueLearner  # noqa: E402

RULES = {
    "gumbel, 16": MctsConfig(selection="gumbel", num_simulations=16, full_search_probability=1),
    "puct, 16": MctsConfig(selection="puct", num_simulations=16, full_search_probability=1),
    "puct, 64": MctsConfig(selection="puct", num_simulations=64, full_search_probability=1),
}
NET = ResNetConfig(num_blocks=3, num_filters=32)
MATCH_SIMULATIONS = 16
GAMES_PER_ITERATION = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default="connect_four")
    parser.add_argument("--net", type=Path, help="of a run, for the rules as searches")
    parser.add_argument("--evaluations", type=int, default=3_000_000, help="of each teacher")
    parser.add_argument("--games", type=int, default=400, help="of each match")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    game = load_game(args.game)
    figures: dict[str, Any] = {}
    if args.net:
        data = args.net.read_bytes()
        evaluator = make_evaluator(data, threads=args.threads)
        players = [
            TreePlayer(
                game,
                name=name,
                num_simulations=rule.num_simulations,
                evaluator=evaluator,
                config=rule,
            )
            for name, rule in RULES.items()
        ]
        figures["searches"] = tournament("as searches", game, players, args)
    if args.evaluations:
        taught = []
        for name, rule in RULES.items():
            data = learn(game, name, rule, args)
            evaluator = make_evaluator(data, threads=args.threads)
            taught.append(
                TreePlayer(game, name=name, num_simulations=MATCH_SIMULATIONS, evaluator=evaluator)
            )
        figures["teachers"] = tournament("as teachers", game, taught, args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def learn(game: Any, name: str, rule: MctsConfig, args: argparse.Namespace) -> bytes:
    """Self-play and training in turns until the evaluations are used up; the averaged net."""
    started, cpu = time.perf_counter(), time.process_time()
    model = build_model(NetArchitecture.of(game, NET), seed=args.seed)
    learner = PolicyValueLearner(
        model, PolicyValueConfig(validation_share=0, batch_size=256, compile=False), seed=args.seed
    )
    replay = SampleReplayConfig(min_positions=20_000)
    window = SampleWindow.empty(game, max_positions=replay.min_positions)
    evaluator = make_evaluator(
        model_to_safetensors(learner.average.model),
        threads=args.threads,
        max_batch=GAMES_PER_ITERATION,
    )
    play = PlayConfig(num_parallel_games=GAMES_PER_ITERATION, temperature_plies=12)
    evaluations = samples = 0
    for iteration in itertools.count(1):
        pool = Pool(game, rule, play, seed=args.seed * 1000 + iteration, threads=args.threads)
        pool.add_games(0, GAMES_PER_ITERATION)
        run_pool(pool, evaluator)
        evaluations += pool.stats().rows
        batch = samples_of_shard(
            ShardMeta(
                game=game.name,
                model_version=iteration,
                worker_id="w",
                batch=iteration,
                run_seed=args.seed,
            ),
            pool.take_games(),
            name=f"iteration {iteration}",
            validation_share=0,
            game=game,
            untrained_version=1,
        )
        samples += len(batch)
        limit = replay.window_limit(samples)
        window = replace(window, max_positions=limit).extended([batch])
        steps = replay.steps_due(samples, learner.num_steps, batch_size=learner.config.batch_size)
        result = learner.train_loop(window, iteration, num_steps=max(1, steps))
        evaluator.load(model_to_safetensors(learner.average.model))
        if evaluations >= args.evaluations:
            print(
                f"{name}: {iteration} iterations, {evaluations:,} evaluations, "
                f"{samples:,} samples, {learner.num_steps:,} steps, loss {result.train.total:.3f}, "
                f"{time.process_time() - cpu:.0f} s of processor, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )
            return model_to_safetensors(learner.average.model)
    raise AssertionError


def tournament(
    title: str, game: Any, players: list[TreePlayer], args: argparse.Namespace
) -> dict[str, Any]:
    """Everybody against everybody; prints a table."""
    print(f"{title}, {args.games} games each")
    results = []
    scores = {}
    for number, (one, two) in enumerate(itertools.combinations(players, 2)):
        found = play_match(
            game, one, two, num_games=args.games, seed=args.seed + number, opening_plies=4
        )
        results.append(found.pairing)
        stats = found.stats()
        scores[f"{one.name} : {two.name}"] = stats
        score = found.score
        print(
            f"  {one.name} against {two.name}: {100 * score.value:.1f} % "
            f"[{100 * score.low:.1f}, {100 * score.high:.1f}]",
            flush=True,
        )
    ratings = fit_ratings(results, anchor=players[0].name)
    for name, rating in ratings.as_dict().items():
        print(f"  {name:12} Elo {rating.elo:+6.0f} +- {rating.error:.0f}", flush=True)
    return {
        "matches": scores,
        "elo": {n: [r.elo, r.error] for n, r in ratings.as_dict().items()},
    }


if __name__ == "__main__":
    main()
