"""Small nets with weights as after training, and batches of real positions."""

import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zerofleet.games import load_game
from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import Net, build_model
from zerofleet.nets.config import MlpConfig, ResNetConfig

SMALL = ResNetConfig(
    num_blocks=3,
    num_filters=32,
    squeeze_excitation=True,
    num_head_filters=8,
    num_head_units=16,
    num_score_bins=32,
)
MLP = MlpConfig(num_layers=3, num_units=32, num_score_bins=32)


PYTHON_GAME = Path(__file__).parent.parent / "games" / "short_tic_tac_toe.py"


def game_of(name: str):
    """A game by name; "python": tic-tac-toe written in Python, whose planes are real numbers."""
    return load_game(f"{PYTHON_GAME}:TicTacToe" if name == "python" else name)


def trained(model: Net, seed: int = 1) -> Net:
    """Gives every parameter and every running statistic values that matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor, low in ((module.weight, 0.5), (module.running_var, 0.5)):
                    tensor.uniform_(low, 1.5, generator=generator)
                for tensor in (module.bias, module.running_mean):
                    tensor.normal_(0.0, 0.3, generator=generator)
            elif isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.normal_(0.0, 0.2, generator=generator)
    return model.eval()


def net_for(game, config: ResNetConfig | MlpConfig = SMALL, seed: int = 1) -> Net:
    game = game_of(game) if isinstance(game, str) else game
    return trained(build_model(NetArchitecture.of(game, config), seed), seed)


def states_of(game, count: int, seed: int = 0) -> list:
    """Positions of random play in which a player moves."""
    rng = random.Random(seed)
    found: list = []
    while len(found) < count:
        state = game.initial_state()
        while not state.is_terminal and len(found) < count:
            if not state.is_chance and rng.random() < 0.5:
                found.append(state.copy())
            state.apply(rng.choice(state.legal_actions()))
    return found


def batch_of(game, states: list, *, real: bool = False) -> LeafBatch:
    """The rows of these positions; bits are packed by numpy, not by the core."""
    planes = np.stack([s.observation() for s in states]).astype(np.float32)
    if not real:
        flat = planes.reshape(*planes.shape[:2], -1).astype(np.uint8)
        planes = np.packbits(flat, axis=2, bitorder="little")
    legal = [s.legal_actions() for s in states]
    start = np.cumsum([0, *map(len, legal)]).astype(np.int64)
    scalars = np.stack([s.scalars() for s in states]).astype(np.float32)
    return LeafBatch(planes, scalars, start, np.concatenate(legal).astype(np.int32))


def real_batch(name: str, count: int, seed: int = 0) -> LeafBatch:
    game = game_of(name)
    return batch_of(game, states_of(game, count, seed), real=name == "python")
