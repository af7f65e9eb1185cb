"""Games written in Python and OpenSpiel's: the same face, the same rules, errors for people."""

import pickle
import random
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import require
from zerofleet import load_game
from zerofleet.games import starting_point
from zerofleet.testing import check_game

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples" / "custom_game.py"
SMALL = f"{HERE / 'short_tic_tac_toe.py'}:TicTacToe"


def lockstep(ours, theirs, num_games):
    """Random games on both: legal actions, players, ends and results."""
    rng = random.Random(5)
    for _ in range(num_games):
        a, b = ours.initial_state(), theirs.initial_state()
        while not a.is_terminal:
            assert not b.is_terminal
            assert (a.to_play, a.legal_actions()) == (b.to_play, b.legal_actions())
            action = rng.choice(a.legal_actions())
            a.apply(action)
            b.apply(action)
        assert b.is_terminal
        assert list(a.returns()) == list(b.returns())


def test_short_game_equals_the_compiled_one():
    compiled, python = load_game("tic_tac_toe"), load_game(SMALL)
    check_game(python, num_games=30)
    lockstep(compiled, python, 200)
    assert [compiled.perft(d) for d in range(6)] == [python.perft(d) for d in range(6)]
    assert python.symmetries == compiled.symmetries
    np.testing.assert_array_equal(
        compiled.initial_state().observation(), python.initial_state().observation()
    )
    # Hashes are equal for the same positions and for no others, on both sides.
    pairs = set()
    rng = random.Random(3)
    for _ in range(200):
        a, b = compiled.initial_state(), python.initial_state()
        while not a.is_terminal:
            action = rng.choice(a.legal_actions())
            a.apply(action)
            b.apply(action)
            pairs.add((a.hash, b.hash))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.parametrize(
    "spec",
    [f"{EXAMPLE}:Line", f"{EXAMPLE}:Line(line=3,size=3)", f"{starting_point.__file__}:MyGame"],
)
def test_examples_keep_every_promise(spec):
    game = load_game(spec)
    assert game.spec == spec
    check_game(game, num_games=10)
    assert pickle.loads(pickle.dumps(game.initial_state())) == game.initial_state()


def test_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) < 60


def game_file(folder, body):
    path = folder / "mine.py"
    path.write_text("class Mine:\n" + textwrap.indent(textwrap.dedent(body), "    "))
    return f"{path}:Mine"


DICE = """
num_actions, num_players, max_chance_outcomes, max_plies = 2, 1, 6, 40
score_range = (0, 60)

def initial_position(self): return (0, 0, True)
def to_play(self, position): return 0
def chance_outcomes(self, position):
    return [(n, 1 / 6) for n in range(6)] if position[2] else []
def legal_actions(self, position): return [0, 1] if position[1] < 10 else []
def play(self, position, action):
    score, thrown, chance = position
    if chance: return (score + action, thrown + 1, False)
    return (score, thrown if action == 0 else 10, action == 0 and thrown < 10)
def returns(self, position): return position[0]
"""


def test_chance_and_one_player_without_an_observation(tmp_path):
    game = load_game(game_file(tmp_path, DICE))
    check_game(game, num_games=20)
    assert game.observation_shape == (1, 1, 3)
    assert game.search_value(0) == -1
    assert game.search_value(60) == 1
    assert game.initial_state().is_chance


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("nowhere.py:Game", "nowhere.py: No such file"),
        (f"{EXAMPLE}:Lin", "no class 'Lin'; did you mean Line"),
        (f"{EXAMPLE}:Line(sise=3)", "unknown option 'sise'; did you mean 'size'"),
        (f"{EXAMPLE}:Line(size)", "no OPTION=VALUE in 'size'"),
    ],
)
def test_files_without_such_a_game(spec, why):
    with pytest.raises(ValueError, match=why):
        load_game(spec)


def test_what_a_class_lacks(tmp_path):
    with pytest.raises(ValueError, match="the class has no to_play, legal_actions, play, returns"):
        load_game(game_file(tmp_path, "num_actions = 3\ndef initial_position(self): return 0"))
    (tmp_path / "bad.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ValueError, match=r"bad\.py cannot be read: ModuleNotFoundError"):
        load_game(f"{tmp_path / 'bad.py'}:Game")


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "zerofleet", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_new_game_writes_a_game_that_passes(tmp_path, monkeypatch):
    import os

    paths = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    assert run(tmp_path, "new-game", "my_game").returncode == 0
    done = run(tmp_path, "check-game", "my_game.py:MyGame", "--num-games", "5")
    assert done.returncode == 0, done.stderr
    assert "ok: 5 random games kept every promise" in done.stdout
    again = run(tmp_path, "new-game", "my_game")
    assert (again.returncode, "my_game.py exists" in again.stderr) == (2, True)


def test_the_guide_runs(tmp_path, monkeypatch, capsys):
    """Its whole examples, on the game that new-game writes."""
    guide = (EXAMPLE.parents[1] / "docs" / "your-own-game.md").read_text()
    examples = [e for e in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "import" in e]
    assert len(examples) == 2
    game = Path(starting_point.__file__).read_text()
    (tmp_path / "my_game.py").write_text(game)
    monkeypatch.chdir(tmp_path)
    for example in examples:
        exec(compile(example, "your-own-game.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "take " in shown
    # A perfect player who begins wins, and searching loses at most a few games to random moves.
    assert float(re.search(r"mean result of the search: (\S+)", shown)[1]) > 0.8


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(max_size=40)
    | st.text("[](){}:,.'\"XO 019-", max_size=40)
    | st.lists(st.integers(0, 9)).map(lambda moves: " ".join(map(str, moves)))
)
def test_texts_are_positions_or_value_errors(text):
    for game in (load_game(SMALL), load_game(f"{EXAMPLE}:Line")):
        try:
            state = game.parse(text)
        except ValueError:
            pass
        else:
            assert state.text() == text
        with pytest.raises(ValueError, match="is not legal"):
            game.action_from_text(game.initial_state(), text + "?")


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=20) | st.lists(st.integers(0, 7)).map(lambda a: " ".join(map(str, a))))
def test_texts_of_openspiel_games(text):
    require("pyspiel")
    game = load_game("openspiel:connect_four")
    try:
        state = game.parse(text)
    except ValueError:
        return
    assert state.text() == text


def test_openspiel_games_equal_ours():
    require("pyspiel")
    ours, theirs = load_game("connect_four"), load_game("openspiel:connect_four")
    lockstep(ours, theirs, 100)
    check_game(theirs, num_games=3)
    assert [theirs.perft(d) for d in range(5)] == [ours.perft(d) for d in range(5)]


@pytest.mark.parametrize("name", ["2048(max_tile=64)", "pig", "hex(board_size=4)", "mancala"])
def test_openspiel_games_keep_every_promise(name):
    require("pyspiel")
    game = load_game(f"openspiel:{name}")
    assert game.spec == f"openspiel:{name}"
    check_game(game, num_games=1)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("kuhn_poker", "imperfect information"),
        ("goofspiel", "players move at the same time"),
        ("conect_four", "no game 'conect_four'; did you mean 'connect_four'"),
        ("connect_four(", r"no '\)' at the end"),
    ],
)
def test_openspiel_games_of_other_kinds(name, why):
    require("pyspiel")
    with pytest.raises(ValueError, match=why):
        load_game(f"openspiel:{name}")
