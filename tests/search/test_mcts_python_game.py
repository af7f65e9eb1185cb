"""A game written in Python is searched as the compiled one is."""

from pathlib import Path

import numpy as np
import pytest

from search.hash_evaluator import random_states
from zerofleet import load_game
from zerofleet.games.evaluation import Evaluation
from zerofleet.games.python_game import PythonGame
from zerofleet.search import Mcts, MctsConfig

SMALL = Path(__file__).parent.parent / "games" / "short_tic_tac_toe.py"


def value_of_planes(batch):
    """The same for bits and for real planes: a function of which cells are mine and theirs."""
    planes = batch.planes
    if planes.dtype == np.uint8:
        planes = np.unpackbits(planes, axis=2, bitorder="little")[:, :, :9]
    cells = planes.reshape(len(batch), -1).astype(np.float64)
    weights = np.sin(np.arange(1, cells.shape[1] + 1) * 1.7)
    value = np.tanh(cells @ weights).astype(np.float32)
    prior = []
    for row in range(len(batch)):
        actions = batch.legal_action[batch.legal_start[row] : batch.legal_start[row + 1]]
        p = np.exp(np.cos(actions * 2.3 + cells[row].sum()))
        prior.append((p / p.sum()).astype(np.float32))
    return Evaluation(np.concatenate(prior), value)


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
def test_the_same_tree(selection):
    compiled, python = load_game("tic_tac_toe"), load_game(f"{SMALL}:TicTacToe")
    config = MctsConfig(selection=selection, num_simulations=120, leaves_per_round=3)
    for number, state in enumerate(random_states(compiled, 8, seed=31)):
        twin = python.initial_state()
        for action in moves_to(compiled, state):
            twin.apply(action)
        a = Mcts(compiled, config, value_of_planes, seed=number).search(state)
        b = Mcts(python, config, value_of_planes, seed=number).search(twin)
        np.testing.assert_array_equal(a.actions, b.actions)
        np.testing.assert_array_equal(a.visits, b.visits)
        np.testing.assert_array_equal(a.policy, b.policy)
        assert (a.action, a.value, a.num_nodes) == (b.action, b.value, b.num_nodes)


def moves_to(game, wanted):
    """Some order of the pieces of a position that does not end the game before."""

    def extend(state, moves):
        if state.text() == wanted.text():
            return moves
        for action in state.legal_actions():
            child = state.copy()
            child.apply(action)
            if (child.is_terminal and child.text() != wanted.text()) or not fits(child, wanted):
                continue
            found = extend(child, [*moves, action])
            if found is not None:
                return found
        return None

    return extend(game.initial_state(), [])


def fits(state, wanted):
    board, target = state.text().split()[0], wanted.text().split()[0]
    return all(a in (".", b) for a, b in zip(board, target, strict=True))


class Heap:
    """Whoever takes the last of the stones wins; `interrupted_in` moves from now somebody presses
    Ctrl-C."""

    num_actions = 3
    max_plies = 30
    interrupted_in = 0

    def initial_position(self):
        return (14, 0)

    def to_play(self, position):
        return position[1]

    def legal_actions(self, position):
        return [action for action in range(3) if action < position[0]]

    def play(self, position, action):
        self.interrupted_in -= 1
        if self.interrupted_in == 0:
            raise KeyboardInterrupt
        return (position[0] - action - 1, 1 - position[1])

    def is_terminal(self, position):
        return position[0] == 0

    def returns(self, position):
        return 1 if position[1] == 1 else -1


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
def test_rules_that_were_interrupted_can_be_searched_again(selection):
    """Half a descent is left behind; what is searched next must not step on it."""
    heap = Heap()
    game = PythonGame(heap, "heap")
    config = MctsConfig(selection=selection, num_simulations=30, leaves_per_round=3)
    search = Mcts(game, config)
    search.new_game(game.initial_state())
    for interrupted_in in range(1, 50, 7):
        heap.interrupted_in = interrupted_in
        with pytest.raises(KeyboardInterrupt):
            search.search()
        assert search.search().num_simulations == 30
        search.new_game(game.initial_state())


def test_more_actions_than_a_node_holds_are_refused():
    class Wide(Heap):
        num_actions = 65_536

        def legal_actions(self, position):
            return range(self.num_actions)

    with pytest.raises(ValueError, match=r"wide has 65536 actions; .* at most 65535"):
        Mcts(PythonGame(Wide(), "wide"), MctsConfig(num_simulations=4))
