"""Our GTP engine, command by command, as a program talks to it."""

import re
import subprocess

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.conversation import gtp_answers
from support import require_program
from zerofleet.engines.gtp_board import GtpBoard
from zerofleet.engines.gtp_clock import GtpClock
from zerofleet.engines.gtp_text import GtpError, fixed_handicap
from zerofleet.games import load_game
from zerofleet.games.evaluation import Evaluation, LeafBatch, random_evaluator

VERTEX = re.compile(r"= ([A-HJ][1-9]|pass)")


def answer(*commands: str, **options) -> str:
    """To the last of the commands."""
    return gtp_answers(*commands, **options)[-1]


def test_administration():
    assert gtp_answers("protocol_version", "name", "version") == ["= 2", "= Zerofleet", "= test"]
    commands = answer("list_commands").removeprefix("= ").split("\n")
    assert {"genmove", "play", "undo", "loadsgf", "time_left", "final_score"} <= set(commands)
    for name in commands:
        assert answer(f"known_command {name}") == "= true"
    assert gtp_answers("known_command abc", "known_command") == ["= false", "= false"]
    assert gtp_answers("quit", "name") == ["="]


def test_lines_are_read_as_the_specification_says():
    lines = ["17 protocol_version", "# comment", "", "   ", "\tname # what?", "0 quit now"]
    assert gtp_answers(*lines) == ["=17 2", "= Zerofleet", "=0"]
    assert gtp_answers("3 nonsense", "\x01na\x02me\r", "-1", "5") == [
        "?3 unknown command",
        "= Zerofleet",
        "? unknown command",
    ]


def test_boardsize_is_that_of_the_net():
    assert gtp_answers("boardsize 7", "boardsize 19", "boardsize", "boardsize seven") == [
        "=",
        "? unacceptable size",
        "? boardsize not an integer",
        "? boardsize not an integer",
    ]
    empty = answer("showboard")
    assert empty.startswith("=\n   A B C D E F G\n 7 . . .")
    assert answer("play b D4", "boardsize 7", "showboard") == empty


def test_komi_counts():
    score = ("play b D4", "final_score")
    assert answer("komi 6.5", *score) == "= B+42.5"
    assert answer("play b D4", "komi 49", "final_score") == "= 0"
    assert answer("komi 100", *score) == "= W+51"
    assert answer("komi -1", *score) == "= B+50"
    for bad in ("komi", "komi x", "komi nan", "komi inf"):
        assert answer(bad) == "? komi not a float"
    assert answer("komi 6.25").startswith("? expected a komi in steps of 0.5")
    assert answer("komi 400").startswith("? expected a komi in steps of 0.5 in -361..361")
    # A net is asked about the komi that is set.
    seen = []

    def remembers(batch: LeafBatch) -> Evaluation:
        seen.append(float(batch.scalars[0, 0]))
        return random_evaluator(batch)

    gtp_answers("genmove b", "komi 10", "genmove w", evaluator=remembers)
    assert seen[0] == -7.5 / 20
    assert seen[-1] in (-0.5, 0.5)


def test_play_takes_any_colour_but_no_illegal_move():
    commands = ["play b D4", "play black e4", "play W d3", "play white PASS", "play B f4"]
    assert gtp_answers(*commands) == ["="] * 5
    board = answer(*commands, "showboard")
    assert "\n 4 . . . X X X . 4\n 3 . . . O . . . 3\n" in board
    for bad, why in {
        "play b D4": "illegal move",
        "play b I4": "invalid color or coordinate",
        "play b D8": "invalid color or coordinate",
        "play b D0": "invalid color or coordinate",
        "play b 44": "invalid color or coordinate",
        "play b Ä1": "invalid color or coordinate",
        "play x A1": "invalid color or coordinate",
        "play b": "invalid color or coordinate",
        "play": "invalid color or coordinate",
    }.items():
        assert answer(*commands, bad) == f"? {why}"
        assert answer(*commands, bad, "showboard") == board


