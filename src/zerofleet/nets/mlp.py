"""Fully connected layers, for small games and for games without a board (docs/nets.md).

Legend: B rows, C planes, S scalars, H x W cells, A actions, K outputs of the value head.
"""

import torch
from torch import Tensor, nn

from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.config import MlpConfig


class Mlp(nn.Module):
    """Hidden layers, of which all but the first add to what came in; two heads."""

    def __init__(self, architecture: NetArchitecture, config: MlpConfig):
        super().__init__()
        arch = architecture
        self.architecture = architecture
        units = config.num_units
        self.first = nn.Linear(arch.num_planes * arch.num_cells + arch.num_scalars, units)
        self.others = nn.ModuleList(nn.Linear(units, units) for _ in range(config.num_layers - 1))
        self.policy = nn.Linear(units, arch.num_actions)
        self.value = nn.Linear(units, arch.num_values)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of a row of `evaluate`: (C * H * W + S,)."""
        return (self.first.in_features,)

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
        x = torch.relu(self.first(inputs))
        for layer in self.others:
            x = x + torch.relu(layer(x))
        return self.policy(x), self.value(x)
