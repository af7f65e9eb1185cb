"""From an architecture to a net of torch, and from a trained net to one for inference."""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.layers import ConvNorm
from zerofleet.nets.mlp import Mlp
from zerofleet.nets.resnet import ResNet
from zerofleet.nets.spiking import LifLayer, SpikingNet

Net = ResNet | SpikingNet | Mlp
"""A net of tree search. `forward(planes [B, C, H, W], scalars [B, S])` returns logits of the
actions [B, A] and of the value head [B, K]; `evaluate` takes both inputs as one tensor
[B, *input_shape], where each scalar follows `scalar_repeat` times; `architecture` says what the net
is."""

_KINDS: dict[str, Callable[[NetArchitecture, Any], Net]] = {
    "resnet": ResNet,
    "spiking": SpikingNet,
    "mlp": Mlp,
}
"""What makes the layers, by `net.kind`; the second argument is the net's part of the
configuration."""

OUTPUT_SCALE = 0.1
"""Last layers start this much smaller: a new net's priors are nearly equal and its values near 0,
so that the first games are played by search alone."""


def build_model(architecture: NetArchitecture, seed: int = 0) -> Net:
    """Returns a new net with random weights, a function of the architecture and the seed."""
    with torch.device("meta"):  # torch's own initialisation would draw from the global generator
        empty = _KINDS[architecture.net.kind](architecture, architecture.net)
    model = empty.to_empty(device="cpu")
    _initialise(model, torch.Generator().manual_seed(seed))
    return model


@torch.no_grad()
def _initialise(model: Net, generator: torch.Generator) -> None:
    """He et al. 2015 for layers before a ReLU; small last layers; shifts and biases zero."""
    last = ("policy", "policy.planes", "policy.extra", "policy.out", "value", "value.out")
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            deviation = math.sqrt(2.0 / module.weight[0].numel())
            scale = OUTPUT_SCALE if name in last else 1.0
            module.weight.normal_(0.0, deviation * scale, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            # A block that starts as the identity trains faster and deeper (Goyal et al. 2017).
            if name.endswith("second.norm"):
                module.weight.zero_()
        if name.endswith("squeeze.excite"):
            half = len(module.weight) // 2
            module.weight[half:].zero_()  # the shift


def folded(model: Net) -> Net:
    """Returns a copy for inference: batch normalisation is moved into the convolutions, and neurons
    have no gradients.

    Answers stay the same up to rounding. Not to be trained or saved.
    """
    inference = copy.deepcopy(model).eval()
    for module in list(inference.modules()):
        if isinstance(module, ConvNorm | LifLayer):
            module.fold()
    return inference.requires_grad_(False)
