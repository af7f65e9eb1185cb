"""What tree search must find, whatever its settings: wins, losses, values of the right side."""

import numpy as np
import pytest

import zerofleet.games
from search.hash_evaluator import hash_evaluator, random_states
from zerofleet.games.evaluation import Evaluation
from zerofleet.search import Mcts, MctsConfig

SELECTIONS = ["puct", "gumbel"]


def quiet(selection, num_simulations, **changes):
    """Without noise, as in a match."""
    settings = {
        "dirichlet_weight": 0.0,
        "gumbel_scale": 0.0,
        "forced_playouts": 0.0,
        "cache_mib": 0,
    }
    return MctsConfig(selection=selection, num_simulations=num_simulations, **settings | changes)


def after(game, text):
    state = game.initial_state()
    for action in text.split():
        state.apply(game.action_from_text(state, action))
    return state


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(
    ("moves", "best"),
    [
        ("4 1 4 1 4 1", "4"),  # player 0 completes its column
        ("4 1 4 1 4 2", "4"),
        ("1 4 2 4 2 4", "4"),  # player 0 must stop player 1's column
        ("1 4 1 4 2 4 7", "4"),  # player 1 completes it
        ("4 1 5 1", "36"),  # three in a row, open on both sides: a win in two
    ],
)
def test_connect_four_tactics(selection, moves, best):
    game = zerofleet.games.load_game("connect_four")
    state = after(game, moves)
    found = Mcts(game, quiet(selection, 3000)).search(state)
    assert game.action_to_text(state, found.action) in best


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("mover", [0, 1])
def test_terminal_values_have_the_movers_sign(selection, mover):
    """The winning move is worth +1 to whoever makes it, and the losing one -1 after it is met."""
    game = zerofleet.games.load_game("tic_tac_toe")
    # X holds a1 b1, or O does; the mover completes the row with c1.
    state = after(game, "a1 a2 b1 b2" if mover == 0 else "a3 a1 c3 b1 a2")
    assert state.to_play == mover
    found = Mcts(game, quiet(selection, 2000)).search(state)
    c1 = int(np.flatnonzero(found.actions == game.action_from_text(state, "c1"))[0])
    assert found.q[c1] == 1.0
    assert found.action == found.actions[c1]
    assert found.value > 0


def solve(state):
    """The game-theoretic value for the mover."""
    if state.is_terminal:
        return state.returns()[state.to_play]
    values = []
    for action in state.legal_actions():
        child = state.copy()
        child.apply(action)
        values.append(-solve(child))
    return max(values)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_tic_tac_toe_is_solved(selection):
    game = zerofleet.games.load_game("tic_tac_toe")
    mcts = Mcts(game, quiet(selection, 3000))
    for state in random_states(game, 25, seed=8):
        if len(state.legal_actions()) > 6:
            continue
        child = state.copy()
        child.apply(mcts.search(state).action)
        theirs = -solve(child)
        assert theirs == solve(state), state.text()


MATES = [
    ("6k1/5ppp/8/8/8/8/8/R3K3 w Q - 0 1", "a1a8", 300),  # back rank, in one
    ("7k/R7/5N2/8/8/8/8/6K1 w - - 0 1", "a7h7", 300),  # Arabian mate
    ("r1bqkb1r/pppp1ppp/2n2n2/4p2Q/2B1P3/8/PPPP1PPP/RNB1K1NR w KQkq - 4 4", "h5f7", 300),
    ("rnbqkbnr/pppp1ppp/8/4p3/6P1/5P2/PPPPP2P/RNBQKBNR b KQkq - 0 2", "d8h4", 300),  # black mates
    ("3qr2k/pbpp2pp/1p5N/3Q2b1/2P1P3/P7/1PP2PPP/R4RK1 w - - 0 1", "d5g8", 6000),  # smothered, two
    ("k7/8/1K6/8/8/8/8/7R w - - 0 1", "h1h8", 300),
    ("6k1/8/6K1/8/8/8/8/3R4 w - - 10 60", "d1d8", 300),
]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(
    ("fen", "best", "simulations"), MATES, ids=[m[0].split()[0] for m in MATES]
)
def test_chess_mates_are_found(selection, fen, best, simulations):
    game = zerofleet.games.load_game("chess")
    state = game.parse(fen)
    found = Mcts(game, quiet(selection, simulations, max_considered_actions=64)).search(state)
    assert found.action == game.action_from_text(state, best)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_kept_subtrees_count_and_stay_consistent(selection):
    game = zerofleet.games.load_game("connect_four")
    config = MctsConfig(selection=selection, num_simulations=150, cache_mib=0)
    mcts = Mcts(game, config, hash_evaluator, seed=3)
    state = game.initial_state()
    found = mcts.search(state)
    kept = False
    while True:
        before = {int(a): int(n) for a, n in zip(found.actions, found.visits, strict=True)}
        mcts.advance(found.action)
        state.apply(found.action)
        if state.is_terminal:
            break
        expected = max(0, before[found.action] - 1)
        found = mcts.search()
        assert found.visits_kept == expected
        assert found.visits.sum() == expected + 150
        assert found.actions.tolist() == state.legal_actions()
        kept = kept or expected > 20
    assert kept


