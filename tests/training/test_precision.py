"""Mixed precision: the loss it reaches, the scale of float16, what is chosen where."""

import pytest
import torch

from sample_data import window
from zerofleet import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import ResNetConfig
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.policy_value import PolicyValueLearner
from zerofleet.training.policy_value_checkpoint import (
    policy_value_learner_to_bytes,
    restore_policy_value_learner,
)

NET = ResNetConfig(num_blocks=1, num_filters=8, num_head_filters=4, num_head_units=8)
CONFIG = PolicyValueConfig(batch_size=32, compile=False, learning_rate=3e-3, warmup_steps=10)


def learner(dtype):
    model = build_model(NetArchitecture.of(load_game("connect_four"), NET), seed=1)
    config = CONFIG.model_copy(update={"compute_dtype": dtype})
    return PolicyValueLearner(model, config, device="cpu")


@pytest.fixture(scope="module")
def exact():
    torch.set_num_threads(1)
    return learner("float32").train_loop(window("connect_four"), 1, num_steps=200)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_loss_after_200_steps(exact, dtype):
    made = learner(dtype)
    result = made.train_loop(window("connect_four"), 1, num_steps=200)
    assert result.train.total == pytest.approx(exact.train.total, rel=0.02)
    assert result.validation.total == pytest.approx(exact.validation.total, rel=0.02)
    assert all(p.dtype == torch.float32 for p in made.model.parameters())
    assert made.gradients.scaler.is_enabled() == (dtype == "float16")


def test_a_gradient_that_overflows_is_left_out_and_the_scale_is_kept():
    made = learner("float16")
    scaler = made.gradients.scaler
    # Far too large: the next gradients are infinite.
    scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0**40})
    before = [p.clone() for p in made.model.parameters()]
    result = made.train_loop(window("connect_four"), 1, num_steps=1)
    assert all(torch.equal(a, b) for a, b in zip(before, made.model.parameters(), strict=True))
    assert result.train.total < 10
    assert made.gradients.scaler.get_scale() == 2.0**39
    restored = learner("float16")
    restore_policy_value_learner(restored, policy_value_learner_to_bytes(made))
    assert restored.gradients.scaler.get_scale() == 2.0**39
    # A learner of another precision has no use for it.
    restore_policy_value_learner(learner("float32"), policy_value_learner_to_bytes(made))
