"""Import of PGN, end to end, beside python-chess reading the same file.

    python -m benchmarks.bench_imports [--games 2000] [--rounds 3] [--pgn FILE]

Games of Stockfish with comments, variations and glyphs, some of them broken, as in the tests, or a
file of your own. The import runs on one core, from the text in a file to shards on the disk, each
move replayed once more before its shard is written. python-chess reads the games and nothing else.
Both take turns; figures are by processor time, medians of the rounds.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.stockfish_games import played_games, wild_pgn
from zerofleet.replay.imports import find_sources, import_games


def ours(pgn: Path) -> int:
    """Imports the file; returns the positions."""
    with tempfile.TemporaryDirectory() as folder:
        return import_games(find_sources([str(pgn)]), Path(folder)).total_positions


def python_chess(pgn: Path, num_games: int) -> int:
    """Reads the first games of the file; returns the positions of their main lines."""
    import chess.pgn

    plies, file = 0, io.StringIO(pgn.read_text(errors="replace"))
    for _ in range(num_games):
        game = chess.pgn.read_game(file)
        if game is None:
            break
        plies += sum(1 for _ in game.mainline())
    return plies


def rate(read: Callable[[], int]) -> float:
    """Positions a second of processor time, files written included."""
    started = time.process_time()
    positions = read()
    return positions / (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pgn", type=Path)
    parser.add_argument("--python-chess-games", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pgn = args.pgn
        if pgn is None:
            pgn = Path(folder) / "games.pgn"
            pgn.write_text("".join(text for text, _ in wild_pgn(played_games(args.games))))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        figures: dict[str, list[float]] = {"zerofleet import": [], "python-chess, reading": []}
        num = args.python_chess_games
        for _ in range(args.rounds):
            figures["zerofleet import"].append(rate(lambda: ours(pgn)))
            figures["python-chess, reading"].append(rate(lambda: python_chess(pgn, num)))
        print(f"{pgn.stat().st_size:,} bytes of PGN, one core, positions/s by processor time")
        medians = {name: statistics.median(values) for name, values in figures.items()}
        for name, values in figures.items():
            spread = f"{min(values):,.0f} - {max(values):,.0f}"
            print(f"{name:24} {medians[name]:>12,.0f}   ({spread})")
        ratio = medians["zerofleet import"] / medians["python-chess, reading"]
        print(f"{'ratio':24} {ratio:>12.1f}")


if __name__ == "__main__":
    main()
