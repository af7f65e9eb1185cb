"""A net without a hidden layer. The toy net of tests/test_contributing.py."""

import torch
from torch import Tensor, nn

from zerofleet.nets.architecture import NetArchitecture


class LinearNet(nn.Module):
    """Planes [B, C, H, W] and scalars [B, S] to logits of the actions and of the value head."""

    def __init__(self, architecture: NetArchitecture, config: object):
        super().__init__()
        arch = self.architecture = architecture
        inputs = arch.num_planes * arch.num_cells + arch.num_scalars
        self.policy = nn.Linear(inputs, arch.num_actions)
        self.value = nn.Linear(inputs, arch.num_values)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of a row of `evaluate`."""
        return (self.policy.in_features,)

    @property
    def scalar_repeat(self) -> int:
        """Inputs of each scalar."""
        return 1

    def forward(self, planes_BCHW: Tensor, scalars_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits of the actions [B, A] and of the value head [B, K]."""
        scalars = scalars_BS.to(planes_BCHW.dtype)
        return self.evaluate(torch.cat([planes_BCHW.flatten(1), scalars], dim=1))

    def evaluate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same of inputs [B, C * H * W + S]."""
        return self.policy(inputs), self.value(inputs)
