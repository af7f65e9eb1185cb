"""Memory of searches: a tree that has reached its limit stops growing and its search ends with what
it has; kept subtrees make room; the cache costs nothing before it is used."""

from pathlib import Path

import numpy as np
import pytest

import zerofleet.games
from zerofleet import load_game
from zerofleet.games.evaluation import Evaluation, random_evaluator
from zerofleet.records.shard import ARRAYS
from zerofleet.search import Mcts, MctsConfig
from zerofleet.selfplay import PlayConfig, Pool, play_games, run_pool

GAMES = zerofleet.games.game_names()
SMALL = 288  # KiB; four chunks of chess have 257


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
@pytest.mark.parametrize("name", GAMES)
def test_a_search_ends_at_the_limit(name: str, selection: str) -> None:
    config = MctsConfig(
        num_simulations=20_000,
        selection=selection,
        leaves_per_round=4,
        max_tree_kib=SMALL,
        cache_mib=0,
    )
    mcts = Mcts(name, config, random_evaluator)
    state = load_game(name).initial_state()
    while state.is_chance:
        state.apply(state.legal_actions()[0])
    mcts.new_game(state)
    num_cut = 0
    for _ in range(3):
        found = mcts.search()
        # One tree, and once more while it is pruned, each with two chunks above the limit.
        assert mcts._core.reserved_bytes <= 2 * (SMALL + 2 * 65) * 1024
        assert found.cut_short == (found.num_simulations < 20_000)
        assert found.num_simulations >= 1
        assert abs(found.policy.sum() - 1) < 1e-3
        assert found.action in found.actions
        assert np.nansum(found.visits) == found.num_simulations + found.visits_kept
        num_cut += found.cut_short
        mcts.advance(found.action)
        state.apply(found.action)
        while state.is_chance:
            outcome = state.legal_actions()[0]
            mcts.advance(outcome)
            state.apply(outcome)
    assert num_cut == 3 or name == "tic_tac_toe"  # which has 5,478 positions


def test_the_default_cuts_no_search_short() -> None:
    for name in GAMES:
        found = Mcts(name, MctsConfig(num_simulations=400), random_evaluator)
        state = found.game.initial_state()
        while state.is_chance:
            state.apply(state.legal_actions()[0])
        result = found.search(state)
        assert not result.cut_short
        assert result.num_simulations == 400
        # More than the config says may be asked for, and has room.
        assert not found.search(state, num_simulations=2000).cut_short


def test_a_kept_subtree_makes_room() -> None:
    """A net that knows what comes: most visits are kept, move after move, until it is too much."""
    config = MctsConfig(
        num_simulations=600,
        selection="puct",
        c_puct=2.0,
        dirichlet_weight=0,
        forced_playouts=0,
        max_tree_kib=SMALL,
        cache_mib=0,
    )

    def sure(batch):
        count = np.diff(batch.legal_start)
        prior = np.repeat((0.1 / np.maximum(count - 1, 1)).astype(np.float32), count)
        prior[batch.legal_start[:-1]] = np.where(count > 1, 0.9, 1.0)
        return Evaluation(prior, np.zeros(len(count), np.float32))

    mcts = Mcts("chess", config, sure)
    mcts.new_game(mcts.game.initial_state())
    kept = []
    for _ in range(6):
        found = mcts.search()
        assert found.num_simulations == 600
        kept.append(found.visits_kept)
        mcts.advance(found.action)
    forgotten = kept.index(0, 1)
    assert min(kept[forgotten - 1], kept[forgotten + 1]) > 300, kept


def test_a_pool_under_its_limit() -> None:
    """Searches are cut short, games go on, memory stays below the bound, and threads and the number
    of games at once change nothing."""
    search = MctsConfig(
        num_simulations=1500,
        full_search_probability=1.0,
        leaves_per_round=16,
        max_tree_kib=64,
        cache_mib=0,
    )
    play = PlayConfig(num_parallel_games=4, max_plies=12)
    pool = Pool("connect_four", search, play, threads=2)
    pool.add_games(0, 8)
    run_pool(pool, random_evaluator)
    stats, memory = pool.stats(), pool.memory()
    assert 0 < stats.cut_searches <= stats.full_searches
    assert stats.games == 0
    assert memory.nodes <= memory.nodes_limit == (4 + 2) * (64 + 2 * 16) * 1024
    records = pool.take_games()
    assert records.num_games == 8
    again = play_games(
        "connect_four",
        8,
        search,
        random_evaluator,
        play=play.model_copy(update={"num_parallel_games": 7}),
    )
    assert all(getattr(records, k).tobytes() == getattr(again, k).tobytes() for k in ARRAYS)


def test_the_default_bound_of_a_pool() -> None:
    """4 KiB for each simulation and game, and where that is less than four chunks a game, these."""
    search = MctsConfig(num_simulations=200, cache_mib=0)
    for name in ("chess", "go(size=19)", "connect_four", "twenty48"):
        pool = Pool(name, search, PlayConfig(num_parallel_games=100))
        per_game = pool.memory().nodes_limit / 101
        assert per_game <= 200 * 4096 + 2 * 96 * 1024
        assert pool.memory().nodes == 0


def test_limits_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="max_nodes must be at least 202"):
        Mcts("tic_tac_toe", MctsConfig(max_nodes=10))
    with pytest.raises(ValueError, match="max_tree_kib must be at least 64 for tic_tac_toe"):
        Mcts("tic_tac_toe", MctsConfig(max_tree_kib=63))
    # A caller who asks for more simulations than nodes gets fewer.
    mcts = Mcts("connect_four", MctsConfig(max_nodes=202, num_simulations=200), random_evaluator)
    found = mcts.search(mcts.game.initial_state(), num_simulations=5000)
    assert found.cut_short
    assert found.num_nodes <= 202


def test_a_new_cache_costs_no_memory() -> None:
    before = resident_bytes()
    searches = [Mcts("tic_tac_toe", MctsConfig(cache_mib=2048)) for _ in range(3)]
    searches.append(Mcts("tic_tac_toe", MctsConfig(cache_mib=2048)))
    assert resident_bytes() - before < 32 << 20
    assert searches[0].cache_stats["bytes"] > 2000 << 20
