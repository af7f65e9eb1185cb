"""What late-move reductions cost and give: matches with and without, at equal depth and nodes.

    python -m benchmarks.alphabeta_reductions [--net FILE.nnue] [--depth 6 8] [--games 800]

For each depth: the nodes a position costs either side, on the same positions; a match at that
depth; and a match in which either side may enter as many nodes as reductions need at that depth, so
that what they save is spent on depth. Scores are those of "reductions on", with 95 % intervals over
pairs of games. Every opening is another position. Quote the net with the figures: they move with
it.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools import NET
from zerofleet import _core, load_game
from zerofleet.arena.match import play_match
from zerofleet.players.alphabeta import AlphaBetaPlayer

GAME = "ultimate_ttt"
NO_DEPTH_LIMIT = 81


def main() -> None:
    """Plays the matches and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", type=Path, default=NET)
    parser.add_argument("--depth", type=int, nargs="+", default=[6, 8])
    parser.add_argument("--games", type=int, default=800)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    network = _core.NnueNetwork(args.net.read_bytes())
    positions = sample_positions(network, args.seed)
    for depth in args.depth:
        nodes = {
            reductions: nodes_per_position(network, positions, depth, reductions, args.threads)
            for reductions in (True, False)
        }
        print(
            f"depth {depth}: {nodes[True]:,.0f} nodes a position with reductions, "
            f"{nodes[False]:,.0f} without, ratio {nodes[True] / nodes[False]:.3f}",
            flush=True,
        )
        budget = round(nodes[True])
        for name, limits in (
            (f"equal depth {depth}", {"depth": depth}),
            (f"equal nodes {budget:,}", {"depth": NO_DEPTH_LIMIT, "nodes": budget}),
        ):
            print(f"  {name}: {match(network, limits, args)}", flush=True)


def sample_positions(network: Any, seed: int) -> Any:
    """Quiet and other searched positions of 40 games, packed."""
    played = _core.generate_games(GAME, network, seed=seed, first_game=0, num_games=40, depth=4)
    columns = ("game_start", "action", "ply_flags", "returns", "termination")
    arrays = {key: played["arrays"][key] for key in columns}
    packed, _, _ = _core.replay_games(GAME, **arrays, mask=_core.PLY_VALUE_TARGET)
    return packed


def nodes_per_position(
    network: Any, positions: Any, depth: int, reductions: bool, threads: int
) -> float:
    """Mean over positions that are each searched from an empty table."""
    seeds = np.ones(len(positions), np.uint64)
    _, _, nodes = _core.select_actions(
        GAME, network, positions, seeds, depth=depth, reductions=reductions, threads=threads
    )
    return float(nodes) / len(positions)


def match(network: Any, limits: Mapping[str, int], args: argparse.Namespace) -> str:
    """Reductions on against off under the same limits."""
    game = load_game(GAME)
    on, off = (
        AlphaBetaPlayer(
            game,
            name=f"reductions {'on' if reductions else 'off'}",
            network=network,
            reductions=reductions,
            threads=args.threads,
            **limits,
        )
        for reductions in (True, False)
    )
    result = play_match(game, on, off, num_games=args.games, seed=args.seed, opening_plies=8)
    return (
        f"{result.wins} wins, {result.draws} draws, {result.losses} losses; "
        f"score {result.score}; Elo {result.elo}; "
        f"{result.num_distinct} distinct games"
    )


if __name__ == "__main__":
    main()
