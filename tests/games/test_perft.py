"""Numbers of move sequences: the tables, the core and a count that shares no code with it."""

import json
from pathlib import Path

import brute_force
import pytest

from zerofleet import load_game

TABLES = json.loads((Path(__file__).parent / "perft.json").read_text())


@pytest.mark.parametrize("name", TABLES)
def test_core(name: str) -> None:
    game, counts = load_game(name), TABLES[name]["counts"]
    assert [game.perft(depth) for depth in range(len(counts))] == counts


@pytest.mark.parametrize("name", TABLES)
def test_brute_force(name: str) -> None:
    depth = TABLES[name]["brute_force_depth"]
    assert brute_force.perft(name, depth) == TABLES[name]["counts"][: depth + 1]


@pytest.mark.long
def test_othello_to_depth_10() -> None:
    """Published counts keep a finished game as one leaf; ours count it no further."""
    game = load_game("othello")
    assert game.perft(9) == 3005288
    finished, states = 0, [game.initial_state()]
    for depth in range(9):
        following = []
        for state in states:
            for action in state.legal_actions():
                child = state.copy()
                child.apply(action)
                finished += child.is_terminal
                if depth < 8:
                    following.append(child)
        states = following
    assert finished > 0
    assert game.perft(10) + finished == 24571284


def test_games_that_end_early_are_not_counted_further() -> None:
    game = load_game("connect_four")
    state = game.parse("......./......./......./X....../XO...../XO..... O")
    expected = {}
    for action in state.legal_actions():
        child = state.copy()
        child.apply(action)
        replies = 0
        for reply in child.legal_actions():
            grandchild = child.copy()
            grandchild.apply(reply)
            replies += len(grandchild.legal_actions())
        expected[action] = replies
        assert game.perft(2, child) == replies
    assert game.perft(3, state) == sum(expected.values())
    # Four in the first column ends the game unless the second player is on top of it.
    assert expected[0] == 49
    assert expected[1] == 42
    with pytest.raises(ValueError, match="depth"):
        game.perft(-1)


def test_all_games_of_tic_tac_toe() -> None:
    game = load_game("tic_tac_toe")
    num_games = 0
    stack = [game.initial_state()]
    while stack:
        state = stack.pop()
        if state.is_terminal:
            num_games += 1
        for action in state.legal_actions():
            child = state.copy()
            child.apply(action)
            stack.append(child)
    assert num_games == 255168
