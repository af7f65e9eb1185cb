"""The residual net of convolutions (docs/nets.md draws it).

Legend: B rows, C planes, S scalars, F filters, H x W cells, A actions, K outputs of the value head.
"""

import torch
from torch import Tensor, nn

from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.board_net import BoardNet
from zerofleet.nets.config import ResNetConfig
from zerofleet.nets.layers import ConvNorm, GlobalPoolingBias, SqueezeExcitation


class ResidualBlock(nn.Module):
    """Two convolutions whose answer is added to what came in (He et al. 2016)."""

    def __init__(self, num_filters: int, *, squeeze_excitation: bool, global_pooling: bool):
        super().__init__()
        self.first = ConvNorm(num_filters, num_filters, 3)
        self.pooling = GlobalPoolingBias(num_filters) if global_pooling else nn.Identity()
        self.second = ConvNorm(num_filters, num_filters, 3)
        self.squeeze = SqueezeExcitation(num_filters) if squeeze_excitation else nn.Identity()

    def forward(self, x_BFHW: Tensor) -> Tensor:
        """[B, F, H, W] -> the same shape."""
        y = torch.relu(self.pooling(self.first(x_BFHW)))
        return torch.relu(x_BFHW + self.squeeze(self.second(y)))


class ResNet(BoardNet):
    """A stem, residual blocks, two heads. Built by `build_model`."""

    def __init__(self, architecture: NetArchitecture, config: ResNetConfig):
        super().__init__(architecture)
        arch = architecture
        filters = config.num_filters
        every = config.global_pooling_every
        self.stem = ConvNorm(arch.num_planes + arch.num_scalars, filters, 3)
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(
                    filters,
                    squeeze_excitation=config.squeeze_excitation,
                    global_pooling=every > 0 and (i + 1) % every == 0,
                )
                for i in range(config.num_blocks)
            )
        )
        self._add_heads(config)

    def evaluate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same of inputs [B, C + S, H, W]."""
        y = self.blocks(torch.relu(self.stem(inputs)))
        return self.policy(y), self.value(y)
