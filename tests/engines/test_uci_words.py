"""UCI word by word: options, limits, clocks, scores."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerofleet.engines.uci_commands import (
    CommandError,
    Go,
    move_seconds,
    parse_go,
    parse_position,
    parse_setoption,
    split_command,
)
from zerofleet.engines.uci_info import centipawns, win_draw_loss
from zerofleet.engines.uci_options import OptionError, UciOption, find_option, parse_option


@pytest.mark.parametrize(
    "option",
    [
        UciOption("Hash", "spin", "16", 1, 33554432),
        UciOption("Clear Hash", "button"),
        UciOption("Ponder", "check", "false"),
        UciOption("Style", "combo", "Solid", choices=("Solid", "Wild Child")),
        UciOption("Book File", "string", "a book.bin"),
        UciOption("SyzygyPath", "string", ""),
        UciOption("max value", "spin", "-3", -5, 5),
    ],
)
def test_options_are_read_as_they_are_announced(option):
    assert parse_option(option.announced()) == option


def test_options_of_other_engines_are_read():
    assert parse_option("option name Skill Level type spin default 20 min 0 max 20") == UciOption(
        "Skill Level", "spin", "20", 0, 20
    )
    read = parse_option("option name UCI_Variant type combo default chess var chess var atomic")
    assert read.choices == ("chess", "atomic")
    for line in ("option", "option name", "option name x type y", "option type spin", "uciok"):
        with pytest.raises(OptionError, match="expected `option name NAME type TYPE"):
            parse_option(line)
    with pytest.raises(OptionError, match="whole numbers"):
        parse_option("option name x type spin default 1 min a max 3")


def test_values_are_checked():
    spin, check = UciOption("N", "spin", "1", -1, 5), UciOption("C", "check", "true")
    combo = UciOption("K", "combo", "Big", choices=("Big", "Small"))
    assert [spin.checked(v) for v in ("-1", " 5 ", "+3")] == ["-1", "5", "3"]
    assert check.checked("TRUE") == "true"
    assert combo.checked("small") == "Small"
    assert UciOption("S", "string").checked("<empty>") == ""
    assert UciOption("B", "button").checked("") == ""
    for option, value, message in (
        (spin, "6", r"option N: expected a number -1\.\.5; came '6'"),
        (spin, "", "came ''"),
        (spin, "9" * 5000, "came '9+'"),
        (check, "1", "expected true or false"),
        (combo, "Huge", "expected one of Big, Small"),
    ):
        with pytest.raises(OptionError, match=message):
            option.checked(value)
    assert find_option([spin, combo], "k") is combo
    with pytest.raises(OptionError, match=r"unknown option 'x'; Options are: N, K"):
        find_option([spin, combo], "x")


def test_commands_are_found_behind_unknown_words():
    assert split_command("joho debug on") == ("debug", ["on"])
    assert split_command("  go   depth 3 ") == ("go", ["depth", "3"])
    assert split_command("\t ") == ("", [])
    with pytest.raises(CommandError, match="unknown command 'joho'; commands are uci, debug"):
        split_command("joho")


def test_go():
    text = "searchmoves e2e4 d2d4 ponder wtime 100 btime -3 winc 1 binc 2 movestogo 5 depth 3"
    assert parse_go(text.split()) == Go(
        searchmoves=("e2e4", "d2d4"),
        ponder=True,
        wtime=100,
        btime=-3,
        winc=1,
        binc=2,
        movestogo=5,
        depth=3,
    )
    assert parse_go(["nodes", "7", "searchmoves", "a2a3", "infinite"]) == Go(
        searchmoves=("a2a3",), nodes=7, infinite=True
    )
    assert parse_go(["perft", "3", "movetime", "5"]).unknown == ("perft", "3")
    assert parse_go(["mate", "2"]).has_limit
    assert not parse_go(["winc", "2"]).has_limit
    assert not parse_go(["infinite", "depth", "3"]).has_limit


def test_position_and_setoption():
    assert parse_position(["startpos"]) == ("startpos", [])
    assert parse_position(["startpos", "moves", "e2e4"]) == ("startpos", ["e2e4"])
    assert parse_position(["fen", "a", "b", "c", "moves", "x", "y"]) == ("a b c", ["x", "y"])
    assert parse_setoption(["name", "Clear", "Hash"]) == ("Clear Hash", "")
    assert parse_setoption(["name", "Book", "value", "a", "b"]) == ("Book", "a b")
    for words in ([], ["name"], ["name", "value", "3"], ["value", "3"]):
        with pytest.raises(CommandError, match="setoption: expected name NAME"):
            parse_setoption(words)


def seconds(text: str, *, white: bool = True, overhead: float = 0.0) -> float | None:
    return move_seconds(parse_go(text.split()), white=white, overhead=overhead)


def test_time_for_a_move():
    assert seconds("infinite") is None
    assert seconds("wtime 5000", white=False) is None
    assert seconds("movetime 1000", overhead=0.1) == 0.9
    assert seconds("movetime 10", overhead=0.1) == 0.005
    assert seconds("movetime 10 wtime 99999") == 0.01
    assert seconds("wtime 30000 btime 60000") == 1.0
    assert seconds("wtime 30000 btime 60000", white=False) == 2.0
    assert seconds("wtime 30000 movestogo 10") == 3.0
    assert seconds("wtime 30000 movestogo 1") == 24.0
    assert seconds("wtime 30000 winc 1000") == pytest.approx(1.8)
    assert seconds("wtime 100 winc 1000", overhead=0.05) == pytest.approx(0.04)
    assert seconds("wtime -200 btime 5") == 0.0


@settings(deadline=None)
@given(st.integers(-1000, 10**7), st.integers(0, 10**5), st.integers(0, 200), st.floats(0.0, 5.0))
def test_no_move_takes_more_than_there_is(time, increment, moves, overhead):
    text = f"btime {time} binc {increment} movestogo {moves}"
    taken = seconds(text, white=False, overhead=overhead)
    assert taken is not None
    assert 0 <= taken <= max(0.0, 0.8 * (time / 1000 - overhead))


def test_scores():
    assert centipawns(0.0) == 0
    assert centipawns(0.28) == 100  # a score of 64 %
    assert centipawns(9 / 11) == 400  # 10 to 1
    assert centipawns(1.0) == -centipawns(-1.0) == 2120
    assert win_draw_loss(0.2, 0.2) == (500, 200, 300)
    assert win_draw_loss(-1.0, 0.5) == (0, 0, 1000)
    assert win_draw_loss(0.0, 1.0) == (0, 1000, 0)


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(0, 1))
def test_win_draw_loss_always_add_up(value, draw):
    won, drawn, lost = win_draw_loss(value, draw)
    assert won + drawn + lost == 1000
    assert min(won, drawn, lost) >= 0
    assert abs((won - lost) / 1000 - value) <= 0.002
