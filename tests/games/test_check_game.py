"""`check_game` passes every good game and catches each way of breaking a promise."""

import numpy as np
import pytest
from python_tic_tac_toe import Game, State

from zerofleet import load_game
from zerofleet.games import game_names
from zerofleet.testing import GameCheckError, check_game


@pytest.mark.parametrize("name", game_names())
def test_compiled_games(name: str) -> None:
    # A random game of chess is ten times as long as one of the others.
    check_game(load_game(name), num_games=3 if name == "chess" else 30)


def test_a_game_in_python() -> None:
    check_game(Game(), num_games=60)


def broken(state: dict | None = None, game: dict | None = None) -> Game:
    state_type = type("BrokenState", (State,), {"__hash__": None} | (state or {}))
    return type("BrokenGame", (Game,), {"state_type": state_type} | (game or {}))()


def forgetful_apply(self: State, action: int) -> None:
    if action not in self.legal_actions():
        self.cells = "X" + self.cells[1:]
        raise ValueError("refused, but changed")
    State.apply(self, action)


def careless_apply(self: State, action: int) -> None:
    if 0 <= action < 9:
        self.cells = self.cells[:action] + "XO"[self.to_play] + self.cells[action + 1 :]


def mirrored_wrong(self: State, symmetry: int) -> State:
    return State.transformed(self, 0 if symmetry == 3 else symmetry)


def observation_of_x(self: State) -> np.ndarray:
    """Depends on the place of the first X: symmetric images do not map."""
    planes = State.observation(self)
    if "X" in self.cells:
        planes[0].flat[0] = self.cells.index("X")
    return planes


PATH_HASH = {
    "apply": lambda s, a: (State.apply(s, a), setattr(s, "path", getattr(s, "path", 0) * 7 + a))[0]
}

ALWAYS_THE_SAME = State()

BREAKS = {
    "legal_actions: expected ascending": broken(
        {"legal_actions": lambda s: State.legal_actions(s)[::-1]}
    ),
    "legal_actions: expected a list of int": broken(
        {"legal_actions": lambda s: np.array(State.legal_actions(s))}
    ),
    "legal_actions: outside": broken(
        game={"num_actions": 8, "transform_action": lambda g, a, s: a}
    ),
    "terminal exactly if": broken({"is_terminal": False}),
    "max_plies: a game longer": broken(game={"max_plies": 5}),
    "to_play: expected": broken({"to_play": 5, "text": lambda s: s.cells}),
    "returns before the end": broken({"returns": lambda s: [0.0, 0.0]}),
    "returns: expected 2 numbers": broken({"returns": lambda s: State.returns(s)[:1]}),
    "returns: expected a sum": broken({"returns": lambda s: [abs(r) for r in State.returns(s)]}),
    "chance_outcomes where": broken({"chance_outcomes": lambda s: []}),
    "to_play where nature moves": broken({"is_chance": True}, {"max_chance_outcomes": 9}),
    "chance outcomes": broken(
        {"is_chance": True, "to_play": -1, "chance_outcomes": lambda s: [(0, 1.0)]},
        {"max_chance_outcomes": 9},
    ),
    "score_scalar: expected None": broken(game={"score_scalar": 0}),
    "transform_outcome: symmetry . is no perm": broken(
        game={"max_chance_outcomes": 2, "transform_outcome": lambda g, a, i: 0}
    ),
    "search_value of two players": broken(game={"search_value": lambda g, r: r / 2 + 0.1}),
    "hash: expected an int": broken({"hash": property(lambda s: -1)}),
    "different texts, different": broken(
        {"hash": property(lambda s: len(s.cells.replace(".", "")))}
    ),
    "hash": broken(PATH_HASH | {"hash": property(lambda s: getattr(s, "path", 0))}),
    "observation: expected \\(": broken(
        {"observation": lambda s: State.observation(s).astype(np.float64)}
    ),
    "observation: expected finite": broken(
        {"observation": lambda s: State.observation(s) / np.float32(np.inf) * np.float32(np.inf)}
    ),
    "observation: expected an array of its own": broken(
        {
            "__init__": lambda s, cells="." * 9: (
                (setattr(s, "cells", cells), setattr(s, "kept", np.zeros((2, 3, 3), np.float32)))[0]
                and None
            ),
            "observation": lambda s: s.kept,
        }
    ),
    "scalars: expected": broken(game={"num_scalars": 1}),
    "symmetry 0 is the identity": broken(
        {"transformed": lambda s, i: State.transformed(s, i ^ 1)},
        {"transform_action": lambda g, a, i: Game.transform_action(g, a, i ^ 1)},
    ),
    "text: expected one line": broken({"text": lambda s: State.text(s).replace("/", "\n")}),
    "parse\\(text\\)": broken(game={"parse": lambda g, t: (Game.parse(g, t), g.state_type())[1]}),
    "pack: expected": broken({"pack": lambda s: State.pack(s)[:8]}),
    "unpack\\(pack\\)": broken(game={"unpack": lambda g, p: g.state_type("." * 9)}),
    "action text": broken(game={"action_to_text": lambda g, s, a: "b2"}),
    "copy: expected another": broken({"copy": lambda s: s}),
    "illegal action -1": broken({"apply": careless_apply}),
    "changes nothing": broken({"apply": forgetful_apply}),
    "apply: action .* changed nothing": broken(
        {"apply": lambda s, a: None if a in s.legal_actions() else State.apply(s, a)}
    ),
    "parse of no position": broken(
        game={"parse": lambda g, t: Game.parse(g, t) if len(t) == 13 else g.state_type()}
    ),
    "text of no action": broken(
        game={
            "action_from_text": lambda g, s, t: (
                Game.action_from_text(g, s, t[:2]) if len(t) == 2 else 0
            )
        }
    ),
    "transform_action: symmetry . is no perm": broken(
        game={"transform_action": lambda g, a, i: a if i == 0 else 0}
    ),
    "symmetry 3": broken({"transformed": mirrored_wrong}),
    "symmetry .*, legal set": broken(game={"transform_action": lambda g, a, i: a}),
    "symmetry ., observation: cell": broken({"observation": observation_of_x}),
    "perft\\(2\\)": broken(game={"perft": lambda g, d, s=None: Game.perft(g, d, s) - (d == 2)}),
    "initial_state: expected a new": broken(game={"initial_state": lambda g: ALWAYS_THE_SAME}),
    "observation_shape": broken(game={"observation_shape": [2, 3, 3]}),
    "num_players": broken(game={"num_players": 3}),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("match", BREAKS)
def test_broken_games_are_caught(match: str) -> None:
    with pytest.raises(GameCheckError, match=match):
        check_game(BREAKS[match], num_games=60)


def test_copies_that_share_their_cells() -> None:
    class Shared(State):
        __hash__ = None

        def copy(self) -> State:
            other = type(self)()
            other.__dict__ = self.__dict__
            return other

    with pytest.raises(GameCheckError, match="a move on the copy changed the original"):
        check_game(broken({"copy": Shared.copy}))


def test_missing_names_are_listed() -> None:
    class Half:
        name = "half"

    with pytest.raises(GameCheckError, match=r"the game has no .*initial_state.*perft"):
        check_game(Half())
