"""Perft of chess: the published tables, and the rules of this game where draws cut the tree."""

import json
from pathlib import Path

import pytest

from zerofleet import load_game

POSITIONS = json.loads((Path(__file__).parent / "chess_perft.json").read_text())["positions"]
CHESS = load_game("chess")


def walked(state, depth: int) -> int:
    """The count by playing every move, one state after the other."""
    if depth == 0:
        return 1
    total = 0
    for action in state.legal_actions():
        child = state.copy()
        child.apply(action)
        total += walked(child, depth - 1)
    return total


@pytest.mark.parametrize("name", POSITIONS)
def test_table(name: str) -> None:
    state = CHESS.parse(POSITIONS[name]["fen"])
    counts = POSITIONS[name]["counts"]
    assert [CHESS.perft(depth, state) for depth in range(len(counts))] == counts
    assert walked(state, 2) == counts[2]


@pytest.mark.parametrize(
    "text",
    [
        # One ply before the 50-move rule, two, three.
        "4k3/8/8/8/8/8/4P3/R3K3 w Q - 99 80",
        "4k3/8/8/8/8/8/4P3/R3K3 w Q - 98 80",
        "4k3/8/8/8/8/8/4P3/R3K3 b Q - 97 80",
        # A capture leaves bare kings or a minor piece; a pawn becomes a knight.
        "8/8/8/8/8/3k4/3p4/3K4 w - - 0 1",
        "8/8/8/3k4/8/3n4/3K4/8 w - - 0 1",
        "7k/P7/8/8/8/8/8/K7 w - - 0 1",
        "1r5k/P7/8/8/8/8/8/K7 w - - 0 1",
        # The third occurrence is one ply, two, three away.
        "startpos moves g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1",
        "startpos moves g1f3 g8f6 f3g1 f6g8 g1f3 g8f6",
        "startpos moves g1f3 g8f6 f3g1 f6g8 g1f3",
        # Any game ends at 512 plies.
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR b KQkq - 0 256",
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 256",
    ],
)
def test_draws_cut_the_tree(text: str) -> None:
    """The fast count ignores draws, so it must not be taken where one is in reach."""
    state = CHESS.parse(text)
    for depth in range(4):
        assert CHESS.perft(depth, state) == walked(state, depth), depth


def test_the_end_of_a_game_has_no_moves() -> None:
    mated = CHESS.parse("startpos moves f2f3 e7e5 g2g4 d8h4")
    assert mated.is_terminal
    assert mated.returns() == [-1.0, 1.0]
    assert [CHESS.perft(depth, mated) for depth in range(3)] == [1, 0, 0]
