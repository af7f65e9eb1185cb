"""What the Python face of the compiled games says when it is used wrongly, and its own promises."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zerofleet
from zerofleet import load_game
from zerofleet.games import Game, State, game_names

NAMES = [*game_names(), "othello(size=6)", "twenty48(size=3)"]


@pytest.mark.parametrize("name", NAMES)
def test_protocols_and_facts(name: str) -> None:
    game = zerofleet.load_game(name)
    assert isinstance(game, Game)
    assert isinstance(game.initial_state(), State)
    assert (game.spec, game.name) == (name, name.partition("(")[0])
    assert game.num_players == (1 if game.name == "twenty48" else 2)
    assert pickle.loads(pickle.dumps(game)) == game


def test_options_and_specs() -> None:
    small = load_game("othello", size=6)
    assert (small.spec, small.options) == ("othello(size=6)", {"size": 6})
    assert small.num_actions == 37
    assert small == load_game("othello(size=6)") == load_game(" othello ( size = 6 )")
    assert small != load_game("othello")
    assert load_game("othello(size=6)", size=6).spec == "othello(size=6)"
    with pytest.raises(ValueError, match="option 'size' is given twice, as size=6 and size=8"):
        load_game("othello(size=6)", size=8)
    state = load_game("othello").initial_state()
    with pytest.raises(ValueError, match=r"a state of othello was given to othello\(size=6\)"):
        small.action_to_text(state, 3)
    assert state != small.initial_state()


@pytest.mark.parametrize(
    ("spec", "options", "why"),
    [
        ("ultimate_tt", {}, '"ultimate_tt"; did you mean "ultimate_ttt"'),
        ("nosuch", {}, 'unknown game "nosuch"; known games: tic_tac_toe '),
        ("connect_four", {"rows": 8}, 'four: unknown option "rows"; this game has no options'),
        ("othello(sise=6)", {}, 'othello: unknown option "sise"; did you mean "size"'),
        ("othello", {"size": 7}, "othello: size=7; expected 6..8 in steps of 2"),
        ("othello", {"size": 6.5}, "othello: size=6.5; expected 6..8 in steps of 2"),
        ("othello", {"size": "big"}, 'othello: size="big"; expected a number, 6..8'),
        ("othello(size=6", {}, r"no '\)' at the end"),
        ("othello(size=6", {"size": 6}, r"no '\)' at the end"),
        ("othello(6)", {}, "no '=' in"),
        ("othello(size=6,size=8)", {}, 'option "size" twice'),
        ("twenty48(size=1)", {}, r"twenty48: size=1; expected 2\.\.5"),
    ],
)
def test_unknown_names_and_options(spec: str, options: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load_game(spec, **options)


@pytest.mark.parametrize("name", NAMES)
def test_states_are_values(name: str) -> None:
    state = load_game(name).initial_state()
    state.apply(state.legal_actions()[-1])
    for twin in (state.copy(), copy.copy(state), copy.deepcopy(state)):
        assert twin == state
        twin.apply(twin.legal_actions()[0])
        assert twin != state
    assert pickle.loads(pickle.dumps(state)) == state
    assert state != "something else"
    with pytest.raises(TypeError, match=r"use \.hash"):
        hash(state)


def test_illegal_actions_name_action_and_position() -> None:
    state = load_game("ultimate_ttt").initial_state()
    state.apply(40)
    with pytest.raises(ValueError, match=r"action 0 \(a1\) is not legal in .*/\.{4}X\.{4}/.* O 5"):
        state.apply(0)
    with pytest.raises(ValueError, match=r"action -1 \(expected 0..80\)"):
        state.apply(-1)
    assert len(state.legal_actions()) == 8


def test_pack_states() -> None:
    game = load_game("connect_four")
    states = [game.initial_state() for _ in range(3)]
    states[1].apply(3)
    packed = game.pack_states(states)
    assert packed.shape == (3, game.packed_bytes)
    assert [game.unpack(row) for row in packed] == states
    with pytest.raises(ValueError, match="packed position of 12 bytes; expected 13"):
        game.unpack(packed[0, :12])
    with pytest.raises(TypeError, match="expected a state of connect_four, got 7"):
        game.pack_states([7])


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("tic_tac_toe", "XX./.../... X", "2 X and 0 O with X to move"),
        ("tic_tac_toe", "XXX/OOO/... X", "both sides have won"),
        ("tic_tac_toe", "XXX/OO./O.. X", "X has won and is to move"),
        ("tic_tac_toe", "X?./.../... O", "unknown piece in row 1"),
        ("tic_tac_toe", "X......./.. O", "missing '/' after row 1"),
        (
            "connect_four",
            "X....../......./......./......./......./....... O",
            "above the empty cell",
        ),
        ("ultimate_ttt", "/".join(["." * 9] * 9) + " X 0", "unknown active board"),
        (
            "ultimate_ttt",
            "XXX....../OO......./" + "........./" * 6 + "......... O 1",
            "is finished",
        ),
        ("othello(size=6)", "....../....../..O.../..XO../....../...... X", "empty cell in the cen"),
        ("twenty48(size=2)", "2 ./. 3 score 0 spawns 0", '"3" is no tile'),
        ("twenty48(size=2)", "2 ./. 64 score 0 spawns 0", "too large for the board"),
        ("twenty48(size=2)", "2 ./. 4 score 8 spawns 0", "score that these tiles cannot"),
        ("twenty48(size=2)", "2 2/2 2 score 0 spawns 1", "4 tiles with 1 to come"),
        ("twenty48(size=2)", "2 ./. 4 score 0 spawns 7", "spawns 3; expected 0..2"),
        ("twenty48(size=2)", "2 ./. 4", "no score and spawns"),
    ],
)
def test_texts_that_are_no_position(name: str, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load_game(name).parse(text)


def fuzzed_texts(name: str) -> st.SearchStrategy[str]:
    start = load_game(name).initial_state().text()
    edits = st.lists(
        st.tuples(st.integers(0, len(start) - 1), st.sampled_from("XO./ -192460")), max_size=9
    )

    def edit(pairs: list[tuple[int, str]]) -> str:
        chars = list(start)
        for at, ch in pairs:
            chars[at] = ch
        return "".join(chars)

    return st.one_of(st.text(max_size=100), edits.map(edit))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_parsers_accept_exactly_what_they_write(name: str, data: st.DataObject) -> None:
    game = load_game(name)
    text = data.draw(fuzzed_texts(name))
    try:
        state = game.parse(text)
    except ValueError:
        pass
    else:
        # People leave the move counters of a FEN out; every other text has one form.
        assert state.text() == text or (name == "chess" and game.parse(state.text()) == state)
    word = data.draw(st.text(max_size=3) | st.from_regex(r"\A([a-i][0-9](=[248])?|[1-9]|[a-z]+)\Z"))
    try:
        action = game.action_from_text(game.initial_state(), word)
    except ValueError:
        return
    assert game.action_to_text(game.initial_state(), action) == word


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_packed_bytes_are_a_position_or_refused(name: str, data: st.DataObject) -> None:
    game = load_game(name)
    packed = data.draw(st.binary(min_size=game.packed_bytes, max_size=game.packed_bytes))
    sparse = data.draw(st.booleans())
    array = np.frombuffer(packed, np.uint8) & (3 if sparse else 255)
    try:
        state = game.unpack(array)
    except ValueError:
        pass
    else:
        np.testing.assert_array_equal(state.pack(), array)


def test_ultimate_ttt_observation() -> None:
    state = load_game("ultimate_ttt").initial_state()
    for action in (0, 1, 3, 9, 27):  # a1 b1 d1 a2 a4
        state.apply(action)
    mine, theirs, my_boards, their_boards, legal = state.observation()
    assert sorted(np.flatnonzero(theirs)) == [0, 3, 27]
    assert sorted(np.flatnonzero(mine)) == [1, 9]
    assert not my_boards.any()
    assert not their_boards.any()
    assert sorted(np.flatnonzero(legal)) == state.legal_actions()


def test_boards_of_other_programs() -> None:
    from zerofleet import _core

    game = load_game("ultimate_ttt")
    state = game.initial_state()
    state.apply(40)
    boards = _core.packed_to_boards(state.pack()[None])
    assert boards.dtype == np.int8
    assert list(np.flatnonzero(boards[0, :81])) == [40]
    assert list(boards[0, 81:]) == [0] * 9 + [4, 2]
    np.testing.assert_array_equal(_core.boards_to_packed(boards), state.pack()[None])
    for column, value, why in [
        (3, 3, r"row 1: cell \(column 3\) is 3; expected 0..2"),
        (85, 1, "row 1: state of board 4 is 1 but its cells give 0"),
        (90, 9, "row 1: active board"),
        (91, 1, "row 1: 1 X and 0 O with X to move"),
    ]:
        bad = np.concatenate([boards, boards])
        bad[1, column] = value
        with pytest.raises(ValueError, match=why):
            _core.boards_to_packed(bad)
    with pytest.raises(ValueError, match="91 columns; expected 92"):
        _core.boards_to_packed(np.zeros((2, 91), np.int8))
