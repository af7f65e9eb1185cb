"""Heads of the nets of tree search, and what their numbers mean.

Legend: B rows, F channels of the trunk, H x W cells, A actions, K outputs of the value head.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zerofleet.nets.layers import ConvNorm, pooled


class ConvPolicyHead(nn.Module):
    """Action = plane * cells + cell; one action more, a pass, is read off the pooled board."""

    def __init__(self, num_filters: int, num_head_filters: int, num_cells: int, num_actions: int):
        super().__init__()
        num_planes, num_extra = divmod(num_actions, num_cells)
        self.read = ConvNorm(num_filters, num_head_filters, 1)
        self.planes = nn.Conv2d(num_head_filters, num_planes, 1)
        self.extra = nn.Linear(2 * num_head_filters, 1) if num_extra else None

    def forward(self, x_BFHW: Tensor) -> Tensor:
        """Returns logits [B, A]."""
        y = torch.relu(self.read(x_BFHW))
        logits: Tensor = self.planes(y).flatten(1)
        if self.extra is None:
            return logits
        return torch.cat([logits, self.extra(pooled(y))], dim=1)


class BoardHead(nn.Module):
    """Any outputs, from all cells of the board: a 1 x 1 convolution, then fully connected layers.

    Source: Silver et al. 2017 (AlphaGo Zero), Methods, "Neural network architecture". Differs: more
    channels are read, as later programs do.
    """

    def __init__(
        self,
        num_filters: int,
        num_head_filters: int,
        num_cells: int,
        num_units: int,
        num_outputs: int,
    ):
        """`num_units`: of the hidden layer; 0: there is none."""
        super().__init__()
        self.read = ConvNorm(num_filters, num_head_filters, 1)
        num_inputs = num_head_filters * num_cells
        self.hidden = nn.Linear(num_inputs, num_units) if num_units else None
        self.out = nn.Linear(num_units or num_inputs, num_outputs)

    def forward(self, x_BFHW: Tensor) -> Tensor:
        """Returns [B, outputs]."""
        y = torch.relu(self.read(x_BFHW)).flatten(1)
        if self.hidden is not None:
            y = torch.relu(self.hidden(y))
        logits: Tensor = self.out(y)
        return logits


def wdl_value(logits_B3: Tensor) -> Tensor:
    """Returns values [B] in [-1, 1], mover's view: P(win) - P(loss)."""
    wdl = logits_B3.softmax(dim=1)
    return wdl[:, 0] - wdl[:, 2]


def score_centres(num_bins: int) -> NDArray[np.float32]:
    """Returns float32 [K]: the gain in search value that each bin stands for, 0 .. 2, rising.

    Bins are dense near no gain, where games end and most of the weight lies: centre i is
    2 (i / (K - 1))^2.
    """
    return (2.0 * np.linspace(0.0, 1.0, num_bins) ** 2).astype(np.float32)


def score_value(logits_BK: Tensor, base_B: Tensor | float) -> Tensor:
    """Returns values [B]: the search value reached so far plus the expected gain, in [-1, 1].

    Source: Schrittwieser et al. 2020 (MuZero), appendix F. Differs: the transform of scores is the
    game's own (`search_value`), and what is predicted is the gain, so that a score once reached
    need not be learned.
    """
    centres = torch.from_numpy(score_centres(logits_BK.shape[1])).to(logits_BK)
    gain = logits_BK.softmax(dim=1) @ centres
    return (gain + base_B).clamp(-1.0, 1.0)


def two_hot(gain_B: Tensor, num_bins: int) -> Tensor:
    """Returns float32 [B, K]: weight on the two bins around each gain whose mean is the gain.

    Gains outside [0, 2] count as the nearest in it. Source: Schrittwieser et al. 2020, appendix F.
    """
    centres = torch.from_numpy(score_centres(num_bins)).to(gain_B.device)
    gain = gain_B.float().clamp(0.0, 2.0)
    upper = torch.searchsorted(centres, gain).clamp(1, num_bins - 1)
    low, high = centres[upper - 1], centres[upper]
    share = ((gain - low) / (high - low))[:, None]
    target = gain.new_zeros(len(gain), num_bins)
    target.scatter_(1, upper[:, None] - 1, 1.0 - share)
    return target.scatter_(1, upper[:, None], share)
