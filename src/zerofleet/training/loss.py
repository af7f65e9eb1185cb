"""The loss, in win-probability space. docs/training.md derives its fixed point.

Legend: N positions; everything is from the mover's view.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def win_probability_target(
    search_value_N: npt.NDArray[np.float32],
    result_N: npt.NDArray[np.float32],
    *,
    lambda_search: float,
) -> npt.NDArray[np.float32]:
    """Returns target win probabilities f32 [N] in [0, 1].

    Args:
      search_value_N: value of the search in [-1, 1], tanh(score / 1024); NaN counts as the result.
      result_N: result of the game, -1, 0 or 1; seed positions repeat their value.
      lambda_search: share of the search value.
    """
    search_value_N = np.where(np.isnan(search_value_N), result_N, search_value_N)
    value_N = lambda_search * search_value_N + (1.0 - lambda_search) * result_N
    return ((value_N + 1.0) * 0.5).astype(np.float32)


def win_probability_loss(logits_N: Tensor, target_N: Tensor, *, power: float) -> Tensor:
    """Returns the mean of |sigmoid(logit) - target| ** power, f32 scalar.

    sigmoid(logit) is the very map that turns the net's evaluation into the search value it was
    labelled with, so a net that already predicts its labels has loss and gradient zero.
    """
    difference = (torch.sigmoid(logits_N) - target_N).abs()
    return (difference**power).mean()
