"""What analysis asks of a tree: to go on, to look at some moves only, and its best lines."""

import numpy as np
import pytest

import zerofleet
from search.hash_evaluator import hash_evaluator, random_states
from zerofleet import _core
from zerofleet.search import Mcts, MctsConfig


def settings(num_simulations: int, **changes) -> MctsConfig:
    quiet = {"selection": "puct", "dirichlet_weight": 0.0, "forced_playouts": 0.0, "cache_mib": 0}
    return MctsConfig(num_simulations=num_simulations, max_nodes=100_000, **quiet | changes)


@pytest.mark.parametrize("name", ["chess", "go(size=5)", "connect_four", "twenty48"])
def test_a_search_in_parts_is_the_search(name):
    game = zerofleet.load_game(name)
    for state in random_states(game, 4, seed=3):
        whole = Mcts(game, settings(120), hash_evaluator).search(state)
        parts = Mcts(game, settings(20), hash_evaluator)
        parts.search(state)
        parts.resume(1)
        found = parts.resume(99)
        assert found.num_simulations == whole.num_simulations == 120
        assert found.action == whole.action
        np.testing.assert_array_equal(found.visits, whole.visits)
        np.testing.assert_array_equal(found.q, whole.q)


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
def test_root_actions_are_the_only_ones(selection):
    game = zerofleet.load_game("chess")
    state = game.initial_state()
    wanted = sorted(game.action_from_text(state, text) for text in ("a3", "h4", "Na3"))
    search = Mcts(game, settings(200, selection=selection), hash_evaluator)
    search.new_game(state, [*wanted, wanted[0]])
    found = search.search()
    assert found.actions.tolist() == wanted
    assert found.visits.sum() == 200
    assert found.prior.sum() == pytest.approx(1, abs=1e-5)
    # The next position is searched as any other.
    search.advance(found.action)
    state.apply(found.action)
    assert search.search().actions.tolist() == state.legal_actions()
    with pytest.raises(ValueError, match=r"root action 1 is not legal in .*PPPP"):
        search.new_game(game.initial_state(), [1])


def test_lines_are_legal_and_the_most_visited():
    game = zerofleet.load_game("chess")
    state = game.initial_state()
    search = Mcts(game, settings(500), hash_evaluator)
    found = search.search(state)
    for action, visits in zip(found.actions.tolist(), found.visits.tolist(), strict=True):
        line = search.line(action)
        assert line[:1] == ([action] if visits else [])
        assert 0 < len(line) <= visits or not visits
        after = state.copy()
        for step in line:
            after.apply(step)  # raises unless it is legal
    line = search.line(found.action)
    search.advance(found.action)
    kept = search.search(num_simulations=1)
    assert kept.actions[np.argmax(kept.visits)] == line[1]


def test_lines_end_with_the_game_and_before_chance():
    game = zerofleet.load_game("connect_four")
    state = game.initial_state()
    for column in (3, 0, 3, 0, 3, 0):
        state.apply(column)
    search = Mcts(game, settings(50))
    search.search(state)
    assert search.line(3) == [3]
    game = zerofleet.load_game("twenty48")
    search = Mcts(game, settings(50))
    found = search.search(random_states(game, 1, seed=1)[0])
    assert search.line(found.action) == [found.action]


def test_depths_are_those_of_the_search():
    game = zerofleet.load_game("connect_four")
    search = Mcts(game, settings(1), hash_evaluator)
    search.search(game.initial_state())
    assert (search.tree_stats.sum_depths, search.tree_stats.largest_depth) == (1, 1)
    search.resume(299)
    stats = search.tree_stats
    assert 2 <= stats.largest_depth <= 42
    assert 300 < stats.sum_depths <= 300 * stats.largest_depth
    assert stats.nodes <= 301
    assert 0 < stats.bytes <= stats.most_bytes


def test_a_full_tree_ends_the_search_and_says_so():
    game = zerofleet.load_game("chess")
    search = Mcts(game, settings(50, max_tree_kib=512), hash_evaluator)
    search.search(game.initial_state())
    found = search.resume(100_000)
    assert found.cut_short
    assert found.visits.sum() == found.num_simulations < 100_000
    assert search.resume(10).num_simulations == found.num_simulations


def test_what_cannot_go_on_says_why():
    game = zerofleet.load_game("connect_four")
    search = Mcts(game, settings(10, selection="gumbel"))
    search.search(game.initial_state())
    with pytest.raises(ValueError, match="Gumbel"):
        search.resume(5)
    search = Mcts(game, settings(10))
    search.new_game(game.initial_state())
    with pytest.raises(ValueError, match="before the search is done"):
        search.resume(5)
    with pytest.raises(ValueError, match="before the search is done"):
        search.line(0)
    search.search()
    with pytest.raises(ValueError, match=">= 1"):
        search.resume(0)
    with pytest.raises(ValueError, match="too many"):
        search.resume(2**31 - 1)
    search.advance(3)
    with pytest.raises(ValueError, match="before the search is done"):
        search.resume(5)


@pytest.mark.parametrize("fails_at", [1, 3])
def test_after_an_evaluator_has_failed_the_next_search_is_whole(fails_at):
    """Ctrl-C in a net, say; the tree is forgotten, and a position that is left goes on."""
    game = zerofleet.load_game("connect_four")
    calls = 0

    def failing(batch, /):
        nonlocal calls
        calls += 1
        if calls in (fails_at, 2 * fails_at):
            raise KeyboardInterrupt
        return hash_evaluator(batch)

    search = Mcts(game, settings(20), failing)
    search.new_game(game.initial_state())
    with pytest.raises(KeyboardInterrupt):
        search.search()
    with pytest.raises(KeyboardInterrupt):
        search.search()
    assert search.search().visits.sum() == 20
    calls = 0
    search.new_game(game.initial_state())
    with pytest.raises(KeyboardInterrupt):
        search.search()
    search.advance(3)
    calls = 100
    assert search.search().visits.sum() == 20


def test_settings_that_cannot_be_are_named():
    game, options = zerofleet.load_game("tic_tac_toe"), MctsConfig().model_dump()
    without = {key: value for key, value in options.items() if key != "selection"}
    with pytest.raises(ValueError, match="search settings: selection is missing"):
        _core.Mcts(game, without)
    with pytest.raises(ValueError, match=r"search\.c_puct cannot be 'much'"):
        _core.Mcts(game, options | {"c_puct": "much"})
    with pytest.raises(ValueError, match=r"search\.num_simulations cannot be 2147483648"):
        _core.Mcts(game, options | {"num_simulations": 2**31})
    with pytest.raises(ValueError, match=r"cache_mib must be in 0\.\.16777216, got 17592186044417"):
        _core.Mcts(game, options, cache_mib=2**44 + 1)
    search = Mcts(game, settings(5))
    with pytest.raises(ValueError, match="num_simulations must be at least 0, got -5"):
        search.search(game.initial_state(), num_simulations=-5)
