"""The core's tree search makes every decision its readable Python twin makes."""

import numpy as np
import pytest

import zerofleet.games
from search.hash_evaluator import evaluate_state, hash_evaluator, random_states, uniform
from zerofleet.search import Mcts, MctsConfig
from zerofleet.search.reference import ReferenceMcts

PUCT = MctsConfig(selection="puct", num_simulations=90, cache_mib=0)
GUMBEL = MctsConfig(selection="gumbel", num_simulations=90, cache_mib=0)
SMALLER = {"go": "go(size=7)", "othello": "othello(size=6)"}
GAMES = [SMALLER.get(name, name) for name in zerofleet.games.game_names()]


def compare(
    game, config, states, *, noise_seed=None, evaluator=hash_evaluator, twin=evaluate_state
):
    rng = np.random.default_rng(noise_seed)
    core = Mcts(game, config, evaluator)
    reference = ReferenceMcts(config, twin, search_value=getattr(game, "search_value", float))
    for state in states:
        legal = state.legal_actions()
        dense, noise = np.zeros(game.num_actions), None
        if noise_seed is not None:
            if config.selection == "gumbel":
                dense[legal] = rng.gumbel(size=len(legal))
            else:
                dense[legal] = rng.dirichlet(np.full(len(legal), 0.5))
            noise = {a: float(dense[a]) for a in legal}
        elif config.selection == "puct":
            config = config.model_copy(update={"dirichlet_weight": 0.0})
            core = Mcts(game, config, evaluator)
        given = dense if noise is not None or config.selection == "gumbel" else None
        found = core.search(state, noise=given)
        expected = reference.search(state, noise=noise)
        visits = dict(zip(found.actions.tolist(), found.visits.tolist(), strict=True))
        assert visits == expected.visits, state.text()
        assert found.action == expected.action
        assert found.value == pytest.approx(expected.value, abs=1e-6)
        np.testing.assert_allclose(found.policy, list(expected.policy.values()), atol=1e-6)
        q = {a: v for a, v in zip(found.actions.tolist(), found.q, strict=True) if v == v}
        assert q == pytest.approx(expected.q, abs=1e-6)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("config", [PUCT, GUMBEL], ids=["puct", "gumbel"])
def test_visits_equal_the_twins(name, config):
    game = zerofleet.load_game(name)
    compare(game, config, random_states(game, 6, seed=1), noise_seed=2)


@pytest.mark.long
@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("config", [PUCT, GUMBEL], ids=["puct", "gumbel"])
def test_visits_equal_the_twins_on_many_positions(name, config):
    game = zerofleet.load_game(name)
    config = config.model_copy(update={"num_simulations": 400})
    compare(game, config, random_states(game, 60, seed=3), noise_seed=4)


@pytest.mark.parametrize(
    "changes",
    [
        {"selection": "puct", "forced_playouts": 0.0},
        {"selection": "puct", "c_puct": 3.0, "c_puct_base": 500.0, "fpu_reduction": 0.0},
        {"selection": "puct", "root_fpu_reduction": 0.4, "dirichlet_weight": 0.9},
        {"selection": "puct", "leaves_per_round": 7, "virtual_loss": 3.0},
        {"selection": "gumbel", "leaves_per_round": 5},
        {"selection": "gumbel", "rescale_q": False, "c_scale": 1.0},
        {"selection": "gumbel", "max_considered_actions": 1},
        {"selection": "gumbel", "max_considered_actions": 3, "num_simulations": 17},
        {"selection": "gumbel", "c_visit": 5.0, "num_simulations": 5},
    ],
    ids=str,
)
def test_every_setting_means_the_same(changes):
    game = zerofleet.load_game("connect_four")
    config = MctsConfig(**{"num_simulations": 120, "cache_mib": 0, **changes})
    compare(game, config, random_states(game, 6, seed=5), noise_seed=6)


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
def test_ties_are_decided_alike(selection):
    game = zerofleet.load_game("ultimate_ttt")
    config = MctsConfig(selection=selection, num_simulations=150, cache_mib=0)
    states = random_states(game, 3, seed=7)
    compare(game, config, states, evaluator=None, twin=uniform)
