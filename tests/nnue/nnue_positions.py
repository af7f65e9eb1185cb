"""Positions of random games, the same in every run."""

import random
from functools import cache

import numpy as np
from numpy.typing import NDArray

import zerofleet

GAMES = ["ultimate_ttt", "connect_four", "tic_tac_toe"]


@cache
def random_positions(game_name: str, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Packed positions u8 [count, P] of whole random games, ends included."""
    game = zerofleet.load_game(game_name)
    rng = random.Random(seed)
    rows: list[NDArray[np.uint8]] = []
    while len(rows) < count:
        state = game.initial_state()
        rows.append(state.pack())
        while not state.is_terminal:
            state.apply(rng.choice(state.legal_actions()))
            rows.append(state.pack())
    return np.stack(rows[:count])