def test_no_reuse_forgets():
    game = zerofleet.games.load_game("connect_four")
    config = MctsConfig(num_simulations=60, reuse_subtree=False)
    mcts = Mcts(game, config, hash_evaluator)
    first = mcts.search(game.initial_state())
    mcts.advance(first.action)
    assert mcts.search().visits_kept == 0


def test_same_seed_same_search_and_other_seeds_differ():
    game = zerofleet.games.load_game("ultimate_ttt")
    policies = [
        Mcts(game, MctsConfig(num_simulations=40), hash_evaluator, seed).search(
            game.initial_state()
        )
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(policies[0].visits, policies[1].visits)
    assert (policies[0].visits != policies[2].visits).any()


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_cache_never_changes_a_result(selection):
    game = zerofleet.games.load_game("connect_four")
    settings = {"selection": selection, "num_simulations": 300}
    with_cache = Mcts(game, MctsConfig(cache_mib=4, **settings), hash_evaluator)
    without = Mcts(game, MctsConfig(cache_mib=0, **settings), hash_evaluator)
    for state in random_states(game, 4, seed=9) * 2:
        a, b = with_cache.search(state), without.search(state)
        np.testing.assert_array_equal(a.visits, b.visits)
        np.testing.assert_array_equal(a.policy, b.policy)
        assert a.value == b.value
    assert with_cache.cache_stats["hits"] > 300


def test_noise_is_drawn_once_per_move_and_only_for_full_searches():
    game = zerofleet.games.load_game("connect_four")
    config = MctsConfig(selection="puct", num_simulations=50, dirichlet_weight=1.0, fpu_reduction=0)
    state = game.initial_state()
    full = [Mcts(game, config, seed=s).search(state).visits.tolist() for s in range(4)]
    fast = [Mcts(game, config, seed=s).search(state, fast=True).visits.tolist() for s in range(4)]
    assert len({tuple(v) for v in full}) == 4
    assert len({tuple(v) for v in fast}) == 1
    assert sum(fast[0]) == 50 // 6


def test_forced_playouts_are_pruned_from_the_target():
    game = zerofleet.games.load_game("connect_four")
    settings = {"selection": "puct", "num_simulations": 400, "dirichlet_weight": 0.0}
    state = after(game, "4 1 4 1 4 2")  # a win in one
    plain = Mcts(game, MctsConfig(forced_playouts=0.0, **settings)).search(state)
    forced = Mcts(game, MctsConfig(forced_playouts=2.0, **settings)).search(state)
    others = forced.actions != forced.action
    assert (forced.visits[others] > plain.visits[others]).all()
    np.testing.assert_allclose(forced.policy, plain.policy, atol=0.01)
    np.testing.assert_allclose(plain.policy, plain.visits / plain.visits.sum(), rtol=1e-6)


def bad_evaluator(prior, value):
    def evaluate(batch):
        return Evaluation(
            np.full(len(batch.legal_action), prior, np.float32),
            np.full(len(batch), value, np.float32),
        )

    return evaluate


@pytest.mark.parametrize(
    ("prior", "value"), [(np.nan, 0.0), (1.0, 0.0), (1 / 7, np.nan), (1 / 7, 2.0), (0.0, 0.0)]
)
def test_what_is_no_evaluation_is_refused(prior, value):
    game = zerofleet.games.load_game("connect_four")
    mcts = Mcts(game, evaluator=bad_evaluator(prior, value))
    with pytest.raises(RuntimeError, match=r"connect_four.*expected probabilities"):
        mcts.search(game.initial_state())


def test_mistakes_are_named():
    game = zerofleet.games.load_game("tic_tac_toe")
    mcts = Mcts(game)
    with pytest.raises(ValueError, match="before new_game"):
        mcts.search()
    with pytest.raises(ValueError, match="the game is over"):
        mcts.search(after(game, "a1 a2 b1 b2 c1"))
    with pytest.raises(ValueError, match=r"a state of connect_four was given to tic_tac_toe"):
        mcts.search(zerofleet.games.load_game("connect_four").initial_state())
    with pytest.raises(TypeError, match="expected a state of tic_tac_toe"):
        mcts.search("X")
    mcts.search(game.initial_state())
    with pytest.raises(ValueError, match="action 9 is not legal"):
        mcts.advance(9)
    with pytest.raises(ValueError, match="expected 9 numbers"):
        mcts.search(game.initial_state(), noise=np.zeros(3))
