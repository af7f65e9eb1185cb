"""How far from perfect the nets of a run play, measured against exact solutions of the game.

    python -m benchmarks.exact_play RUN [--versions 1,20,latest] [--simulations 0,64,200]
        [--positions 1000] [--players random,mcts:1000] [--json FILE]

Tic-tac-toe: every line of play an opponent has is followed, as first and as second player; what
counts is how many of them end with a loss. A move counts as the search's best without noise, as in
matches.

Connect four: positions from ply 8 on of the run's own newest self-play, each another one, one of a
game. `best` is the share of moves with the best exact score, which counts how many stones a win
takes or a loss lasts; `result` the share that keep the result (win, draw, loss) that perfect play
has. Positions where all moves are equal are in both; `--players random` says what they give away.
The solver is cpp/tools/solve_connect_four.cpp.
"""

import argparse
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools import BUILD, build_tools
from zerofleet import load_game
from zerofleet.players.player import Player
from zerofleet.players.registry import load_player, load_version
from zerofleet.records.read import read_shard
from zerofleet.roles.config import parse_config_json, resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.models import read_manifest
from zerofleet.run.store import DirectoryStore

FIRST_PLY = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--versions", default="latest")
    parser.add_argument("--simulations", default="64")
    parser.add_argument("--players", default="", help="others, as in `load_player`")
    parser.add_argument("--positions", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2, help="of the solver")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    store = DirectoryStore(args.run)
    config = resolve({}, parse_config_json(store.read(CONFIG)), {})
    game = load_game(config.game.spec)
    measures = {"tic_tac_toe": tic_tac_toe, "connect_four": connect_four}
    if game.spec not in measures:
        parser.error(f"{args.run} is a run of {game.spec}; expected one of {', '.join(measures)}")
    measure: Callable[[Player], dict[str, float]] = measures[game.spec](game, args)
    table = []
    known = sorted(map(int, read_manifest(store)["versions"]))
    for text in args.versions.split(","):
        version = known[-1] if text == "latest" else int(text)
        for simulations in map(int, args.simulations.split(",")):
            name = f"v{version:04d}, {simulations} simulations"
            player = load_version(store, game, version, name=name, num_simulations=simulations)
            table.append({"player": name, **measure(player)})
            print(line(table[-1]), flush=True)
    for text in filter(None, args.players.split(",")):
        table.append({"player": text, **measure(load_player(text, game))})
        print(line(table[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n")


def line(row: dict[str, Any]) -> str:
    """One row for people."""
    figures = (f"{key} {value:,.4g}" for key, value in row.items() if key != "player")
    return f"{row['player']:28}{'  '.join(figures)}"


def tic_tac_toe(game: Any, args: argparse.Namespace) -> Callable[[Player], dict[str, float]]:
    """Measures a player on all lines of play."""
    return lambda player: dict(lines_of_play(game, player))


def lines_of_play(game: Any, player: Player) -> dict[str, int]:
    """All lines an opponent has against the player, who moves first or second: how they end."""
    found = {"lines": 0, "lost": 0, "drawn": 0, "won": 0}
    for side in (0, 1):
        open_states = [game.initial_state()]
        while open_states:
            mine = [s for s in open_states if s.to_play == side]
            moves = player.select_actions(mine, [0] * len(mine))
            after = [played(s, a) for s, a in zip(mine, moves, strict=True)]
            for state in open_states:
                if state.to_play != side:
                    after += [played(state, action) for action in state.legal_actions()]
            open_states = [s for s in after if not s.is_terminal]
            for state in after:
                if state.is_terminal:
                    result = state.returns()[side]
                    found["lines"] += 1
                    found["won" if result > 0 else "lost" if result < 0 else "drawn"] += 1
    return found


def connect_four(game: Any, args: argparse.Namespace) -> Callable[[Player], dict[str, float]]:
    """Measures a player on positions of the run's self-play, solved once."""
    lines = sample_lines(args.run, args.positions)
    scores = solve(lines, args.threads)
    states = []
    for moves in lines:
        state = game.initial_state()
        for column in moves:
            state.apply(column)
        states.append(state)
    stones = np.array([len(moves) for moves in lines])
    print(
        f"{len(lines)} positions of ply {stones.min()} to {stones.max()} (median "
        f"{np.median(stones):.0f})",
        flush=True,
    )

    def measure(player: Player) -> dict[str, float]:
        moves: list[int] = []
        for first in range(0, len(states), 500):
            part = states[first : first + 500]
            moves += player.select_actions(part, list(range(first, first + len(part))))
        best = result = 0
        for action, columns in zip(moves, scores, strict=True):
            values = [v for v in columns if v is not None]
            found = columns[action]
            assert found is not None, "the player chose a full column"
            best += found == max(values)
            result += np.sign(found) == np.sign(max(values))
        return {"best": best / len(moves), "result": result / len(moves)}

    return measure


def sample_lines(run: Path, count: int) -> list[list[int]]:
    """Columns played up to a position, one of each of the newest games, no two the same."""
    shards = sorted(
        [*run.glob("consumed/*.npz"), *run.glob("data/*.npz")],
        key=lambda path: (path.name.split("_")[0], path.name),
        reverse=True,
    )
    rng = np.random.default_rng(1)
    found: dict[tuple[int, ...], None] = {}
    for path in shards:
        _, games = read_shard(path)
        for number in range(games.num_games):
            first, end = games.game_start[number : number + 2]
            if end - first <= FIRST_PLY:
                continue
            ply = int(rng.integers(FIRST_PLY, end - first))
            found.setdefault(tuple(games.action[first : first + ply].tolist()))
            if len(found) == count:
                return [list(moves) for moves in found]
    raise SystemExit(f"{run}: only {len(found)} positions in its shards, asked {count}")


def solve(lines: Sequence[Sequence[int]], threads: int) -> list[list[int | None]]:
    """The exact score of each column, None where it is full."""
    build_tools("solve_connect_four")
    text = "\n".join("".join(str(column + 1) for column in moves) for moves in lines)
    done = subprocess.run(
        [str(BUILD / "solve_connect_four"), "--threads", str(threads)],
        input=text, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [
        [None if score == "." else int(score) for score in row.split()[1:]]
        for row in done.stdout.splitlines()
    ]


def played(state: Any, action: int) -> Any:
    """The state after an action."""
    after = state.copy()
    after.apply(action)
    return after


if __name__ == "__main__":
    main()
