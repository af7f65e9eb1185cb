"""Scores, values and the hand-written evaluation."""

import math

import numpy as np
from search_positions import GAMES, random_positions

from zerofleet import _core, load_game
from zerofleet.search import AlphaBetaConfig, select_actions


def test_values_are_tanh_in_integers():
    worst = 0.0
    for score in range(-30_000, 30_001, 7):
        worst = max(worst, abs(_core.score_to_value(score) - math.tanh(score / 1024)))
    assert worst <= 2**-24  # half a step of rounding, and float32 above 1/2


def test_values_are_odd_and_proven_ones_are_exact():
    for score in (0, 1, 511, 30_000):
        assert _core.score_to_value(-score) == -_core.score_to_value(score)
    assert _core.score_to_value(_core.SCORE_WIN - 5) == 1.0
    assert _core.score_to_value(5 - _core.SCORE_WIN) == -1.0
    assert abs(_core.score_to_value(4_000)) < 1.0


def test_greedy_evaluation_knows_no_colour_and_no_symmetry():
    """The same position seen through a symmetry is worth the same."""
    for name in GAMES:
        search = _core.AlphaBeta(name)
        game = load_game(name)
        for state in random_positions(name, 30, seed=1):
            score = search.minimax(state.pack(), 0, False)
            for symmetry in range(game.symmetries):
                assert search.minimax(state.transformed(symmetry).pack(), 0, False) == score


def test_greedy_beats_random():
    """Depth 1 on the hand-written evaluation, both colours, against uniformly random play."""
    rng = np.random.default_rng(1)
    for name, least in (("connect_four", 0.9), ("ultimate_ttt", 0.9), ("tic_tac_toe", 0.8)):
        points = 0.0
        games = 100
        for number in range(games):
            state = load_game(name).initial_state()
            while not state.is_terminal:
                if state.to_play == number % 2:
                    action = select_actions(
                        name,
                        None,
                        state.pack()[None],
                        rng.integers(1 << 60, size=1, dtype=np.uint64),
                        AlphaBetaConfig(depth=1, quiescence=False),
                    )[0]
                else:
                    action = rng.choice(list(state.legal_actions()))
                state.apply(int(action))
            points += (1 + state.returns()[number % 2]) / 2
        assert points / games >= least, (name, points / games)
