"""Games written in Python play in the pool as compiled ones do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support import PATIENCE
from zerofleet import load_game
from zerofleet.games.evaluation import Evaluation, random_evaluator, uniform_evaluator
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, ShardMeta
from zerofleet.records.validate import validate
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games

LINE = str(Path(__file__).parents[2] / "examples" / "custom_game.py") + ":Line"
SEARCH = MctsConfig(num_simulations=8, full_search_probability=1.0, cache_mib=1)


def meta_of(game) -> ShardMeta:
    return ShardMeta(
        game="custom_game.py:Line",
        game_options=dict(game.options),
        model_version=1,
        worker_id="w",
        batch=1,
        run_seed=0,
    )


def test_a_hundred_games_of_a_file():
    game = load_game(LINE, size=3, line=3)
    records = play_games(game, 100, SEARCH, uniform_evaluator, seed=1, threads=2)
    assert records.num_games == 100
    validate(meta_of(game), records, name="line", game=game)
    assert {tuple(r) for r in records.returns.tolist()} <= {(1, -1), (-1, 1), (0, 0)}


def test_threads_change_nothing():
    def played(threads):
        return play_games(
            LINE, 6, SEARCH, random_evaluator, threads=threads, play=PlayConfig(max_plies=10)
        )

    one, three = played(1), played(3)
    assert all(getattr(one, k).tobytes() == getattr(three, k).tobytes() for k in ARRAYS)


def test_real_valued_planes_reach_the_evaluator():
    game = load_game(LINE)
    shapes = set()

    def evaluator(batch):
        shapes.add((batch.planes.dtype.name, batch.planes.shape[1:]))
        return uniform_evaluator(batch)

    play_games(game, 2, SEARCH, evaluator, play=PlayConfig(max_plies=3))
    assert shapes == {("float32", game.observation_shape)}


def test_the_same_games_as_the_compiled_twin():
    """Tic-tac-toe from a file: the same seed, the same moves, values and results."""

    def evaluator(batch):
        # A function of nothing but the number of legal actions: all a row of either has in common.
        count = np.diff(batch.legal_start)
        prior = np.repeat((1 / count).astype(np.float32), count)
        return Evaluation(prior, (0.1 * (count % 3) - 0.1).astype(np.float32))

    ours = play_games("tic_tac_toe", 20, SEARCH, evaluator, seed=3)
    twin = play_games(load_game(LINE, size=3, line=3), 20, SEARCH, evaluator, seed=3)
    assert np.array_equal(ours.returns, twin.returns)
    for key in ("action", "search_value", "policy_action", "policy_prob"):
        assert getattr(ours, key).tobytes() == getattr(twin, key).tobytes(), key


def test_what_is_wrong_with_a_record_is_said():
    game = load_game(LINE)
    records = play_games(game, 2, SEARCH, play=PlayConfig(max_plies=4))
    records.action[2] = records.action[0]
    with pytest.raises(ShardError, match=r"game 0, ply 2: illegal action"):
        validate(meta_of(game), records, name="line", game=game)


def test_what_the_rules_raise_comes_out():
    class Broken:
        num_actions = 2
        max_plies = 20

        def initial_position(self):
            return 0

        def to_play(self, position):
            return position % 2

        def legal_actions(self, position):
            return [0, 1]

        def play(self, position, action):
            if position == 3:
                raise KeyError("the rules are broken")
            return position + 1

        def is_terminal(self, position):
            return position == 9

        def returns(self, position):
            return 0

    from zerofleet.games.python_game import PythonGame

    with pytest.raises(KeyError, match="the rules are broken"):
        play_games(PythonGame(Broken(), "broken"), 4, SEARCH, threads=3)


ASKED_WHILE_IT_SEARCHES = """
import threading

from zerofleet import _core
from zerofleet.games.python_game import PythonGame
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig

inside, asked = threading.Event(), threading.Event()


class Waiting:
    num_actions = 2
    max_plies = 20

    def initial_position(self):
        return 0

    def to_play(self, position):
        return position % 2

    def legal_actions(self, position):
        return [0, 1]

    def play(self, position, action):
        inside.set()
        asked.wait()
        return position + 1

    def is_terminal(self, position):
        return position == 9

    def returns(self, position):
        return 0


pool = _core.Pool(
    PythonGame(Waiting(), "waiting"),
    MctsConfig(num_simulations=8).model_dump(),
    PlayConfig(num_random_plies=2).model_dump(),
    seed=1,
    num_games=100,
)
pool.add_games(0, 100)
search = threading.Thread(target=lambda: pool.collect(0))
search.start()
inside.wait()
asked.set()
for _ in range(20):
    pool.stats(), pool.memory()
search.join()
print(pool.stats()["rows"])
"""


def test_a_pool_answers_while_its_rules_take_turns():
    """Who asks waits for the search, and must not keep the rules from going on meanwhile."""
    command = [sys.executable, "-c", ASKED_WHILE_IT_SEARCHES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "100\n"
