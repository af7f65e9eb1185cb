"""Prints one table of all speeds: rules, evaluation, search, data generation, training.

    python -m benchmarks [--rounds 3] [--net FILE.nnue] [--save benchmarks/results/DATE_WHAT]

The parts take turns, round after round, so that a machine that is slow for a while slows all of
them alike; figures are medians. Compare figures of one run with each other, not of two runs.
"""

import argparse
import functools
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import bench_replay, chess
from benchmarks.tools import BUILD, NET, ROOT, build_tools, machine, tool
from zerofleet import _core
from zerofleet.games import game_names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--net", type=Path, default=NET)
    parser.add_argument("--games", type=int, default=100, help="of each search measurement")
    parser.add_argument("--no-training", action="store_true", help="leave the trainer out")
    parser.add_argument("--save", type=Path, help="folder for table.txt and figures.json")
    args = parser.parse_args()
    build_tools("bench_rules", "bench_search", "bench_chess", "bench_pool")
    figures: dict[str, list[float]] = defaultdict(list)
    for number in range(args.rounds):
        print(f"round {number + 1} of {args.rounds} ...", file=sys.stderr, flush=True)
        for name, value in one_round(args):
            figures[name].append(value)
    text = report(figures, args.rounds)
    print(text)
    if args.save is not None:
        args.save.mkdir(parents=True, exist_ok=True)
        (args.save / "table.txt").write_text(text + "\n")
        content = {"machine": machine(), "rounds": args.rounds, "figures": figures}
        (args.save / "figures.json").write_text(json.dumps(content, indent=2) + "\n")


def one_round(args: argparse.Namespace) -> list[tuple[str, float]]:
    """Measures everything once; returns (name, figure)."""
    found: list[tuple[str, float]] = [
        (f"random play/{line['game']}, moves/s", line["random_moves_per_second"])
        for line in tool("bench_rules")
    ]
    found += open_spiel_random_play()
    found += chess.figures()
    for level in _core.simd_levels():
        speeds = _core.benchmark_nnue("ultimate_ttt", level, 1.0)
        found.append((f"NNUE/{level} make+update+evaluate/s", speeds["siblings"]))
    for level in (level for level in _core.simd_levels() if level != "scalar"):
        arguments = ("--net", str(args.net), "--simd", level, "--games", str(args.games))
        lines = tool("bench_search", *arguments, "--threads", "1,2", "--json")
        one, two = lines
        found += [
            (f"search/{level} nodes/s, 1 thread", one["nodes_per_second"]),
            (f"search/{level} nodes/s, 2 threads", two["nodes_per_second"]),
            (f"search/{level} 2 threads : 1", two["nodes_per_second"] / one["nodes_per_second"]),
            (f"self-play/{level} games/h, 2 threads", two["games_per_hour"]),
            (f"self-play/{level} quiet positions/h, 2 threads", two["quiet_per_hour"]),
            (f"search/{level} share of time: evaluation", one["share_evaluation"]),
            (f"search/{level} share of time: move generation", one["share_move_generation"]),
            (f"search/{level} share of time: table", one["share_table"]),
        ]
    found += start_up()
    found += pool()
    found += replay()
    found += self_play_with_nets()
    found += beside_mctx()
    found += workers()
    if not args.no_training:
        found += training()
    return found


def pool() -> list[tuple[str, float]]:
    """The self-play pool without a net: 1,024 games, PUCT, 100 simulations, urgency 0.2."""
    games = [g for g in ("connect_four", "go(size=9)", "chess") if g.split("(")[0] in game_names()]
    found = []
    arguments = ("--game", ",".join(games), "--selection", "puct", "--repeats", "1", "--json")
    for line in tool("bench_pool", *arguments):
        name = f"pool/{line['game']} simulations/s, {line['threads']} threads"
        found.append((name, line["simulations_per_second"]))
        if line["threads"] == 2:
            found.append((f"pool/{line['game']} 2 threads : 1", line["ratio"]))
    return found


def start_up() -> list[tuple[str, float]]:
    """Processor seconds until a command does its work; a worker of alpha-beta loads no torch."""
    modules = "import zerofleet.roles.worker, zerofleet.roles.alphabeta_play"
    commands = {
        "zerofleet --help": ("-m", "zerofleet", "--help"),
        "modules of a worker": ("-c", modules),
    }
    found = []
    for name, arguments in commands.items():
        before = sum(os.times()[2:4])
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        found.append((f"start-up/{name}, processor seconds", sum(os.times()[2:4]) - before))
    return found


def replay() -> list[tuple[str, float]]:
    """From finished games to training samples, and from samples to batches; one thread."""
    return [
        (f"{kind}/{game.name} {unit}/s, 1 thread", rates[0])
        for game in bench_replay.figures()
        for (kind, rates), unit in zip(game.rates.items(), ("positions", "samples"), strict=True)
    ]


def self_play_with_nets() -> list[tuple[str, float]]:
    """Self-play over the bare net, 100 simulations, Gumbel, batch 1,024; where the time went."""
    target = BUILD / "selfplay.json"
    run_part("bench_selfplay", "--pairs", "1", "--json", str(target))
    found = []
    for line in json.loads(target.read_text()):
        name = f"self-play/{line['net']} ({line['backend']})"
        found += [
            (f"{name} evaluations/s", line["self-play"]),
            (f"{name} bare evaluations/s", line["bare"]),
            (f"{name} self-play : bare", line["ratio"]),
            (f"{name} self-play : bare, by CPU", line["ratio_by_cpu"]),
        ]
        found += [(f"{name} share of time: {k}", share) for k, share in line["shares"].items()]
    return found


