"""Learning without search: the gradient, the weights of replayed moves, what is learned."""

import numpy as np
import pytest
import torch

from sample_data import meta_of
from zerofleet import load_game
from zerofleet.games.evaluation import Evaluation
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import MlpConfig
from zerofleet.nets.evaluator import make_evaluator
from zerofleet.nets.model_file import model_to_safetensors
from zerofleet.replay.samples import SampleWindow, samples_of_shard
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.policy_value import PolicyValueLearner
from zerofleet.training.policy_value_loss import policy_gradient_loss

NO_SEARCH = MctsConfig(selection="none", cache_mib=0)
PLAY = PlayConfig(temperature_plies=100, num_parallel_games=64)


def loss_of(logits, *, action=1, prob=0.5, advantage=1.0, limit=1.0, legal=None):
    legal = torch.ones(1, 3, dtype=torch.bool) if legal is None else legal
    return policy_gradient_loss(
        logits,
        legal,
        torch.tensor([action]),
        torch.tensor([prob]),
        torch.tensor([advantage]),
        importance_limit=limit,
    )


def test_the_gradient_is_that_of_the_expected_return():
    """Summed over all moves as often as they are played, it is the gradient of sum pi(a) A(a)."""
    advantages = torch.tensor([0.3, -0.7, 0.5])
    logits = torch.tensor([[0.2, -0.4, 0.9]], requires_grad=True)
    expected = torch.autograd.grad((logits.softmax(1)[0] * advantages).sum(), logits)[0]
    probs = logits.softmax(1)[0].tolist()
    total = torch.zeros(1, 3)
    for action, prob in enumerate(probs):
        loss, _ = loss_of(logits, action=action, prob=prob, advantage=float(advantages[action]))
        total += prob * torch.autograd.grad(loss, logits)[0]
    torch.testing.assert_close(-total, expected, rtol=1e-4, atol=1e-6)


def test_moves_of_another_policy_are_weighted():
    """Played by a policy that differs, weighted without a limit: the same gradient."""
    advantages = torch.tensor([0.3, -0.7, 0.5])
    logits = torch.tensor([[0.2, -0.4, 0.9]], requires_grad=True)
    expected = torch.autograd.grad((logits.softmax(1)[0] * advantages).sum(), logits)[0]
    total = torch.zeros(1, 3)
    for action, prob in enumerate([0.7, 0.2, 0.1]):
        loss, _ = loss_of(
            logits, action=action, prob=prob, advantage=float(advantages[action]), limit=100.0
        )
        total += prob * torch.autograd.grad(loss, logits)[0]
    torch.testing.assert_close(-total, expected, rtol=1e-4, atol=1e-6)


def test_weights_are_cut_and_unknown_moves_teach_nothing():
    logits = torch.zeros(1, 3, requires_grad=True)
    whole, _ = loss_of(logits, prob=1 / 3)
    cut, _ = loss_of(logits, prob=0.01)
    double, _ = loss_of(logits, prob=0.01, limit=2.0)
    half, _ = loss_of(logits, prob=2 / 3)
    assert cut.item() == pytest.approx(whole.item())
    assert double.item() == pytest.approx(2 * whole.item())
    assert half.item() == pytest.approx(whole.item() / 2)
    unknown, _ = loss_of(logits, prob=0.0)
    assert unknown.item() == 0
    assert torch.autograd.grad(unknown, logits)[0].abs().sum() == 0


def test_illegal_moves_have_no_part():
    logits = torch.tensor([[5.0, 0.0, 0.0]], requires_grad=True)
    legal = torch.tensor([[False, True, True]])
    loss, entropy = loss_of(logits, legal=legal)
    assert entropy.item() == pytest.approx(np.log(2))
    gradient = torch.autograd.grad(loss + entropy, logits)[0]
    assert gradient[0, 0] == 0
    assert gradient.isfinite().all()


def samples_of(records, *, version=2, number=0):
    return samples_of_shard(
        meta_of("tic_tac_toe", version=version),
        records,
        name=f"games_{number}",
        validation_share=0.1,
        return_lambda=0.9,
    )


def learner(**settings):
    game = load_game("tic_tac_toe")
    model = build_model(NetArchitecture.of(game, MlpConfig(num_layers=2, num_units=48)), 1)
    config = PolicyValueConfig(
        batch_size=256, compile=False, compute_dtype="float32", warmup_steps=5, **settings
    )
    return PolicyValueLearner(model, config, device="cpu", without_search=True)


def evaluator_of(made):
    data = model_to_safetensors(made.average.model)
    return make_evaluator(data, backend="torch-f32", max_batch=64)


def test_the_parts_of_the_loss_add_up():
    made = learner(entropy_weight=0.05, value_loss_weight=0.7)
    records = play_games("tic_tac_toe", 100, NO_SEARCH, evaluator_of(made), play=PLAY)
    batch = samples_of(records)
    assert len(batch) == records.num_plies  # every position is learned from
    assert (batch.samples.action_prob > 0).all()
    window = SampleWindow.from_sources("tic_tac_toe", [batch], max_positions=10_000)
    result = made.train_loop(window, 1, num_steps=4)
    for losses in (result.train, result.validation):
        assert losses.total == pytest.approx(
            losses.policy + 0.7 * losses.value - 0.05 * losses.policy_entropy, abs=1e-6
        )
        assert losses.policy_entropy > 0.5


def score_against_random(made, player, num_games=400):
    """Mean result of one player, who plays the net's policy, against uniform moves."""
    evaluator = evaluator_of(made)

    def mixed(batch) -> Evaluation:
        # Whose move it is shows in the number of free cells: odd for the first.
        found = evaluator(batch)
        counts = np.diff(batch.legal_start)
        uniform = np.repeat((1 / counts).astype(np.float32), counts)
        is_net = np.repeat(counts % 2 != player, counts)
        return Evaluation(np.where(is_net, found.prior, uniform), found.value)

    records = play_games("tic_tac_toe", num_games, NO_SEARCH, mixed, seed=9, play=PLAY)
    return float(records.returns[:, player].mean())


def test_tic_tac_toe_is_learned_without_search():
    """From +0.3, two uniform players, to +0.9; the second player from -0.3 to +0.4."""
    made = learner(learning_rate=3e-3, entropy_weight=0.1, average_decay=0.9)
    before = score_against_random(made, 0), score_against_random(made, 1)
    window = SampleWindow.empty("tic_tac_toe", max_positions=4000)
    for loop in range(1, 25):
        records = play_games(
            "tic_tac_toe", 300, NO_SEARCH, evaluator_of(made), seed=loop, play=PLAY
        )
        window = window.extended([samples_of(records, number=loop)])
        made.train_loop(window, loop, num_steps=20)
    after = score_against_random(made, 0), score_against_random(made, 1)
    assert before[0] < 0.5
    assert before[1] < 0.0
    assert after[0] > 0.75
    assert after[1] > 0.2
