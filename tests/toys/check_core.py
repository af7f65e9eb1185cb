"""Run by tests/test_contributing.py with a core that has the toy game and the toy search rule."""

import pytest

import zerofleet
from search.hash_evaluator import evaluate_state, hash_evaluator, random_states
from search.test_mcts_twin import compare
from zerofleet.search import MctsConfig


@pytest.mark.parametrize("name", ["race", "tic_tac_toe", "connect_four"])
def test_the_rule_finds_what_its_twin_finds(name):
    game = zerofleet.load_game(name)
    config = MctsConfig(
        selection="ucb", num_simulations=90, cache_mib=0, forced_playouts=0.0, leaves_per_round=3
    )
    compare(
        game,
        config,
        random_states(game, 6, seed=1),
        evaluator=hash_evaluator,
        twin=evaluate_state,
    )


def test_the_game_is_won_by_who_leaves_multiples_of_four():
    game = zerofleet.load_game("race")
    value = {21: -1.0}
    for total in range(20, -1, -1):
        value[total] = max(-value[total + step] for step in (1, 2, 3) if total + step <= 21)
    assert [total for total in value if value[total] < 0] == [21, 17, 13, 9, 5, 1]
    assert game.perft(3) == 27
