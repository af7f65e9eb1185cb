"""The net at the board: games end properly, values are the players' own, questions are checked."""

import random

import pytest
from game_runs import SPECS, game_run

from support import require
from zerofleet import load_game
from zerofleet.monitor.web.table import Table, TableError
from zerofleet.players.alphabeta import minimax_player
from zerofleet.players.analysis import analyse
from zerofleet.players.player import PlayerError
from zerofleet.players.random_player import RandomPlayer
from zerofleet.run.documents import encode
from zerofleet.run.store import DirectoryStore


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    made = {}

    def table(name: str) -> Table:
        if name not in made:
            require("torch")
            made[name] = Table(game_run(tmp_path_factory.mktemp(name), name, num_games=1))
        return made[name]

    return table


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("name", ["tic_tac_toe", "connect_four", "ultimate_ttt", "go"])
def test_a_game_against_the_net_ends_as_the_rules_say(tables, name, side):
    table, rng = tables(name), random.Random(side)
    game = load_game(name, **SPECS[name])
    question = {"actions": [], "side": side, "effort": "quick"}
    for _ in range(game.max_plies):
        found = table.play(question)
        state = game.initial_state()
        for action in found["actions"]:
            state.apply(action)
        assert found["actions"][: len(question["actions"])] == question["actions"]
        if state.is_terminal:
            break
        assert state.to_play == side
        assert [m["action"] for m in found["legal"]] == state.legal_actions()
        question["actions"] = [*found["actions"], rng.choice(state.legal_actions())]
    assert found["returns"] == list(state.returns())
    assert found["legal"] == []


def test_alone_nature_answers_and_the_net_moves_when_asked(tables):
    table = tables("twenty48")
    found = table.play({"effort": "quick"})
    assert len(found["actions"]) == 2  # the two tiles of the start
    assert found["played"] == []
    for _ in range(3):
        found = table.play({"actions": found["actions"], "net": True, "effort": "quick"})
        assert len(found["played"]) == 1
    assert len(found["actions"]) == 8
    mine = found["legal"][0]["action"]
    after = table.play({"actions": [*found["actions"], mine], "effort": "quick"})
    assert len(after["actions"]) == 10


def test_a_forced_win_is_seen(tables):
    """X completes a line at once; any net searching a few plies says so."""
    game = load_game("tic_tac_toe")
    found = tables("tic_tac_toe").evaluate({"actions": [0, 3, 1, 4], "effort": "strong"})
    assert found["moves"][0]["text"] == game.action_to_text(game.initial_state(), 2)
    assert found["moves"][0]["value"] > 0.99
    assert found["to_play"] == 0
    assert sum(m["policy"] for m in found["moves"]) == pytest.approx(1, abs=1e-4)
    assert sum(m["prior"] for m in found["moves"]) == pytest.approx(1, abs=1e-4)


def test_alphabeta_values_of_moves_are_those_of_the_positions_after_them():
    game = load_game("connect_four")
    state = game.initial_state()
    for action in (3, 0, 3, 0, 3, 1):  # player 0 wins in column 3
        state.apply(action)
    found = analyse(minimax_player(game, 3), state)
    assert (found.moves[0].action, found.moves[0].value, found.value) == (3, 1.0, 1.0)
    assert found.net_value is None
    assert {m.action for m in found.moves} == set(state.legal_actions())
    # Whoever does not stop it loses: all values but one are those of a lost game.
    state.apply(6)
    answers = analyse(minimax_player(game, 3), state)
    assert answers.moves[0].action == 3
    assert all(m.value < -0.9 for m in answers.moves[1:])
    with pytest.raises(PlayerError, match="random has no values"):
        analyse(RandomPlayer(), state)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ([], "expected a JSON object"),
        ({"actions": "e4"}, "actions: expected a list"),
        ({"actions": [True]}, "actions: expected a list"),
        ({"actions": [0, 0]}, "action 0 at ply 1 is not legal"),
        ({"actions": [-1]}, "action -1 at ply 0 is not legal"),
        ({"actions": [0] * 100}, "no game of tic_tac_toe has 100"),
        ({"actions": [0, 3, 1, 4, 2, 5]}, "over after 5 of 6"),
        ({"effort": "godlike"}, "effort: expected quick, normal, strong"),
        ({"version": 7}, "does not name version 7"),
        ({"version": "1"}, "not published a version"),
        ({"side": 5}, "side: expected 0 to 1"),
        ({"initial": "nonsense"}, "expected"),
    ],
)
def test_mistakes_are_told(tables, question, message):
    with pytest.raises(Exception, match=message) as told:
        tables("tic_tac_toe").play(question)
    assert not isinstance(told.value, KeyError | TypeError | AttributeError)


def test_rules_that_are_a_program_are_never_run(tmp_path):
    store = DirectoryStore(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')\n")
    name = f"{tmp_path}/evil.py:Game"
    for rules in ({"name": name}, {"name": "openspiel:chess"}, {"name": 7}, "chess", None):
        store.put("config.json", encode({"game": rules}))
        with pytest.raises(TableError, match="no board for"):
            Table(store).play({})