def test_suicide_and_superko_are_illegal():
    suicide = ["play b A2", "play b B1", "play w A1"]
    assert answer(*suicide) == "? illegal move"
    ko = ["play b C4", "play w D4", "play b D5", "play w E5", "play b D3", "play w E3"]
    ko += ["play b A1", "play w F4", "play b E4"]  # takes D4
    assert answer(*ko) == "="
    assert answer(*ko, "play w D4") == "? illegal move"
    assert answer(*ko, "play w A7", "play b B7", "play w D4") == "="


def test_undo_takes_back_whatever_was_played():
    states = [answer("showboard")]
    commands: list[str] = []
    # A move out of turn, two passes and what is played after them.
    for line in ["play b D4", "play b C4", "play w pass", "play b pass", "play b A1", "genmove w"]:
        commands.append(line)
        states.append(answer(*commands, "showboard"))
    for number in range(len(commands), 0, -1):
        commands.append("undo")
        assert answer(*commands, "showboard") == states[number - 1]
    assert answer(*commands, "undo") == "? cannot undo"
    assert answer("play b D4", "clear_board", "undo") == "? cannot undo"


def test_genmove_plays_and_reg_genmove_does_not():
    first, again, board = gtp_answers("reg_genmove b", "reg_genmove b", "showboard")
    assert VERTEX.fullmatch(first)
    assert first == again
    assert gtp_answers("genmove b", "undo", "reg_genmove b")[-1] == first
    assert board == answer("showboard")
    moves = gtp_answers(*["genmove b", "genmove w"] * 20)
    assert all(VERTEX.fullmatch(move) for move in moves)
    assert answer("genmove") == answer("genmove green") == "? invalid color or coordinate"


def test_both_sides_in_any_order():
    """Twice the same colour, after two passes, after the longest game."""
    for commands in (
        ["genmove w", "genmove w", "genmove b", "genmove b"],
        ["play b pass", "play w pass", "genmove b", "genmove w"],
        ["play b D4", "play w pass", "play b pass", "reg_genmove b", "genmove w"],
    ):
        assert all(a == "=" or VERTEX.fullmatch(a) for a in gtp_answers(*commands))
    columns = "ABCDEFG"
    black = [f"play b {columns[n % 7]}{n // 7 + 1}" for n in range(48)]
    long = [line for move in black for line in (move, "play w pass")]
    *played, ours, theirs = gtp_answers(*long, *long[:1], "genmove w", "genmove b")
    assert set(played) == {"=", "? illegal move"}
    assert VERTEX.fullmatch(ours)
    assert VERTEX.fullmatch(theirs)


def test_a_winning_pass_is_found():
    """Black is ahead and White has passed; no net is asked to know that."""

    def never_passes(batch: LeafBatch) -> Evaluation:
        weights = np.where(batch.legal_action == 49, 1e-30, 1.0).astype(np.float32)
        sums = np.add.reduceat(weights, batch.legal_start[:-1])
        prior = weights / np.repeat(sums, np.diff(batch.legal_start)).astype(np.float32)
        return Evaluation(prior, np.zeros(len(batch), np.float32))

    commands = ["komi 5.5", "play b D4", "play w pass", "genmove b"]
    assert answer(*commands, evaluator=never_passes) == "= pass"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("fixed_handicap 2", "= C3 E5"),
        ("fixed_handicap 4", "= C3 E5 C5 E3"),
        ("fixed_handicap 5", "? invalid number of stones"),
        ("fixed_handicap 1", "? invalid number of stones"),
        ("fixed_handicap", "? syntax error"),
        ("place_free_handicap 3", "= C3 E5 C5"),
        ("place_free_handicap 20", "= C3 E5 C5 E3"),
        ("place_free_handicap 1", "? invalid number of stones"),
        ("place_free_handicap two", "? syntax error"),
        ("set_free_handicap A1 B2 G7", "="),
        ("set_free_handicap A1 A1", "? bad vertex list"),
        ("set_free_handicap A1 pass", "? bad vertex list"),
        ("set_free_handicap A1", "? bad vertex list"),
        ("set_free_handicap A1 J1", "? invalid color or coordinate"),
    ],
)
def test_handicap(command, expected):
    assert answer(command) == expected
    if expected.startswith("="):
        stones = expected.removeprefix("= ").split() if expected != "=" else ["A1", "B2", "G7"]
        chains = answer(command, "final_status_list alive").removeprefix("= ").split("\n")
        assert sorted(chains) == sorted(stones)
        move, undone = gtp_answers(command, "genmove w", "undo")[1:]
        assert VERTEX.fullmatch(move)
        assert undone == "="
        assert answer(command, command) == "? board not empty"
        assert answer(command, "undo") == "? cannot undo"
    assert answer("play b A1", "fixed_handicap 2") == "? board not empty"


