"""Gumbel search against mctx (Danihelka et al.'s own implementation), given the same noise."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zerofleet.games
from search.hash_evaluator import hash_evaluator, random_states
from support import require
from zerofleet.search import Mcts, MctsConfig

NUM_SIMULATIONS = 48


def test_action_weights_equal_mctx():
    """32 openings of connect four, where no column fills up within the search.

    mctx runs in a process of its own: jax keeps threads, and its callback imports this package.
    """
    require("mctx")
    script = Path(__file__).parent / "mctx_oracle.py"
    game = zerofleet.games.load_game("connect_four")
    states = [s for s in random_states(game, 400, seed=11) if early(game, s)][:32]
    assert len(states) == 32
    noise = np.random.default_rng(12).gumbel(size=(32, 7)).astype(np.float32)
    question = {
        "states": [s.text() for s in states],
        "noise": noise.tolist(),
        "num_simulations": NUM_SIMULATIONS,
        "max_considered_actions": 5,
    }
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    config = MctsConfig(num_simulations=NUM_SIMULATIONS, max_considered_actions=5, cache_mib=0)
    mcts = Mcts(game, config, hash_evaluator)
    for i, state in enumerate(states):
        found = mcts.search(state, noise=noise[i].astype(np.float64))
        assert found.visits.tolist() == answer["visits"][i], state.text()
        np.testing.assert_allclose(found.policy, answer["action_weights"][i], atol=1e-5)
        assert found.action == answer["action"][i]


def early(game, state):
    """No column has more than one piece: mctx cannot forbid actions below the root."""
    top = state.text().split("/")
    return top[4] == "." * 7 and len(state.legal_actions()) == 7


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
def test_more_simulations_choose_better(selection):
    """A check of the oracle-free kind: search improves on the priors it is given."""
    game = zerofleet.games.load_game("tic_tac_toe")
    state = game.initial_state()
    for action in (0, 3, 1, 4):
        state.apply(action)  # X completes its row with 2
    settings = {"selection": selection, "cache_mib": 0}
    few = Mcts(game, MctsConfig(num_simulations=4, **settings), hash_evaluator).search(state)
    many = Mcts(game, MctsConfig(num_simulations=400, **settings), hash_evaluator).search(state)
    assert many.policy[0] >= few.policy[0]
    assert many.action == 2
