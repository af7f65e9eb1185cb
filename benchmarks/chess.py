"""Speed of chess beside what people have today: Stockfish's perft and python-chess.

    python -m benchmarks.chess [--rounds 3]

Everything is measured in turns, round after round, on one core and in processor time, so that other
programs and a machine that is slow for a while disturb all of it alike. Figures are medians, the
last column the ratio to the line it names.
"""

import argparse
import io
import random
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.tools import build_tools, tool

STOCKFISH = "/usr/games/stockfish"
"""Where Debian's package puts it; anything on PATH is taken as well."""

STOCKFISH_PERFT = "chess/Stockfish's `go perft 6`, positions/s"
PYTHON_PERFT = "chess/python-chess, legal moves generated/s"
PYTHON_PLAY = "chess/python-chess, random play, moves/s"
PYTHON_PGN = "chess/python-chess, PGN read, plies/s"


def figures() -> Iterator[tuple[str, float]]:
    """Measures everything once; yields (name, figure)."""
    for line in tool("bench_chess"):
        if "what" in line:
            yield f"chess/{line['what']}/s", line["per_second"]
    yield from stockfish()
    yield from python_chess()
    yield from pgn()


def processor_seconds(pid: int) -> float:
    """Time that a process has been running on a processor, all its threads together."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def stockfish() -> Iterator[tuple[str, float]]:
    """One thread, one megabyte of hash (perft uses none): positions of depth 6 per second."""
    program = shutil.which("stockfish") or shutil.which(STOCKFISH)
    if program is None:
        return
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write("setoption name Threads value 1\nposition startpos\nisready\n")
        while engine.stdout.readline().strip() != "readyok":
            pass
        started = processor_seconds(engine.pid)
        engine.stdin.write("go perft 6\n")
        while not (line := engine.stdout.readline()).startswith("Nodes searched"):
            pass
        seconds = processor_seconds(engine.pid) - started
        engine.stdin.write("quit\n")
    nodes = int(line.rpartition(":")[2])
    assert nodes == 119_060_324, f"Stockfish counts {nodes}"
    yield STOCKFISH_PERFT, nodes / seconds


def python_chess() -> Iterator[tuple[str, float]]:
    """Moves that python-chess generates and plays in random games."""
    try:
        import chess
    except ImportError:
        return

    def over(board: chess.Board) -> bool:
        return (
            board.is_insufficient_material()
            or board.is_repetition(3)
            or board.halfmove_clock >= 100
        )

    rng = random.Random(1)
    boards = []
    num_moves, started = 0, time.process_time()
    while time.process_time() - started < 1.0:
        board = chess.Board()
        while (moves := list(board.legal_moves)) and not over(board):
            board.push(rng.choice(moves))
            num_moves += 1
            if num_moves % 50 == 0:
                boards.append(board.copy(stack=False))
    yield PYTHON_PLAY, num_moves / (time.process_time() - started)
    started = time.process_time()
    generated = sum(board.legal_moves.count() for board in boards)
    yield PYTHON_PERFT, generated / (time.process_time() - started)


def pgn() -> Iterator[tuple[str, float]]:
    """Plies read from a file of random games, headers and comments as servers write them."""
    from zerofleet import load_game
    from zerofleet.games.chess import format_pgn, parse_pgn

    game, rng = load_game("chess"), random.Random(2)
    texts, num_plies = [], 0
    for _ in range(60):
        state, actions = game.initial_state(), []
        while not state.is_terminal and len(actions) < 100:
            actions.append(rng.choice(state.legal_actions()))
            state.apply(actions[-1])
        tags = {"White": "one", "Black": "two", "WhiteElo": "1500", "BlackElo": "1600"}
        text = format_pgn(actions, result="*", tags=tags)
        texts.append(text.replace(". ", ". { [%clk 0:03:00] } "))
        num_plies += len(actions)
    text = "\n".join(texts)
    started = time.process_time()
    read = sum(len(g.actions) for _ in range(30) for g in parse_pgn(text))
    assert read == 30 * num_plies
    yield "chess/PGN read, plies/s", read / (time.process_time() - started)
    try:
        import chess.pgn
    except ImportError:
        return
    file = io.StringIO(text)
    started = time.process_time()
    while (theirs := chess.pgn.read_game(file)) is not None:
        num_plies -= sum(1 for _ in theirs.mainline_moves())
    assert num_plies == 0
    yield PYTHON_PGN, read / 30 / (time.process_time() - started)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    build_tools("bench_chess")
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, value in figures():
            found[name].append(value)
    medians = {name: statistics.median(values) for name, values in found.items()}
    for name, value in medians.items():
        other = PYTHON_PLAY if "play" in name else PYTHON_PGN if "PGN" in name else STOCKFISH_PERFT
        ratio = f"{value / medians[other]:10.2f} x {other}" if other in medians else ""
        print(f"{name:58}{value:>15,.0f}{ratio}")


if __name__ == "__main__":
    main()
