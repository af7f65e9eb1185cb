"""Maps of cells and actions agree with the states of every game."""

import logging
import random
from pathlib import Path

import numpy as np
import pytest

import zerofleet.games
from zerofleet import load_game
from zerofleet.replay.symmetries import find_symmetries, identity, symmetries_of

SMALLER = {"go": "go(size=5)", "twenty48": "twenty48(size=3)"}
GAMES = [SMALLER.get(name, name) for name in zerofleet.games.game_names()]


@pytest.mark.parametrize("name", GAMES)
def test_every_symmetry_of_compiled_games_is_found(name):
    game = load_game(name)
    found = symmetries_of(game)
    assert found.numbers == tuple(range(game.symmetries))
    assert found.left_out == ()
    assert found.cell_map[0].tolist() == list(range(found.cell_map.shape[1]))
    assert found.action_map[0].tolist() == list(range(game.num_actions))
    assert len({tuple(cells) for cells in found.cell_map.tolist()}) == game.symmetries


@pytest.mark.parametrize("name", GAMES)
def test_images_of_fresh_states(name):
    """States the maps were not found with; legal actions go where the map says."""
    game = load_game(name)
    found = symmetries_of(game)
    rng = random.Random(99)
    state = game.initial_state()
    for _ in range(60):
        if state.is_terminal:
            state = game.initial_state()
        if not state.is_chance:
            for m, symmetry in enumerate(found.numbers):
                image = state.transformed(symmetry)
                planes = state.observation().reshape(game.observation_shape[0], -1)
                moved = np.empty_like(planes)
                moved[:, found.cell_map[m]] = planes
                np.testing.assert_array_equal(moved, image.observation().reshape(planes.shape))
                legal = [int(found.action_map[m, a]) for a in state.legal_actions()]
                assert sorted(legal) == image.legal_actions()
        state.apply(rng.choice(state.legal_actions()))


def test_a_symmetry_that_is_no_turn_of_the_planes_is_left_out(caplog):
    """A game in a file that shows its board turned, but for a plane that stays as it is."""

    class Turned:
        num_actions = 4
        symmetries = 2

        def initial_position(self):
            return ((0, 0, 0, 0), 0)

        def to_play(self, position):
            return position[1]

        def legal_actions(self, position):
            return [i for i, cell in enumerate(position[0]) if not cell]

        def play(self, position, action):
            cells = list(position[0])
            cells[action] = 1 + position[1]
            return (tuple(cells), 1 - position[1])

        def returns(self, position):
            return 0

        def observation(self, position):
            board = np.array(position[0], np.float32).reshape(1, 2, 2)
            return np.concatenate([board, [[[1, 2], [3, 4]]]])

        def transform(self, position, symmetry):
            return (position[0][::-1], position[1])

        def transform_action(self, action, symmetry):
            return 3 - action

    from zerofleet.games.python_game import PythonGame

    game = PythonGame(Turned(), "turned")
    with caplog.at_level(logging.WARNING):
        found = find_symmetries(game)
    assert (found.numbers, found.left_out) == ((0,), (1,))
    assert "turned: symmetries 1 are no turn or flip" in caplog.text
    Turned.observation = lambda _, position: np.array(position[0], np.float32).reshape(1, 2, 2)
    found = find_symmetries(PythonGame(Turned(), "turned"))
    assert found.cell_map.tolist() == [[0, 1, 2, 3], [3, 2, 1, 0]]


def test_games_of_files():
    line = load_game(str(Path(__file__).parents[2] / "examples" / "custom_game.py") + ":Line")
    assert len(symmetries_of(line)) == line.symmetries
    assert identity(line).cell_map.shape == (
        1,
        line.observation_shape[1] * line.observation_shape[2],
    )
