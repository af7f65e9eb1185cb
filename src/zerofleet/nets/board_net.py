"""What every net of convolutions over a board shares: its inputs, and its two heads."""

import torch
from torch import Tensor, nn

from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.config import ResNetConfig, SpikingConfig
from zerofleet.nets.heads import BoardHead, ConvPolicyHead


class BoardNet(nn.Module):
    """A net that reads planes and scalars as planes. Subclasses define `evaluate`.

    Legend: B rows, C planes, S scalars, H x W cells, A actions, K outputs of the value head.
    """

    def __init__(self, architecture: NetArchitecture):
        super().__init__()
        self.architecture = architecture

    def _add_heads(self, config: ResNetConfig | SpikingConfig) -> None:
        """Makes `policy` and `value`; call it last, as initial weights are drawn in this order."""
        arch = self.architecture
        filters, head_filters = config.num_filters, config.num_head_filters
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
        raise NotImplementedError
