"""What late-move reductions cost and give: a match at equal depth, and the nodes of both sides.

python benchmarks/alphabeta_reductions.py [--net FILE.nnue] [--depth 8] [--games 800] [--threads 2]

Prints the score of "reductions on" with its 95 % interval over pairs of games, and the nodes a
position costs each side on the same positions. Without --net both search on the hand-written
heuristic. Quote the net with the figures: they move with it.
"""

import argparse
from pathlib import Path

import numpy as np

from zerofleet import _core, load_game
from zerofleet.arena.match import play_match
from zerofleet.players.alphabeta import AlphaBetaPlayer


def main() -> None:
    """Plays the match and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", type=Path)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--games", type=int, default=800)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    game = load_game("ultimate_ttt")
    network = _core.NnueNetwork(args.net.read_bytes()) if args.net else None
    players = [
        AlphaBetaPlayer(
            game,
            name=f"reductions {'on' if reductions else 'off'}",
            depth=args.depth,
            network=network,
            reductions=reductions,
            threads=args.threads,
        )
        for reductions in (True, False)
    ]
    result = play_match(
        game, players[0], players[1], num_games=args.games, seed=args.seed, opening_plies=8
    )
    print(f"reductions on against off, depth {args.depth}: {result.wins} wins, ", end="")
    print(f"{result.draws} draws, {result.losses} losses; score {result.score}; Elo {result.elo}")

    played = _core.generate_games(
        "ultimate_ttt", network, seed=args.seed, first_game=0, num_games=40, depth=4
    )["arrays"]
    packed, _, _ = _core.replay_games(
        "ultimate_ttt",
        **{
            key: played[key]
            for key in ("game_start", "action", "ply_flags", "returns", "termination")
        },
        mask=_core.PLY_VALUE_TARGET,
    )
    for reductions in (True, False):
        _, _, nodes = _core.select_actions(
            "ultimate_ttt",
            network,
            packed,
            np.ones(len(packed), np.uint64),
            depth=args.depth,
            reductions=reductions,
            threads=args.threads,
        )
        print(f"reductions {reductions!s:5}: {nodes / len(packed):8.0f} nodes a position")


if __name__ == "__main__":
    main()
