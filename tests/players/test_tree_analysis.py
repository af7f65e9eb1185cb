"""What a player says of a position fits what it plays there."""

from random import Random

import pytest

from zerofleet import load_game
from zerofleet.games.evaluation import random_evaluator
from zerofleet.players.analysis import analyse
from zerofleet.players.tree import TreePlayer


@pytest.mark.parametrize("num_simulations", [0, 20])
def test_the_move_that_is_played_comes_first(num_simulations):
    """Gumbel's policy may prefer another than the winner of its halving, after few visits."""
    game = load_game("connect_four")
    player = TreePlayer(game, name="p", num_simulations=num_simulations, evaluator=random_evaluator)
    random = Random(1)
    policy_differs = 0
    for _ in range(60):
        state = game.initial_state()
        for _ in range(random.randrange(12)):
            if not state.is_terminal:
                state.apply(random.choice(state.legal_actions()))
        if state.is_terminal:
            continue
        found = analyse(player, state)
        (played,) = player.select_actions([state], [0])
        assert found.moves[0].action == played
        assert sum(move.visits for move in found.moves) == pytest.approx(1)
        policy_differs += max(found.moves, key=lambda move: move.policy).action != played
    assert policy_differs > 0 or num_simulations == 0