def test_a_handicap_that_leaves_no_liberty():
    points = [f"{column}{row}" for column in "ABCDE" for row in range(1, 6)]
    game = "go(size=5)"
    assert answer(f"set_free_handicap {' '.join(points)}", game=game) == "? bad vertex list"
    assert answer("fixed_handicap 2", game=game) == "? invalid number of stones"
    assert answer("place_free_handicap 2", game=game) == "? invalid number of stones"


@pytest.mark.parametrize("size", [5, 6, 7, 8, 9, 11, 13, 18, 19])
def test_handicap_points_are_those_of_gnu_go(size):
    program = require_program("gnugo")
    talk = "".join(f"clear_board\nfixed_handicap {n}\n" for n in range(2, 10))
    done = subprocess.run(
        [program, "--mode", "gtp"],
        input=f"boardsize {size}\n{talk}quit\n",
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [a.strip() for a in done.stdout.strip().split("\n\n")][2::2]
    for stones, text in zip(range(2, 10), theirs, strict=True):
        try:
            ours = fixed_handicap(size, stones)
        except GtpError:
            assert text.startswith("?"), (stones, text)
        else:
            assert sorted(text.removeprefix("=").split()) == sorted(ours)


def test_status_of_stones():
    stones = ["play b A1", "play b A2", "play w C3", "play b pass"]
    assert answer(*stones, "final_status_list alive") == "= C3\nA2 A1"
    assert answer(*stones, "final_status_list dead") == "="
    assert answer(*stones, "final_status_list seki") == "="
    assert answer(*stones, "final_status_list") == "? syntax error"


def test_sgf_is_loaded(tmp_path):
    path = tmp_path / "game.sgf"
    path.write_text("(;GM[1]SZ[7]KM[9];B[dd];W[cc];B[];W[];B[aa])")
    board = answer(f"loadsgf {path}", "showboard")
    assert board.count("X") >= 2
    assert answer(f"loadsgf {path}", "final_status_list alive") == "= A7\nC5\nD4"
    assert answer(f"loadsgf {path} 2", "final_status_list alive") == "= D4"
    assert answer(f"loadsgf {path} 1", "final_score") == "= W+9"
    assert answer(f"loadsgf {path} 99", "final_score") == answer(f"loadsgf {path}", "final_score")
    assert VERTEX.fullmatch(answer("genmove b", f"loadsgf {path}", "genmove w"))
    before = ["komi 3", "play b E5"]
    for bad, why in {
        f"loadsgf {path} 0": "syntax error",
        f"loadsgf {path} x": "syntax error",
        "loadsgf": "syntax error",
        f"loadsgf {tmp_path}/none.sgf": "cannot load file: .*No such file",
        f"loadsgf {tmp_path}": "cannot load file: .*Is a directory",
    }.items():
        assert re.match(rf"\? {why}", answer(*before, bad))
    for text in ("(;SZ[9])", "(;SZ[7];B[dd];W[dd])", "junk", "(;SZ[7]KM[1];B[aa];W[zz])"):
        path.write_text(text)
        assert answer(*before, f"loadsgf {path}").startswith("? cannot load file: ")
        assert answer(*before, f"loadsgf {path}", "final_score") == answer(*before, "final_score")


def test_time_is_kept(monkeypatch):
    assert answer("time_settings 0 5 0", "genmove b")  # no limit
    for settings_ in ("time_settings 0 0 0", "time_settings 1 0 0", "time_settings 0 1 10"):
        commands = [settings_, *["genmove b", "genmove w"] * 5]
        assert all(a == "=" or VERTEX.fullmatch(a) for a in gtp_answers(*commands))
    assert VERTEX.fullmatch(answer("time_left b 1 0", "time_left w 0 3", "genmove w"))
    for bad in ("time_settings 1 2", "time_settings a b c", "time_left b 1", "time_left b -1 0"):
        assert answer(bad) == "? syntax error"
    assert answer("time_left", "time_left x 1 1") == "? invalid color or coordinate"


def test_clocks():
    clock = GtpClock(49)
    assert clock.move_seconds(0, 0) is None
    clock.set(100, 0, 0)
    first = clock.move_seconds(0, 0)
    assert 1 < first < 10
    clock.spend(0, 99)
    assert clock.move_seconds(0, 10) < 0.5
    assert clock.move_seconds(1, 0) == first
    clock.spend(0, 5)
    assert clock.move_seconds(0, 10) == 0  # no more
    clock.set(10, 30, 5)
    assert clock.move_seconds(0, 0) == pytest.approx(5.4)  # as in byo-yomi
    clock.spend(0, 12)
    for _ in range(5):
        assert 0 < clock.move_seconds(0, 0) <= 0.9 * 30
        clock.spend(0, 1)
    assert clock.move_seconds(0, 0) == pytest.approx(5.4)  # the next five
    clock.set_left(1, 7, 2)
    assert clock.move_seconds(1, 0) == pytest.approx(3.15)
    clock.set(100, 5, 0)
    assert clock.move_seconds(0, 0) is None


def test_a_search_that_fails_is_told():
    def broken(batch: LeafBatch) -> Evaluation:
        found = random_evaluator(batch)
        return Evaluation(found.prior * 3, found.value)

    failed, name = gtp_answers("5 genmove b", "name", evaluator=broken)
    assert failed.startswith("?5 RuntimeError: ")
    assert name == "= Zerofleet"


def test_the_score_of_a_board_is_its_area():
    board = GtpBoard(5, 0.5)
    for colour, vertex in [(0, "C1"), (0, "C2"), (0, "C3"), (0, "C4"), (0, "C5"), (1, "E3")]:
        board.play(colour, vertex)
    assert board.score() == "B+13.5"  # columns A to C; D and E are White's but for the border
    assert board.game == load_game("go", size=5, komi=0.5)


WORDS = """
protocol_version name version known_command list_commands boardsize clear_board komi 7 7.5 -3 play
genmove undo showboard time_settings time_left final_score fixed_handicap place_free_handicap b w
set_free_handicap loadsgf reg_genmove final_status_list black white A1 D4 g7 pass resign J9 0 1 2 5
alive dead 99999999999 /etc/hostname . # 12 ü \x00 nan
""".split()  # noqa: SIM905


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join),
            st.tuples(st.sampled_from(["play b", "play w"]), st.sampled_from(WORDS)).map(" ".join),
        ),
        max_size=12,
    )
)
@example(["boardsize " + "9" * 5000, "komi " + "9" * 5000, "9" * 5000, "time_left b 1 " + "1" * 99])
@example(["loadsgf \x00", "komi 1e400", "play b D4 " * 10_000])
def test_fuzzed_input_never_breaks_it(lines):
    """Every line gets one answer at most, and the engine plays on."""
    lines = [line.replace("quit", "") for line in lines]
    answers = gtp_answers(*lines, "clear_board", "77 genmove b", game="go(size=5)")
    assert len(answers) <= len(lines) + 2
    assert re.fullmatch(r"=77 ([A-E][1-5]|pass)", answers[-1])
    for text in answers:
        assert re.match(r"[=?]\d{0,10}([ \n]|$)", text)
