"""Positions that show how large the numbers in a net become: what int8 takes its ranges from."""

import random

import numpy as np
from numpy.typing import NDArray

from zerofleet.games.protocol import Game
from zerofleet.games.registry import load_game
from zerofleet.nets.backend import BackendError, Floats
from zerofleet.nets.build import Net

NUM_POSITIONS = 256

_SEED = 1
_SHARE = 0.25
"""Of the positions of a game: neighbours are much alike."""


def calibration_inputs(model: Net) -> Floats:
    """Returns float32 [256, *input_shape]: positions of random play, always the same of a game.

    Raises: BackendError if the game cannot be loaded here.
    """
    spec = model.architecture.game
    try:
        game = load_game(spec)
    except (ValueError, OSError, ImportError) as error:
        raise BackendError(f"int8 needs positions of {spec} to find its ranges: {error}") from error
    rows = [_row(*found, model.scalar_repeat) for found in _observations(game)]
    return np.stack(rows).astype(np.float32).reshape(-1, *model.input_shape)


def _observations(game: Game) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Planes and scalars of positions in which a player moves."""
    rng = random.Random(_SEED)
    found: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    while True:
        state = game.initial_state()
        while not state.is_terminal:
            if not state.is_chance and rng.random() < _SHARE:
                found.append((state.observation(), state.scalars()))
                if len(found) == NUM_POSITIONS:
                    return found
            state.apply(rng.choice(state.legal_actions()))


def _row(
    planes: NDArray[np.float32], scalars: NDArray[np.float32], repeat: int
) -> NDArray[np.float32]:
    return np.concatenate([planes.ravel(), np.repeat(scalars, repeat)])
