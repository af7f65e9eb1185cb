"""Games without search: a move takes one evaluation and is drawn from the net's policy."""

import numpy as np
import pytest

from zerofleet import _core, load_game
from zerofleet.games.evaluation import Evaluation, random_evaluator
from zerofleet.records.shard import ARRAYS
from zerofleet.search import Mcts, MctsConfig
from zerofleet.selfplay import PlayConfig, Pool, play_games, run_pool

NO_SEARCH = MctsConfig(selection="none", cache_mib=0)
POLICY, VALUE, CHANCE = _core.PLY_POLICY_TARGET, _core.PLY_VALUE_TARGET, _core.PLY_CHANCE


def policies(records):
    """Of each ply that a player has decided: (ply, actions, probabilities)."""
    for ply in np.flatnonzero((records.ply_flags & CHANCE) == 0):
        entries = slice(*records.policy_start[ply : ply + 2])
        yield ply, records.policy_action[entries], records.policy_prob[entries].astype(np.float64)


@pytest.mark.parametrize("name", ["tic_tac_toe", "chess", "twenty48(size=3)", "go(size=5)"])
def test_every_move_takes_one_evaluation_and_can_be_learned_from(name):
    play = PlayConfig(temperature_plies=0, final_temperature=1.0, max_plies=60)
    pool = Pool(name, NO_SEARCH, play, seed=3)
    pool.add_games(0, 20)
    run_pool(pool, random_evaluator)
    records = pool.take_games()
    moves = (records.ply_flags & CHANCE) == 0
    assert pool.stats().rows == np.count_nonzero(moves)
    assert pool.stats().simulations == 0
    assert (records.ply_flags[moves] == POLICY | VALUE).all()
    assert np.isfinite(records.search_value[moves]).all()
    for ply, actions, probabilities in policies(records):
        assert probabilities.sum() == pytest.approx(1.0, abs=2e-3)
        # What was played has a known probability, whatever records leave out.
        assert probabilities[actions == records.action[ply]].shape == (1,)


def test_games_depend_on_nothing_but_seed_number_and_net():
    one = play_games(
        "chess", 12, NO_SEARCH, random_evaluator, seed=5, play=PlayConfig(max_plies=40)
    )
    pool = Pool(
        "chess", MctsConfig(selection="none"), PlayConfig(num_parallel_games=3, max_plies=40),
        seed=5, threads=2,
    )  # fmt: skip
    pool.add_games(0, 12)
    run_pool(pool, random_evaluator)
    other = pool.take_games()
    assert all(getattr(one, key).tobytes() == getattr(other, key).tobytes() for key in ARRAYS)


def skewed(batch) -> Evaluation:
    """Priors 1 : 2 : 3 : ... in the order of legal actions."""
    counts = np.diff(batch.legal_start)
    rows = [np.arange(1, n + 1, dtype=np.float32) / (n * (n + 1) / 2) for n in counts]
    return Evaluation(np.concatenate(rows), np.zeros(len(batch), np.float32))


def first_moves(play: PlayConfig, num_games: int = 4000):
    """Shares of the first moves of tic-tac-toe, and the policy that was recorded."""
    records = play_games("tic_tac_toe", num_games, NO_SEARCH, skewed, seed=2, play=play)
    first = records.action[records.game_start[:-1]]
    _, actions, probabilities = next(policies(records))
    recorded = np.zeros(9)
    recorded[actions] = probabilities
    return np.bincount(first, minlength=9) / num_games, recorded


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_moves_are_drawn_from_the_recorded_policy(temperature):
    played, recorded = first_moves(PlayConfig(temperature=temperature, temperature_plies=9))
    expected = np.arange(1.0, 10.0) ** (1 / temperature)
    np.testing.assert_allclose(recorded, expected / expected.sum(), atol=1e-3)
    # Four standard errors of a share among 4,000.
    error = 4 * np.sqrt(recorded * (1 - recorded) / 4000)
    assert (np.abs(played - recorded) < error + 1e-3).all()


def test_the_best_is_played_at_temperature_zero():
    played, recorded = first_moves(PlayConfig(temperature_plies=0), 50)
    assert played.tolist() == recorded.tolist() == [0] * 8 + [1]


def test_what_records_leave_out_is_not_played():
    def sharp(batch) -> Evaluation:
        rows = []
        for n in np.diff(batch.legal_start):
            row = np.full(n, 0.0005, np.float32)  # below 1/1024 of the largest
            row[0] = 1 - row[1:].sum()
            rows.append(row)
        return Evaluation(np.concatenate(rows), np.zeros(len(batch), np.float32))

    play = PlayConfig(temperature_plies=9)
    records = play_games("tic_tac_toe", 2000, NO_SEARCH, sharp, seed=2, play=play)
    assert all(p.tolist() == [1.0] for _, _, p in policies(records))
    assert len(records.action) == 2000 * 7  # always the first free cell: 0 1 2 3 4 5 6


@pytest.mark.parametrize(
    ("decay", "expected"),
    [("step", [2.0, 2.0, 2.0, 2.0, 0.5]), ("linear", [2.0, 1.625, 1.25, 0.875, 0.5])],
)
def test_the_temperature_of_each_move(decay, expected):
    play = PlayConfig(
        temperature=2.0, temperature_plies=4, final_temperature=0.5, temperature_decay=decay
    )
    records = play_games("tic_tac_toe", 1, NO_SEARCH, skewed, seed=2, play=play)
    for temperature, (_, _, probabilities) in zip(expected, policies(records), strict=False):
        weights = np.arange(1.0, len(probabilities) + 1) ** (1 / temperature)
        np.testing.assert_allclose(probabilities, weights / weights.sum(), atol=1e-3)


def test_temperature_falls_with_search_too():
    """Visits 1 : 2 : ...: at temperature 0 the most visited is played from the fifth move on."""
    search = MctsConfig(num_simulations=40, selection="puct", full_search_probability=1.0)
    play = PlayConfig(temperature_plies=0, final_temperature=1.0)
    hot = play_games("tic_tac_toe", 300, search, random_evaluator, seed=4, play=play)
    cold = play_games(
        "tic_tac_toe", 300, search, random_evaluator, seed=4, play=PlayConfig(temperature_plies=0)
    )

    def best_share(records):
        best = [records.action[ply] == a[p.argmax()] for ply, a, p in policies(records)]
        return np.mean(best)

    assert best_share(cold) > 0.95  # the first of equals may be another one
    assert best_share(hot) < 0.9


def test_a_tree_without_search_answers_with_the_net():
    game = load_game("chess")
    found = Mcts("chess", NO_SEARCH, random_evaluator).search(game.initial_state())
    assert found.num_simulations == 0
    np.testing.assert_array_equal(found.policy, found.prior)
    assert found.action == found.actions[np.argmax(found.prior)]
    assert found.value == found.net_value


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="final_temperature must be in"):
        Pool("tic_tac_toe", NO_SEARCH, PlayConfig.model_construct(**{
            **PlayConfig().model_dump(), "final_temperature": -1.0}))  # fmt: skip
