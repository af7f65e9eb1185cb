"""Losses of policy and value at points where a person can check them."""

import math

import numpy as np
import pytest
import torch

from zerofleet.nets.heads import score_centres
from zerofleet.training.policy_value_loss import (
    policy_entropy,
    policy_loss,
    score_target,
    value_loss,
    wdl_target,
)


def test_policy_loss_by_hand():
    # Two legal actions with logits 0 and log 3: probabilities 1/4 and 3/4.
    logits = torch.tensor([[0.0, math.log(3), 50.0]])
    legal = torch.tensor([[True, True, False]])
    for target in ([1.0, 0, 0], [0, 1.0, 0], [0.5, 0.5, 0]):
        expected = -(target[0] * math.log(0.25) + target[1] * math.log(0.75))
        assert policy_loss(logits, legal, torch.tensor([target])).item() == pytest.approx(expected)


def test_illegal_actions_have_no_gradient():
    logits = torch.randn(4, 9, requires_grad=True)
    legal = torch.rand(4, 9) < 0.5
    legal[:, 0] = True
    policy = legal / legal.sum(1, keepdim=True)
    policy_loss(logits, legal, policy).backward()
    assert logits.grad[~legal].abs().max() == 0
    # The gradient of a softmax and cross-entropy: (p - target) / rows.
    p = logits.detach().masked_fill(~legal, -math.inf).softmax(1)
    torch.testing.assert_close(logits.grad, (p - policy) / 4)


def test_rows_without_a_policy_do_not_count():
    logits, legal = torch.randn(3, 5), torch.ones(3, 5, dtype=torch.bool)
    policy = torch.rand(3, 5).softmax(1)
    policy[1] = 0
    kept = [0, 2]
    assert policy_loss(logits, legal, policy).item() == pytest.approx(
        policy_loss(logits[kept], legal[kept], policy[kept]).item()
    )
    assert policy_loss(logits, legal, torch.zeros(3, 5)).item() == 0


def test_the_least_policy_loss_is_the_entropy_of_the_targets():
    policy = torch.rand(6, 4).softmax(1)
    legal = torch.ones(6, 4, dtype=torch.bool)
    least = policy_loss(policy.log(), legal, policy).item()
    assert least == pytest.approx(policy_entropy(policy).item(), abs=1e-6)
    assert policy_loss(torch.randn(6, 4), legal, policy).item() > least


def test_wdl_targets():
    search = torch.tensor([0.6, -0.2, 0.0, math.nan, math.nan])
    result = torch.tensor([1.0, 1.0, 0.0, -1.0, 0.5])
    for share, expected in (
        (0.0, [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]]),
        (1.0, [[0.6, 0.4, 0], [0, 0.8, 0.2], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]]),
        (0.25, [[0.9, 0.1, 0], [0.75, 0.2, 0.05], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]]),
    ):
        target = wdl_target(search, result, lambda_search=share)
        torch.testing.assert_close(target, torch.tensor(expected, dtype=torch.float32))
        # Its mean is the blend of the two values.
        value = torch.where(search.isnan(), result, search)
        blend = share * value + (1 - share) * result
        torch.testing.assert_close(target[:, 0] - target[:, 2], blend)


def test_score_targets_have_the_mean_that_is_to_be_learned():
    rng = np.random.default_rng(1)
    base = torch.from_numpy(rng.uniform(-1, 0.5, 200).astype(np.float32))
    result = (base + torch.rand(200) * (1 - base)).clamp(max=1)
    search = (base + torch.rand(200) * (1 - base)).clamp(max=1)
    search[::7] = math.nan
    target = score_target(search, result, base, num_bins=32, lambda_search=0.3)
    assert (target >= 0).all()
    torch.testing.assert_close(target.sum(1), torch.ones(200))
    gain = target @ torch.from_numpy(score_centres(32))
    blend = 0.3 * torch.where(search.isnan(), result, search) + 0.7 * result
    torch.testing.assert_close(gain, blend - base, atol=1e-5, rtol=0)
    assert ((target > 0).sum(1) <= 4).all()


def test_value_loss_is_least_at_the_target():
    target = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    entropy = torch.special.entr(target).sum(1).mean().item()
    logits = target.clamp(min=1e-9).log()
    assert value_loss(logits, target).item() == pytest.approx(entropy, abs=1e-5)
    assert value_loss(torch.zeros(2, 3), target).item() == pytest.approx(math.log(3))
