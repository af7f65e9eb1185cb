"""SGF there and back, against sgfmill as an independent reader and writer, and fuzzed."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support import require
from zerofleet import load_game
from zerofleet.games.sgf import SgfError, from_sgf, to_sgf


def random_state(seed: int, **options):
    rng = random.Random(seed)
    state = load_game("go", **options).initial_state()
    for _ in range(rng.randrange(300)):
        if state.is_terminal:
            break
        state.apply(rng.choice(state.legal_actions()))
    return state


@pytest.mark.parametrize("seed", range(12))
def test_round_trip_through_sgfmill(seed: int) -> None:
    """Our SGF means to sgfmill what our state is; what sgfmill writes comes back as the state."""
    require("sgfmill")
    from sgfmill import sgf, sgf_moves

    size, komi = (5, 7, 9, 13, 19)[seed % 5], (7.5, 0.0, -3.5)[seed % 3]
    state = random_state(seed, size=size, komi=komi)
    names = {"PB": "a\\b", "PW": "[x]:y", "C": "line one\nline ]two"}
    text = to_sgf(state, properties=names)

    theirs = sgf.Sgf_game.from_string(text)
    assert theirs.get_size() == size
    assert theirs.get_komi() == komi
    assert theirs.get_player_name("b") == "a\\b"
    assert theirs.get_player_name("w") == "[x]:y"
    assert theirs.get_root().get("C") == names["C"]
    board, plays = sgf_moves.get_setup_and_moves(theirs)
    for colour, point in plays:
        if point is not None:
            board.play(*point, colour)
    pieces = {"b": "X", "w": "O", None: "."}
    rows = [line.split()[1:-1] for line in str(state).splitlines()[1 : size + 1]]
    assert rows == [
        [pieces[board.get(row, col)] for col in range(size)] for row in reversed(range(size))
    ]
    if state.is_terminal:
        score = board.area_score() - komi
        expected = "0" if score == 0 else f"{'BW'[score < 0]}+{abs(score):g}"
        assert theirs.get_root().get("RE") == expected

    (back,) = from_sgf(theirs.serialise().decode())
    game = load_game(back.spec)
    assert game == load_game("go", size=size, komi=komi)
    assert game.parse(back.text) == state
    assert back.properties["PB"] == ("a\\b",)
    assert back.properties["C"] == (names["C"],)


def test_what_is_read() -> None:
    handicap, plain = from_sgf(
        "junk (;GM[1]SZ[9]KM[0.5]HA[2]PB[A]\n AB[cg][gc]AW [ aa:bb ] AE[ab];W[ee];B[]\n"
        "(;W[ff](;B[gg])(;B[hh]))(;W[tt]C[a \\] b (;])) (;SZ[5:5];W[aa];B[tt])"
    )
    assert handicap.spec == "go(komi=0.5,size=9)"
    assert handicap.text == (
        "OO......./.O......./......X../........./........./........./..X....../"
        "........./......... O 0.5 E5 pass F4 G3"
    )
    state = load_game(handicap.spec).parse(handicap.text)
    assert from_sgf(to_sgf(state))[0].text == handicap.text
    assert plain.text == "...../...../...../...../..... O 0.0 A5 pass"
    assert from_sgf("(;SZ[9]HA[3]AB[aa][bb][cc])")[0].text.endswith(" O 0.0")
    assert from_sgf("(;Black[aa];White[bb])")[0].text.endswith(" X 0.0 A19 B18")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"expected '\(;'"),
        ("no game", "expected"),
        ("()", "without a node"),
        ("(;SZ[9]", "got the end"),
        ("(;SZ[9];B[aa)", "at character 8: expected a property"),
        ("(SZ[9])", r"SZ before the first ';'"),
        ("(;GM[2])", r"GM\[2\] is another game"),
        ("(;SZ[4])", "expected 5 to 19"),
        ("(;SZ[19:13])", "square"),
        ("(;SZ[x])", r"SZ\[x\]"),
        ("(;KM[6,5])", r"KM\[6,5\]: expected a number"),
        ("(;KM[7.25])", "multiple of 0.5"),
        ("(;KM[nan])", "expected a number"),
        ("(;SZ[9];B[jj])", r"no point of a 9 x 9 board: \[jj\]"),
        ("(;SZ[9];B[a])", "no point"),
        ("(;SZ[9];B[aa];B[bb])", "move 2 is by B; expected W"),
        ("(;SZ[9];B[aa]W[bb])", "2 moves in one node"),
        ("(;SZ[9];B[aa];AB[bb])", "AB after move 1"),
        ("(;PL[x])", r"PL\[x\]"),
        ("(;)(;SZ[3])", "SGF game 2"),
    ],
)
def test_errors_say_what_is_wrong(text: str, match: str) -> None:
    with pytest.raises(SgfError, match=match):
        from_sgf(text)


PIECES = ["(", ")", ";", "B[aa]", "W[bb]", "[", "]", "\\", "SZ[9]", "KM[7]", "AB[aa:cc]", "B[]"]
PIECES += ["PL[W]", "C[x", " ", "HA[2]", "AW[dd]", "AE[aa]", "GM[1]", "(;"]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("(;" + "B[" * 50_000)
@example("(" * 50_000)
@example("(;C[" + "\\" * 50_001)
@example("(;AB" + "[aa]" * 50_000)
def test_fuzzed_text_is_read_or_refused(text: str) -> None:
    try:
        games = from_sgf(text)
    except SgfError:
        return
    for sgf in games:
        message = "go: "
        try:
            load_game(sgf.spec).parse(sgf.text)
        except ValueError as error:
            message = str(error)
        assert message.startswith("go: ")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_games_are_read_or_refused(data: st.DataObject) -> None:
    text = to_sgf(random_state(3, size=9))
    at = data.draw(st.integers(0, len(text)))
    damage = data.draw(st.sampled_from([*PIECES, ""]))
    test = text[:at] + damage + text[at + data.draw(st.integers(0, 3)) :]
    test_fuzzed_text_is_read_or_refused.hypothesis.inner_test(test)
