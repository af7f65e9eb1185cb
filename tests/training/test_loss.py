import numpy as np
import torch

from zerofleet.nets.nnue_file import EVAL_PER_LOGIT
from zerofleet.training.loss import win_probability_loss, win_probability_target


def target(search, result, share):
    return win_probability_target(
        np.array([search], np.float32), np.array([result], np.float32), lambda_search=share
    )[0]


def test_target_blends_search_and_result():
    assert target(0.5, -1.0, 1.0) == 0.75
    assert target(0.5, -1.0, 0.0) == 0.0
    assert target(0.5, -1.0, 0.75) == np.float32(0.75 * 0.75)
    assert target(np.nan, 1.0, 0.75) == 1.0  # no search: the result alone


def test_search_values_are_labels_of_the_net_itself():
    """value = tanh(score / 1024) becomes sigmoid(score / 512): the net's own win probability."""
    score = np.arange(-6000, 6001, 37)
    search = np.tanh(score / 1024).astype(np.float32)
    made = win_probability_target(search, np.zeros(len(score), np.float32), lambda_search=1.0)
    own = torch.sigmoid(torch.tensor(score / EVAL_PER_LOGIT))
    np.testing.assert_allclose(made, own, atol=1e-6)


def test_the_gradient_is_zero_at_the_own_labels():
    logits = torch.linspace(-4, 4, 101, requires_grad=True)
    labels = torch.sigmoid(logits.detach())
    loss = win_probability_loss(logits, labels, power=2.6)
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.abs().max() == 0.0
    # Beside them it points back to them.
    shifted = (logits.detach() + 0.3).requires_grad_()
    win_probability_loss(shifted, labels, power=2.6).backward()
    assert (shifted.grad > 0).all()


def test_loss_by_hand():
    logits = torch.tensor([0.0, 0.0])
    loss = win_probability_loss(logits, torch.tensor([1.0, 0.25]), power=2.0)
    assert loss.item() == (0.25 + 0.0625) / 2
