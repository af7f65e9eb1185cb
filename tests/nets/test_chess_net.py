"""The net of the recipe `chess`: what people of other systems compare."""

import torch

from zerofleet import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.roles.config import load_recipe, resolve


def test_twenty_blocks_of_256_filters_and_4672_actions():
    config = resolve(load_recipe("chess"), None, {})
    architecture = NetArchitecture.of(load_game("chess"), config.net)
    assert (config.net.num_blocks, config.net.num_filters) == (20, 256)
    assert (architecture.num_planes, architecture.num_scalars) == (117, 2)
    model = build_model(architecture).eval()
    # As docs/distributed.md says.
    assert sum(parameter.numel() for parameter in model.parameters()) == 24_367_852
    with torch.no_grad():
        policy, value = model(torch.zeros(2, 117, 8, 8), torch.zeros(2, 2))
    assert policy.shape == (2, 4672)
    assert value.shape == (2, 3)
