"""Lambda-returns: by hand, at both ends, and against the definition as a sum of n-step returns."""

import numpy as np
import pytest

from zerofleet.replay.returns import lambda_returns

NAN = float("nan")


def returns(values, results, movers, games, lambda_):
    arrays = (np.float32, values), (np.float32, results), (np.uint8, movers), (np.int64, games)
    made = [np.array(array, dtype) for dtype, array in arrays]
    return lambda_returns(*made, lambda_=lambda_).tolist()


def test_two_games_by_hand():
    # Player 0 wins the first; values are the mover's.
    found = returns(
        [0.0, -0.2, 0.6, 0.5, 0.1], [1, -1, 1, 1, -1], [0, 1, 0, 1, 0], [0, 0, 0, 1, 1], 0.5
    )
    # Last of game 0: its result, 1. Before: 0.5 * 0.6 + 0.5 * 1 = 0.8, of player 1 -0.8.
    # First: 0.5 * 0.2 + 0.5 * 0.8 = 0.5. Game 1, player 1 wins: 0.5 * 0.1 - 0.5 * 1 = -0.45.
    assert found == pytest.approx([0.5, -0.8, 1.0, 0.45, -1.0])


def test_lambda_one_is_the_result_and_zero_the_next_value():
    values, results = [0.3, -0.1, 0.2], [-1, 1, -1]
    assert returns(values, results, [0, 1, 0], [0, 0, 0], 1.0) == results
    found = returns(values, results, [0, 1, 0], [0, 0, 0], 0.0)
    assert found == pytest.approx([0.1, -0.2, -1.0])


def test_values_that_are_not_known_leave_the_result():
    assert returns([NAN] * 3, [1, -1, 1], [0, 1, 0], [7, 7, 7], 0.3) == [1, -1, 1]


def test_it_is_the_weighted_sum_of_n_step_returns():
    rng = np.random.default_rng(1)
    n, lambda_ = 9, 0.8
    value, movers = rng.uniform(-1, 1, n).astype(np.float32), rng.integers(0, 2, n)
    sign = np.where(movers == 0, 1, -1)
    result = 1.0 * sign  # player 0 has won
    found = lambda_returns(
        value, result.astype(np.float32), movers, np.zeros(n, np.int64), lambda_=lambda_
    )
    for t in range(n):
        steps = n - t  # moves to the end; value of the position after k moves, of player 0
        g = [value[t + k] * sign[t + k] for k in range(1, steps)] + [1.0]
        total = sum((1 - lambda_) * lambda_ ** (k - 1) * g[k - 1] for k in range(1, steps))
        total += lambda_ ** (steps - 1) * g[-1]
        assert found[t] == pytest.approx(total * sign[t], abs=1e-5)


def test_one_player():
    assert returns([0.0, 0.4], [0.8, 0.8], [0, 0], [0, 0], 0.5) == pytest.approx([0.6, 0.8])
