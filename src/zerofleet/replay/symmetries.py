"""Symmetries of a game as maps of cells and actions, so that samples need not be replayed for them.

A game says how a whole state and an action change (`transformed`, `transform_action`). What
happens to the planes a net sees is found by looking: of the ways to turn and flip a grid, the one
that takes the observation of every state of some random games to that of its image.
"""

import functools
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.games import load_game

log = logging.getLogger(__name__)

NUM_STATES = 48
"""States that a map must fit."""
_MAX_PLIES = 200


@dataclass(frozen=True)
class Symmetries:
    """Where cells and actions go. M symmetries, identity first; legend: H x W cells, A actions."""

    cell_map: npt.NDArray[np.int32]
    """[M, H * W]: the image's cell `cell_map[m, i]` is cell i; cells are row-major."""
    action_map: npt.NDArray[np.int32]
    """[M, A]: what action a means in the image."""
    numbers: tuple[int, ...]
    """[M] what the game calls them."""
    left_out: tuple[int, ...]
    """Symmetries of the game that are no turn or flip of the planes: samples are not shown under
    them."""

    def __len__(self) -> int:
        return len(self.numbers)


def identity(game: Any) -> Symmetries:
    """No symmetry but the identity."""
    _, rows, cols = game.observation_shape
    return Symmetries(
        cell_map=np.arange(rows * cols, dtype=np.int32)[None],
        action_map=np.arange(game.num_actions, dtype=np.int32)[None],
        numbers=(0,),
        left_out=(),
    )


def symmetries_of(game: Any) -> Symmetries:
    """Returns the maps of a game (as `load_game` returns it), found once in a process.

    Symmetries that are left out are named in the log.
    """
    return _of_compiled(game.spec) if isinstance(game, _core.Game) else find_symmetries(game)


@functools.cache
def _of_compiled(spec: str) -> Symmetries:
    return find_symmetries(load_game(spec))


def find_symmetries(game: Any, *, num_states: int = NUM_STATES) -> Symmetries:
    """Finds the maps by comparing random states with their images."""
    if game.symmetries == 1:
        return identity(game)
    states = list(_random_states(game, num_states))
    _, rows, cols = game.observation_shape
    grids = _grid_maps(rows, cols)
    cell_maps, action_maps, numbers, left_out = [], [], [], []
    for symmetry in range(game.symmetries):
        action_map = np.array(
            [game.transform_action(action, symmetry) for action in range(game.num_actions)],
            np.int32,
        )
        fitting = [grid for grid in grids if _fits(states, symmetry, grid)]
        if fitting and np.array_equal(np.sort(action_map), np.arange(game.num_actions)):
            cell_maps.append(fitting[0])
            action_maps.append(action_map)
            numbers.append(symmetry)
        else:
            left_out.append(symmetry)
    if left_out:
        log.warning(
            "%s: symmetries %s are no turn or flip of what nets see; samples are shown under the "
            "other %d of %d",
            game.spec,
            ", ".join(map(str, left_out)),
            len(numbers),
            game.symmetries,
        )
    return Symmetries(np.stack(cell_maps), np.stack(action_maps), tuple(numbers), tuple(left_out))


def _grid_maps(rows: int, cols: int) -> list[npt.NDArray[np.int32]]:
    """The four flips of a grid, of a square the four with rows and columns exchanged too."""
    cells = np.arange(rows * cols).reshape(rows, cols)
    images = [
        turned[::flip_rows, ::flip_cols].reshape(-1)
        for turned in ((cells, cells.T) if rows == cols else (cells,))
        for flip_rows in (1, -1)
        for flip_cols in (1, -1)
    ]
    # An image lists which cell is seen where; a map says where each cell goes.
    return [np.argsort(image).astype(np.int32) for image in images]


def _fits(states: list[Any], symmetry: int, grid: npt.NDArray[np.int32]) -> bool:
    for state in states:
        image = state.transformed(symmetry)
        planes, seen = state.observation(), image.observation()
        moved = np.empty_like(planes).reshape(len(planes), -1)
        moved[:, grid] = planes.reshape(len(planes), -1)
        if not np.array_equal(moved, seen.reshape(len(planes), -1)):
            return False
        if not np.array_equal(state.scalars(), image.scalars()):
            return False
    return True


def _random_states(game: Any, count: int) -> Iterator[Any]:
    """States in which a player moves, from all parts of random games."""
    rng = random.Random(1)
    while True:
        state = game.initial_state()
        # A different stretch between two states each game: games are of any length.
        stride = rng.randint(1, 12)
        for ply in range(_MAX_PLIES):
            if state.is_terminal:
                break
            if not state.is_chance and ply % stride == 0:
                yield state.copy()
                count -= 1
                if count == 0:
                    return
            state.apply(rng.choice(state.legal_actions()))
