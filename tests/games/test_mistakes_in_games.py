"""What people get wrong in a game of their own, and the line that tells them."""

import re
import textwrap
import warnings
from pathlib import Path

import pytest

from zerofleet import load_game
from zerofleet.cli import main
from zerofleet.games.user_class import RulesError, RulesWarning
from zerofleet.players.registry import PlayerError, load_player
from zerofleet.search import AlphaBetaConfig, AlphaBetaSearch, Mcts, MctsConfig, select_actions
from zerofleet.selfplay import play_games
from zerofleet.testing import GameCheckError, check_game

BASE = """
from dataclasses import dataclass
import random

class _Base:
    num_actions = 3
    max_plies = 9

    def initial_position(self):
        return (0, 0)

    def to_play(self, position):
        return position[1]

    def legal_actions(self, position):
        return [0, 1, 2] if position[0] < 3 else []

    def play(self, position, action):
        return (position[0] + 1, 1 - position[1])

    def returns(self, position):
        return 0

class _Place:
    def __init__(self, *moves):
        self.moves = moves

"""


def write(folder, body, *, base="(_Base)"):
    path = folder / "mine.py"
    path.write_text(
        f"{BASE}\nclass Mine{base}:\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\n"
    )
    return f"{path}:Mine"


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    return end.value.code, shown.out + shown.err


RAISES = """
def play(self, position, action):
    if position[0] == 2:
        return self.helper(position)
    return super().play(position, action)

def helper(self, position):
    return {}["no such key"]
"""

WRONG = {
    # what the class does -> (its body, what is said)
    "raises": (
        RAISES,
        r"KeyError: 'no such key'\n  raised by your play\(position, \d\), \S*mine.py:Mine\n"
        r'  at \S*mine.py:\d+: return {}\["no such key"\]\n  position: \(2, 0\)',
    ),
    "raises in a generator": (
        "def legal_actions(self, position):\n    yield 0\n    [][position[0]]",
        r"IndexError.*\n  raised by your legal_actions\(position\).*\n  at \S*mine.py:\d+: \[\]\[",
    ),
    "forgets an argument": (
        "def to_play(self): return 0",
        r"to_play\(\) takes 1 positional .*\n  raised by your to_play\(position\).*\n"
        r"  at \S*mine.py:\d+: def to_play\n  position: \(0, 0\)",
    ),
    "exits": (
        "def returns(self, position): raise SystemExit(3)",
        r"returns\(position\) ended the program with exit\(3\)",
    ),
    "no list": (
        "def legal_actions(self, position): return None",
        r"legal_actions\(position\) returned None; expected actions 0..2 .* this is no list\n"
        r"  position: \(0, 0\)",
    ),
    "an action twice": (
        "def legal_actions(self, position): return [0, 0] if position[0] < 3 else []",
        r"returned \[0, 0\]; expected actions 0..2 .*each once, but 0 comes twice",
    ),
    "an action out of range": (
        "def legal_actions(self, position): return [0, 3] if position[0] < 3 else []",
        "but 3 is none of them",
    ),
    "an action that is text": (
        "def legal_actions(self, position): return ['a1'] if position[0] < 3 else []",
        "but 'a1' is no whole number",
    ),
    "nothing to do before the end": (
        "def is_terminal(self, position): return position[0] > 3",
        r"legal_actions\(position\) returned \[\]; expected an action, or is_terminal\(pos",
    ),
    "no return in is_terminal": (
        "def is_terminal(self, position): position[0] > 2",
        r"is_terminal\(position\) returned None; expected True or False",
    ),
    "no return in play": (
        "def play(self, position, action): pass",
        r"play\(position, \d\) returned None; expected a position; is a `return` missing",
    ),
    "a player who is none": (
        "def to_play(self, position): return None",
        r"to_play\(position\) returned None; expected the player who moves, 0 or 1",
    ),
    "a result that is text": (
        "def returns(self, position): return 'won'",
        r"returned 'won'; expected player 0's result, a number from -1",
    ),
    "a result that is not zero-sum": (
        "def returns(self, position): return [1, 1]",
        r"returned \[1, 1\]; expected player 0's result",
    ),
    "a result out of range": (
        "def returns(self, position): return 2",
        "returned 2; expected player 0's result, a number from -1",
    ),
    "positions that are lists": (
        "def initial_position(self): return [0, 0]",
        r"returned \[0, 0\]; expected an immutable position.* but a list can change",
    ),
    "positions with lists": (
        "def play(self, position, action): return (position[0] + 1, (0, []))",
        r"expected an immutable position.* but a list can change",
    ),
    "positions without equality": (
        "def initial_position(self): return _Place()",
        r"_Place has no __eq__; make it a @dataclass\(frozen=True\)",
    ),
    "a ragged observation": (
        "def observation(self, position): return [[[1, 2], [3]]]",
        "expected planes of rows of cells, all rows of one length",
    ),
    "a flat observation": (
        "def observation(self, position): return [1, 2]",
        r"all rows of one length, but its shape is \(2,\)",
    ),
    "an observation that grows": (
        "def observation(self, position): return [[[1] * (position[0] + 1)]]",
        r"expected shape \(1, 1, 1\) as at the start, but here it is \(1, 1, 2\)",
    ),
    "scalars that grow": (
        "def scalars(self, position): return [1] * (position[0] + 1)",
        r"expected shape \(1,\) as at the start, but here it is \(2,\)",
    ),
    "chance with a wrong sum": (
        "max_chance_outcomes = 2\n"
        "def chance_outcomes(self, position): return [(0, 0.5), (1, 0.4)] * (not position[0])",
        "expected probabilities above 0 with the sum 1, not a sum of 0.9",
    ),
    "chance that is no list of pairs": (
        "max_chance_outcomes = 2\ndef chance_outcomes(self, position): return [0, 1]",
        r"chance_outcomes\(position\) returned \[0, 1\]; expected \[\(outcome, probability\)",
    ),
    "a number that is not whole": ("num_actions = 3.0", "num_actions is 3.0; expected a whole"),
    "three players": ("num_players = 3", "num_players is 3; expected a whole number, 1..2"),
    "a range of scores upside down": (
        "score_range = (5, 1)",
        r"score_range is \(5, 1\); expected \(lowest, highest\)",
    ),
    "chance_outcomes without its number": (
        "max_chance_outcomes = 2",
        r"max_chance_outcomes without chance_outcomes\(position\)",
    ),
}

