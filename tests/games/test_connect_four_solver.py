"""The solver that measures how perfect a net plays, against a minimax nobody could get wrong."""

import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from zerofleet import load_game

ROOT = Path(__file__).parents[2]
CELLS = 42


@pytest.fixture(scope="module")
def solve(tmp_path_factory):
    build = tmp_path_factory.mktemp("solver")
    cmake = [sys.executable, "-m", "cmake"]
    configure = ["-S", str(ROOT), "-B", str(build), "-DZEROFLEET_PYTHON=OFF"]
    for arguments in (configure, ["--build", str(build), "--target", "solve_connect_four"]):
        subprocess.run([*cmake, *arguments], check=True, stdout=subprocess.DEVNULL)

    def run(lines):
        text = "\n".join("".join(str(c + 1) for c in moves) for moves in lines)
        command = [str(build / "solve_connect_four")]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        return [line.split()[1:] for line in done.stdout.splitlines()]

    return run


def minimax_scores(moves):
    """The score of each column by trying everything; None where it is full."""
    game = load_game("connect_four")

    @cache
    def value(line):
        """Of the player to move after `line`."""
        state = game.initial_state()
        for column in line:
            state.apply(column)
        if state.is_terminal:
            result = state.returns()[len(line) % 2]
            # Whoever moved last won with a stone that leaves so many of its own on a full board.
            return round(result) * ((CELLS + 1 - (len(line) - 1)) // 2)
        return max(-value((*line, column)) for column in state.legal_actions())

    state = game.initial_state()
    for column in moves:
        state.apply(column)
    legal = state.legal_actions()
    return [str(-value((*moves, c))) if c in legal else "." for c in range(7)]


@pytest.mark.long
def test_late_positions_equal_minimax(solve):
    game, rng, lines = load_game("connect_four"), random.Random(1), []
    while len(lines) < 60:
        state, moves = game.initial_state(), []
        for _ in range(rng.randint(32, 38)):
            column = rng.choice(state.legal_actions())
            state.apply(column)
            moves.append(column)
            if state.is_terminal:
                break
        if not state.is_terminal:
            lines.append(tuple(moves))
    for moves, found in zip(lines, solve(lines), strict=True):
        assert found == minimax_scores(moves), moves
