"""Parts that nets of tree search are made of."""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Module):
    """A convolution that keeps the board's size, then batch norm (Ioffe & Szegedy 2015)."""

    def __init__(self, num_inputs: int, num_filters: int, kernel: int):
        super().__init__()
        self.conv = nn.Conv2d(num_inputs, num_filters, kernel, padding=kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(num_filters)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, filters, H, W]"""
        y: Tensor = self.norm(self.conv(x))
        return y

    def fold(self) -> None:
        """Moves the normalisation into the convolution: for inference only."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())
            self.norm = nn.Identity()


def pooled(x_BFHW: Tensor) -> Tensor:
    """Returns [B, 2F]: mean and largest value of each channel (global pooling)."""
    return torch.cat([x_BFHW.mean((2, 3)), x_BFHW.amax((2, 3))], dim=1)


class SqueezeExcitation(nn.Module):
    """Scales and shifts channels by what they see on the whole board.

    Source: Hu et al. 2018; the shift as in Leela Chess Zero. Differs: a quarter of the channels in
    the hidden layer, and the shift starts at zero.
    """

    def __init__(self, num_filters: int):
        super().__init__()
        self.squeeze = nn.Linear(num_filters, max(1, num_filters // 4))
        self.excite = nn.Linear(max(1, num_filters // 4), 2 * num_filters)

    def forward(self, x_BFHW: Tensor) -> Tensor:
        """[B, F, H, W] -> the same shape."""
        hidden = torch.relu(self.squeeze(x_BFHW.mean((2, 3))))
        scale, shift = self.excite(hidden)[:, :, None, None].chunk(2, dim=1)
        y: Tensor = x_BFHW * torch.sigmoid(scale) + shift
        return y


class GlobalPoolingBias(nn.Module):
    """Adds to every channel what some channels are on the whole board.

    Source: Wu 2019 (KataGo), section 3.3. Differs: the pooled channels are a quarter of all and
    stay among them; boards of one net have one size, so the mean is not scaled by it.
    """

    def __init__(self, num_filters: int):
        super().__init__()
        self.num_pooled = max(1, num_filters // 4)
        self.spread = nn.Linear(2 * self.num_pooled, num_filters)

    def forward(self, x_BFHW: Tensor) -> Tensor:
        """[B, F, H, W] -> the same shape."""
        seen = pooled(torch.relu(x_BFHW[:, : self.num_pooled]))
        bias: Tensor = self.spread(seen)[:, :, None, None]
        return x_BFHW + bias