ONLY_CHECKED = {
    "a game that never begins": (
        "def legal_actions(self, position): return []",
        "the start: the game is over before the first move",
    ),
    "one text for two actions": (
        "def action_to_text(self, position, action): return 'x'",
        "action_to_text: 'x' is both 0 and 1",
    ),
    "chance in play": (
        "def play(self, position, action):\n"
        "    return (position[0] + 1, 1 - position[1], random.random())\n"
        "def observation(self, position): return [[[1]]]",
        r"play: action \d led to '.*' and, played again, to '.*'; chance belongs",
    ),
    "a move that changes nothing": (
        "def play(self, position, action): return position",
        r"play: action \d changed nothing",
    ),
    "an endless game": (
        "def legal_actions(self, position): return [0]",
        "max_plies: a game longer than 9 plies; does every game end",
    ),
    "positions that no text gives back": (
        "def initial_position(self): return _Point(0)\n"
        "def to_play(self, position): return 0\n"
        "def legal_actions(self, position): return [0] if position.n < 3 else []\n"
        "def play(self, position, action): return _Point(position.n + 1)\n"
        "def observation(self, position): return [[[position.n]]]",
        r"positions of numbers, strings and tuples can, others need text\(position\) and parse",
    ),
}
BASE += "@dataclass(frozen=True)\nclass _Point:\n    n: int\n"


@pytest.mark.parametrize("mistake", [*WRONG, *ONLY_CHECKED])
def test_check_game_says_what_is_wrong(mistake, tmp_path, capsys):
    body, message = {**WRONG, **ONLY_CHECKED}[mistake]
    status, text = command(capsys, "check-game", write(tmp_path, body))
    assert status == 1
    assert re.search(message, text), text
    assert "broken: " in text
    assert "Traceback" not in text
    assert "src/zerofleet" not in text  # nothing of our own stack


@pytest.mark.parametrize("mistake", WRONG)
def test_self_play_and_search_say_it_too(mistake, tmp_path, capsys):
    body, message = WRONG[mistake]
    spec = write(tmp_path, body)
    status, text = command(capsys, "selfplay", spec, "--games", 3, "--simulations", 20)
    assert status in (1, 2)
    assert re.search(message, text), text
    assert "Traceback" not in text
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the user's own, or RulesError
        Mcts(load_game(spec), MctsConfig(num_simulations=200)).search(
            load_game(spec).initial_state()
        )
    notes = getattr(caught.value, "__notes__", [])
    shown = "\n  ".join([f"{type(caught.value).__name__}: {caught.value}", *notes])
    assert re.search(message, shown), shown
    assert "apply" not in shown
    assert len(notes) <= 1