def beside_mctx() -> list[tuple[str, float]]:
    """A small net's self-play here and in mctx on pgx, where that is installed; by CPU time."""
    if importlib.util.find_spec("pgx") is None:
        return []
    target = BUILD / "mctx.json"
    arguments = ("--rounds", "1", "--seconds", "2", "--batches", "64")
    run_part("bench_mctx", *arguments, "--json", str(target))
    rows = json.loads(target.read_text())
    return [
        (f"small net/{r['game']}, {r['variant']}, simulations/s by CPU", r["cpu"]) for r in rows
    ]


def workers() -> list[tuple[str, float]]:
    """Self-play of 2048's small net by the number of workers of this host and their batch."""
    target = BUILD / "workers.json"
    arguments = ("--net", "2048-small", "--batches", "64,512", "--seconds", "3")
    run_part("bench_workers", *arguments, "--json", str(target))
    found = []
    for line in json.loads(target.read_text()):
        name = f"workers/{line['workers']} of {line['threads']} threads, batch {line['batch']}"
        found += [
            (f"{name} simulations/s", line["simulations"]),
            (f"{name} simulations/s by CPU", line["simulations by CPU"]),
        ]
    return found


def run_part(name: str, *arguments: str) -> None:
    """Runs a benchmark in a process of its own: OpenMP reads its settings at the start."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


OPEN_SPIEL = {
    "go": "go(board_size=9,komi=7.5)",
    "tic_tac_toe": "tic_tac_toe",
    "connect_four": "connect_four",
    "ultimate_ttt": "ultimate_tic_tac_toe",
    "othello": "othello",
    "twenty48": "2048(max_tile=131072)",
}
"""Our games and the same ones there; chess has a benchmark of its own."""


def moves_per_second(play_one_game: Callable[[random.Random], int]) -> float:
    """Plays random games for half a second; the function returns the moves of one game."""
    rng = random.Random(1)
    moves, started = 0, time.perf_counter()
    while time.perf_counter() - started < 0.5:
        moves += play_one_game(rng)
    return moves / (time.perf_counter() - started)


def open_spiel_random_play() -> list[tuple[str, float]]:
    """The same games in what Python users have today, where it is installed."""
    try:
        import pyspiel
    except ImportError:
        return []

    def one_game(game: Any, rng: random.Random) -> int:
        state, moves = game.new_initial_state(), 0
        while not state.is_terminal():
            moves += not state.is_chance_node()  # outcomes are played but not counted
            state.apply_action(rng.choice(state.legal_actions()))
        return moves

    found = []
    for ours, theirs in OPEN_SPIEL.items():
        rate = moves_per_second(functools.partial(one_game, pyspiel.load_game(theirs)))
        found.append((f"random play/{ours} in OpenSpiel from Python, moves/s", rate))
    return found


def training() -> list[tuple[str, float]]:
    """The trainer's step on batches in memory, and with its loader."""
    target = BUILD / "training.json"
    run_part("bench_training", "--rounds", "1", "--json", str(target))
    rows = json.loads(target.read_text())
    return [
        (f"training/{row['variant']}, {what}positions/s", row[key])
        for row in rows
        for what, key in (("step alone, ", "step"), ("", "loader"))
    ]


def report(figures: dict[str, list[float]], rounds: int) -> str:
    """One line for each figure: minimum, median and maximum over the rounds."""
    lines = [f"{key}: {value}" for key, value in machine().items()]
    lines += ["", f"{'':78}{'minimum':>15}{'median':>15}{'maximum':>15}"]
    for name, values in figures.items():
        spread = (min(values), statistics.median(values), max(values))
        lines.append(f"{name:78}" + "".join(f"{shown(value):>15}" for value in spread))
    lines += ["", f"{'side by side':78}{'minimum':>15}{'median':>15}{'maximum':>15}"]
    for name, ours, theirs in pairs(figures):
        ratios = [a / b for a, b in zip(figures[ours], figures[theirs], strict=True)]
        spread = (min(ratios), statistics.median(ratios), max(ratios))
        lines.append(f"{name:78}" + "".join(f"{value:>15,.2f}" for value in spread))
    lines += ["", f"{rounds} rounds in turns; compare figures of one run with each other"]
    return "\n".join(lines)


def pairs(figures: dict[str, list[float]]) -> list[tuple[str, str, str]]:
    """(what, our figure, that of another program doing the same work in the same round)."""
    found = [
        (
            f"random play of {game}: OpenSpiel from Python",
            f"random play/{game}, moves/s",
            f"random play/{game} in OpenSpiel from Python, moves/s",
        )
        for game in OPEN_SPIEL
    ]
    perft = "chess/perft 6 of the start, {}/s"
    found += [
        (f"perft 6 of chess, {how}: Stockfish", perft.format(how), chess.STOCKFISH_PERFT)
        for how in ("pext", "magic")
    ]
    found += [
        ("random play of chess: python-chess", "chess/random play, moves/s", chess.PYTHON_PLAY),
        ("PGN read: python-chess", "chess/PGN read, plies/s", chess.PYTHON_PGN),
    ]
    for theirs in [name for name in figures if "mctx on pgx" in name]:
        game = theirs.split(",")[0]
        found += [
            (
                f"{game}, {name.split(',')[2].strip()}{' +cache' * ('cache' in name)}: mctx",
                name,
                theirs,
            )
            for name in figures
            if name.startswith(f"{game}, ours")
        ]
    return [pair for pair in found if pair[1] in figures and pair[2] in figures]


def shown(value: float) -> str:
    """1,234,567 or 0.531."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


if __name__ == "__main__":
    main()
