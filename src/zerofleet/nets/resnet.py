"""The residual net of convolutions (docs/nets.md draws it).

Legend: B rows, C planes, S scalars, F filters, H x W cells, A actions, K outputs of the value head.
"""

import torch
from torch import Tensor, nn

from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.config import ResNetConfig
from zerofleet.nets.heads import BoardHead, ConvPolicyHead
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


class ResNet(nn.Module):
    """A stem, residual blocks, two heads. Built by `build_model`."""

    def __init__(self, architecture: NetArchitecture, config: ResNetConfig):
        super().__init__()
        arch = architecture
        self.architecture = architecture
        filters, head_filters = config.num_filters, config.num_head_filters
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
        self.policy: nn.Module
        if arch.policy_head == "conv":
            self.policy = ConvPolicyHead(filters, head_filters, arch.num_cells, arch.num_actions)
        else:
            self.policy = BoardHead(filters, head_filters, arch.num_cells, 0, arch.num_actions)
        self.value = BoardHead(
            filters, head_filters, arch.num_cells, config.num_head_units, arch.num_values
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of a row of `evaluate`: (C + S, H, W), the scalars as constant planes."""
        arch = self.architecture
        return arch.num_planes + arch.num_scalars, arch.rows, arch.cols

    @property
    def scalar_repeat(self) -> int:
        """Inputs of each scalar."""
        return self.architecture.num_cells

    def forward(self, planes_BCHW: Tensor, scalars_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits of the actions [B, A] and of the value head [B, K]."""
        x = planes_BCHW
        if self.architecture.num_scalars:
            constant = scalars_BS.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, constant], dim=1)
        return self.evaluate(x)

    def evaluate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same of inputs [B, C + S, H, W]."""
        y = self.blocks(torch.relu(self.stem(inputs)))
        return self.policy(y), self.value(y)
