"""The core's tree search on games written in Python: the same trees, and errors for people."""

import hashlib
import textwrap
import threading
import traceback
from pathlib import Path

import numpy as np
import pytest

from support import require
from zerofleet import load_game
from zerofleet.games.evaluation import Evaluation
from zerofleet.search import Mcts, MctsConfig

SHORT = f"{Path(__file__).parent.parent / 'games' / 'short_tic_tac_toe.py'}:TicTacToe"
CONFIGS = [
    MctsConfig(selection="puct", num_simulations=80),
    MctsConfig(selection="gumbel", num_simulations=80, leaves_per_round=4),
]


def net(batch, /):
    """Priors and values that depend on everything a row shows, whatever the form of its planes."""
    priors, values = [], []
    for row in range(len(batch)):
        planes = batch.planes[row]
        if planes.dtype == np.uint8:
            planes = np.unpackbits(planes, axis=-1, bitorder="little")
        cells = np.asarray(planes, np.float32).reshape(len(planes), -1)[:, :9]
        legal = batch.legal_action[batch.legal_start[row] : batch.legal_start[row + 1]]
        digest = hashlib.sha256(cells.tobytes()).digest()
        weights = np.array([1 + digest[action] for action in legal], np.float32)
        priors.append(weights / weights.sum())
        values.append(digest[30] / 200 - 0.6)
    return Evaluation(np.concatenate(priors), np.array(values, np.float32))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.selection)
def test_trees_equal_those_of_the_compiled_game(config):
    compiled, python = load_game("tic_tac_toe"), load_game(SHORT)
    searches = [Mcts(game, config, net, seed=3) for game in (compiled, python)]
    states = [game.initial_state() for game in (compiled, python)]
    for search, state in zip(searches, states, strict=True):
        search.new_game(state)
    while not states[0].is_terminal:
        ours, theirs = (search.search() for search in searches)
        assert ours.action == theirs.action
        assert ours.visits.tolist() == theirs.visits.tolist()
        np.testing.assert_array_equal(ours.q, theirs.q)
        np.testing.assert_array_equal(ours.policy, theirs.policy)
        for search, state in zip(searches, states, strict=True):
            state.apply(ours.action)
            search.advance(ours.action)
    assert states[1].is_terminal


def test_openspiel_games_are_searched():
    require("pyspiel")
    for name in ("openspiel:connect_four", "openspiel:pig"):
        game = load_game(name)
        state = game.initial_state()
        while state.is_chance:
            state.apply(state.legal_actions()[0])
        found = Mcts(game, MctsConfig(num_simulations=30)).search(state)
        assert found.action in state.legal_actions()


COUNTDOWN = """
class Countdown:
    num_actions = 2

    def initial_position(self):
        return (6, 0)

    def to_play(self, position):
        return position[1]

    def legal_actions(self, position):
        return [0, 1] if position[0] > 0 else []

    def play(self, position, action):
        return (position[0] - 1 - action, 1 - position[1])

    def returns(self, position):
        return 1 if position[1] else -1

    def observation(self, position):
        return [[[position[0] / 6]]]
"""


def broken(folder, old, new):
    assert old in COUNTDOWN
    path = folder / "countdown.py"
    path.write_text(textwrap.dedent(COUNTDOWN).replace(old, new))
    return load_game(f"{path}:Countdown")


@pytest.mark.parametrize(
    ("old", "new", "error", "why"),
    [
        ("- 1 - action,", "- 1 - action // (position[0] - 4),", ZeroDivisionError, "division"),
        ("return [0, 1] if", "return [0, 7] if", ValueError, "but 7 is none of them"),
        ("return [0, 1] if", "return [0, 1, 0] if", ValueError, "but 0 comes twice"),
        ("return [0, 1] if", "return ['a'] if", ValueError, "'a' is no whole number"),
        ("return position[1]", "return 5", ValueError, "returned 5; expected the player"),
        (
            "return 1 if position[1] else -1",
            "return [1]",
            ValueError,
            r"returned \[1\]; expected pla",
        ),
        (
            "return 1 if position[1]",
            "return float('nan') if position",
            ValueError,
            "returned nan; exp",
        ),
        ("return 1 if position[1]", "return 7 if position", ValueError, "returned 7; expected"),
        ("[[[position[0] / 6]]]", "[[[float('nan')]]]", ValueError, "not finite"),
        (
            "[[[position[0] / 6]]]",
            "[[[1] * position[0]]]",
            ValueError,
            r"expected shape \(1, 1, 6\)",
        ),
    ],
)
def test_errors_in_a_game_reach_the_user(tmp_path, old, new, error, why):
    game = broken(tmp_path, old, new)
    search = Mcts(game, MctsConfig(num_simulations=60))
    with pytest.raises(error, match=why) as caught:
        search.search(game.initial_state())
    if error is ZeroDivisionError:
        shown = "".join(traceback.format_exception(caught.value))
        assert "countdown.py" in shown  # the user's own line
        assert "raised by your play(position, " in shown  # and what was asked
        assert "apply" not in caught.value.__notes__[0]
    # The search is none the worse for it.
    fresh = Mcts(load_game("tic_tac_toe"), MctsConfig(num_simulations=20))
    fresh.search(fresh.game.initial_state())


def test_what_is_no_game_or_no_state(tmp_path):
    game = broken(tmp_path, "6", "5")
    with pytest.raises(TypeError, match="expected a game as load_game returns it"):
        Mcts(object())
    with pytest.raises((TypeError, ValueError), match="state"):
        Mcts(game).search(load_game("tic_tac_toe").initial_state())
    with pytest.raises(TypeError, match="expected a state of"):
        Mcts(game).search("no state")


def test_several_threads(tmp_path):
    game = load_game(SHORT)
    expected = Mcts(game, CONFIGS[0], net, seed=1).search(game.initial_state()).visits.tolist()
    found = []

    def search():
        result = Mcts(game, CONFIGS[0], net, seed=1).search(game.initial_state())
        found.append(result.visits.tolist())

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
