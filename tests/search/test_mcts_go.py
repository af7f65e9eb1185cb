"""Go positions in which a pass ends the game: lost for one komi, won for another."""

import pytest

import zerofleet.games
from zerofleet.search import Mcts, MctsConfig

# Four black stones, three or four white ones, all empty points neutral; the other side has passed.
BLACK_TO_MOVE = "C1 D1 C2 D2 C4 D3 C5 pass"  # Black is one stone ahead
WHITE_TO_MOVE = "C1 D1 C2 D2 C4 D3 C5 D4 pass"  # equal


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
@pytest.mark.parametrize(
    ("moves", "komi", "pass_wins"),
    [
        (BLACK_TO_MOVE, 0.5, True),
        (BLACK_TO_MOVE, 1.5, False),
        (WHITE_TO_MOVE, 0.5, True),
        (WHITE_TO_MOVE, -0.5, False),
    ],
)
def test_a_pass_is_answered_by_a_pass_exactly_if_that_wins(selection, moves, komi, pass_wins):
    game = zerofleet.games.load_game("go", size=5, komi=komi)
    state = game.initial_state()
    for move in moves.split():
        state.apply(game.action_from_text(state, move))
    config = MctsConfig(
        selection=selection,
        num_simulations=1500,
        dirichlet_weight=0.0,
        gumbel_scale=0.0,
        forced_playouts=0.0,
        max_considered_actions=32,
        cache_mib=0,
    )
    found = Mcts(game, config).search(state)
    last = game.num_actions - 1  # pass
    assert found.actions[-1] == last
    assert found.q[-1] == (1.0 if pass_wins else -1.0)
    assert (found.action == last) == pass_wins