def test_the_moves_that_led_there(tmp_path):
    with pytest.raises(GameCheckError, match=r"\n  reached from moves \[\d(, \d)*\]$") as caught:
        check_game(load_game(write(tmp_path, RAISES)))
    assert isinstance(caught.value.__cause__, KeyError)


GOOD = {
    "a generator": "def legal_actions(self, position):\n    if position[0] < 3: yield from (2, 0)",
    "a range": "def legal_actions(self, position): return range(3 * (position[0] < 3))",
    "numpy": (
        "def legal_actions(self, position):\n"
        "    import numpy\n    return numpy.arange(3 if position[0] < 3 else 0)\n"
        "def returns(self, position):\n    import numpy\n    return numpy.array([-0.5, 0.5])"
    ),
    "both results": "def returns(self, position): return (1, -1)",
    "cached methods": (
        "from functools import cache\n"
        "@cache\ndef legal_actions(self, position): return [0, 1, 2] if position[0] < 3 else []"
    ),
    "frozen positions": (
        "def initial_position(self): return _Point(0)\n"
        "def to_play(self, position): return position.n % 2\n"
        "def legal_actions(self, position): return [0] if position.n < 3 else []\n"
        "def play(self, position, action): return _Point(position.n + 1)\n"
        "def observation(self, position): return [[[position.n]]]\n"
        "def text(self, position): return str(position.n)\n"
        "def parse(self, text): return _Point(int(text))"
    ),
}


@pytest.mark.parametrize("what", GOOD)
def test_forms_that_are_taken(what, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        game = load_game(write(tmp_path, GOOD[what]))
    check_game(game, num_games=5)
    assert play_games(game, 3, MctsConfig(num_simulations=8)).num_games == 3


# ---- whole games (with a face of their own) are checked by the core


def whole_game(tmp_path, **methods):
    game = load_game(write(tmp_path, "pass"))
    state = game.initial_state()
    kind = type("Face", (type(state),), methods)
    face = type(game).__new__(type("FaceGame", (type(game),), {}))
    face.__dict__.update(game.__dict__)
    type(face).initial_state = lambda self: kind(self, (0, 0))
    kind.copy = lambda self: kind(self.game, self.position)
    return face


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"legal_actions": lambda s: [0, 0]}, r"legal_actions\(\) has 0 after 0; expected 0..2"),
        ({"returns": lambda s: [1.0, 0.5]}, r"returns\(\) gives 1.0* and 0.50*; expected a sum"),
    ],
)
def test_the_core_checks_faces(tmp_path, methods, message):
    game = whole_game(tmp_path, **methods)
    with pytest.raises(ValueError, match=message):
        Mcts(game, MctsConfig(num_simulations=200)).search(game.initial_state())


# ---- files, classes, options


@pytest.mark.parametrize(
    ("body", "options", "message"),
    [
        (
            "def __init__(self, size=3): self.cells = range(size)",
            "(size=abc)",
            r"Mine\(size='abc'\) raised TypeError: 'str' object .*\n  at \S*mine.py:\d+: def __i",
        ),
        ("def __init__(self, size): pass", "", r"'size' of __init__ has no default; .*size=5\)"),
        ("def __init__(self): raise SystemExit('x')", "", r"Mine\(\) raised SystemExit: x\n  at "),
    ],
)
def test_classes_that_cannot_be_made(body, options, message, tmp_path, capsys):
    status, text = command(capsys, "check-game", write(tmp_path, body) + options)
    assert status == 2
    assert re.search(message, text), text
    assert "Traceback" not in text


def test_a_file_with_one_game_needs_no_class(tmp_path):
    write(tmp_path, "pass")
    path = tmp_path / "mine.py"
    assert load_game(path).name == f"{path}:Mine"
    path.write_text(path.read_text() + "class Other(_Base): pass\n")
    with pytest.raises(ValueError, match=r"mine.py has 2 games; write \S*:Mine or \S*:Other"):
        load_game(path)
    path.write_text("class Helper: pass\n")
    with pytest.raises(ValueError, match=r"mine.py has no class with initial_position\(\)"):
        load_game(path)
    path.write_text("from zerofleet.games.starting_point import MyGame as Other\n" + ONE)
    assert load_game(path).name == load_game(str(path)).name == f"{path}:One"
    assert (
        load_game(path, size=4).spec == load_game(f"{path}(size=4)").spec == f"{path}:One(size=4)"
    )


ONE = """
class One(Other):
    def __init__(self, size=3):
        super().__init__(size)
"""


def test_options_given_twice(tmp_path):
    spec = write(tmp_path, "def __init__(self, size=3): self.size = size")
    assert load_game(f"{spec}(size=5)", size=5).options == {"size": 5}
    with pytest.raises(ValueError, match="option 'size' is given twice, as size=5 and size=6"):
        load_game(f"{spec}(size=5)", size=6)


def test_what_load_game_takes(tmp_path, monkeypatch):
    spec = write(tmp_path, f"file = {str(tmp_path)!r}")  # one content, one module
    game = load_game(spec)
    kind = type(game.rules.user)
    with pytest.raises(TypeError, match=re.escape(f'for this class: load_game("{spec}")')):
        load_game(kind)
    for other in (game, 3, None):
        with pytest.raises(TypeError, match="expected the name of a game or FILE"):
            load_game(other)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"known games: .*; a game of your own is FILE\.py:CLASS"):
        load_game("MyGame")
    with pytest.raises(ValueError, match=r"a game of your own is mine\.py"):
        load_game("mine")


@pytest.mark.parametrize(
    ("body", "known", "written"),
    [
        ("def observe(self, position): return [[[1]]]", "observation", "observe"),
        ("simetries = 2", "symmetries", "simetries"),
        ("def is_terminated(self, position): return False", "is_terminal", "is_terminated"),
        ("score_ranges = (0, 5)", "score_range", "score_ranges"),
    ],
)
def test_misspelt_names_bring_a_warning(body, known, written, tmp_path, capsys):
    spec = write(tmp_path, body)
    message = f"{written} is not used; did you mean {known}?"
    with pytest.warns(RulesWarning, match=re.escape(message)):
        load_game(spec)
    status, text = command(capsys, "check-game", spec, "--num-games", 1)
    assert status == 0
    assert f"zerofleet: warning: {spec}: {message}" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_game(write(tmp_path, body.replace(written, f"_{written}")))


def test_a_misspelt_method_that_is_needed(tmp_path):
    body = "num_actions = 3\ndef legal_action(self, position): return []"
    with pytest.raises(RulesError, match=r"no initial_position, .*; it has legal_action;"):
        load_game(write(tmp_path, body, base=""))


def test_helpers_bring_no_warning():
    names = "winner line lines rows score scores size is_full is_won neighbours moves text_of board"
    methods = {name: lambda self: 0 for name in names.split()}
    from zerofleet.games.python_game import PythonGame
    from zerofleet.games.starting_point import MyGame

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PythonGame(type("Mine", (MyGame,), methods)(), "mine")


# ---- what plays compiled games alone


def test_alpha_beta_says_what_it_plays(tmp_path):
    game = load_game(write(tmp_path, "pass"))
    message = r"alpha-beta does not play \S*mine.py:Mine.*ultimate_ttt.*Mcts searches every game"
    for player in ("greedy", "minimax:2"):
        with pytest.raises(
            PlayerError, match=r"cannot play \S*mine.py:Mine: .*games that have one: "
        ):
            load_player(player, game)
    for name in (game, game.spec):
        with pytest.raises(ValueError, match=message):
            AlphaBetaSearch(name)
        with pytest.raises(ValueError, match=message):
            select_actions(name, None, None, None, AlphaBetaConfig())
    assert AlphaBetaSearch(load_game("tic_tac_toe")).search(
        load_game("tic_tac_toe").initial_state().pack()
    )


@pytest.mark.parametrize(
    ("recipe", "settings", "why"),
    [
        ("othello(size=6)", "net.kind=nnue", "learned by net.kind nnue: .*net.kind=resnet"),
        ("twenty48(size=2)", "net.kind=nnue", "cannot be learned by net.kind nnue"),
        ("ultimate_ttt", "game.name=go", "'go' cannot be learned by net.kind nnue"),
        ("my_game.py:MyGame", "", r"my_game\.py: No such file"),
        ("openspiel:hexagons", "", "OpenSpiel has no game 'hexagons'"),
        ("chess(size=9)", "", "chess.*size"),
    ],
)
@pytest.mark.parametrize("verb", ["train", "trainer"])
def test_games_that_cannot_be_trained(verb, recipe, settings, why, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [recipe] if verb == "train" else ["--recipe", recipe]
    arguments += ["--set", settings] if settings else []
    status, text = command(capsys, verb, *arguments, "--run-dir", "run")
    assert status == 2
    assert re.search(why, text), text
    assert len(text.splitlines()) == 1
    assert not Path("run").exists()


def test_recipes_of_games_that_cannot_be_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("chess.yaml").write_text("game: {name: chess}\nnet: {kind: nnue}\n")
    status, text = command(capsys, "train", "chess.yaml")
    assert (status, len(text.splitlines())) == (2, 1)
    assert "cannot be learned by net.kind nnue" in text
    assert [p.name for p in tmp_path.iterdir()] == ["chess.yaml"]
