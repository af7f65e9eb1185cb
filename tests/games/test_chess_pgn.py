"""PGN: games as python-chess writes and reads them, files as they are found, and broken ones."""

import functools
import io
import random
from typing import Any

import numpy as np
import pytest
from chess_positions import random_games
from hypothesis import given, settings
from hypothesis import strategies as st

from support import require
from zerofleet import load_game
from zerofleet.games.chess import fen, format_pgn, parse_pgn, read_pgn

CHESS = load_game("chess")

MESSY = """\ufeff
% an escaped line: 1. e4 is no move here
[Event "Casual \\"blitz\\" [3+0] {not a comment}"]
[Site "C:\\\\games"]  [Date "2026.11.21"]
[odd header line
[White "Jos\u00e9"]
[Result "1-0"]

1.e4 {the best [%clk 0:03:00] ; by test} e5 $1 2. Nf3!! (2. f4 exf4 (2... d5 {Falkbeer ) } 3. exd5)
3.Nf3 {[%eval 0.1]}) 2...Nc6 ; a comment to the end of the line ) }
3. Bb5?! a6 $14 $22 4.Ba4 Nf6 5. 0-0 Be7 6 Re1 b5 +- 7 Bb3 d6 = 8. c3
{ a comment
[over lines] } 8 ... O-O 1-0

[Event "no moves"]
[Result "0-1"]

0-1

1. d4 d5 {a game without headers} *
[Event "glued"]
1. Nf3 Nf6 2. Ng1 Ng8 1/2-1/2
"""


def test_a_messy_file() -> None:
    games = parse_pgn(MESSY)
    assert [game.error for game in games] == [""] * 4
    assert [game.result for game in games] == ["1-0", "0-1", "*", "1/2-1/2"]
    assert [len(game.actions) for game in games] == [16, 0, 2, 4]
    assert games[0].tags == {
        "Event": 'Casual "blitz" [3+0] {not a comment}',
        "Site": "C:\\games",
        "Date": "2026.11.21",
        "White": "Jos\u00e9",
        "Result": "1-0",
    }
    assert games[0].uci[-3:] == ["d7d6", "c2c3", "e8g8"]
    assert [game.line for game in games] == [3, 15, 20, 21]
    state = CHESS.initial_state()
    for action in games[0].actions.tolist():
        state.apply(action)
    assert fen(state) == "r1bq1rk1/2p1bppp/p1np1n2/1p2p3/4P3/1BP2N2/PP1P1PPP/RNBQR1K1 w - - 1 9"


BROKEN = {
    "1. e4 e5 2. Ke3 Nc6 1-0": (
        2,
        'move 2 of White: illegal move "Ke3" in rnbqkbnr/pppp1ppp',
        "1-0",
    ),
    "1. e4 Zz9 1-0": (1, 'move 1 of Black: bad move "Zz9"', "1-0"),
    "1. d4 d5 2. Nd2 Nf6 3. Nf3 a6 *": (4, 'ambiguous move "Nf3"', "*"),
    "1. e4 -- 2. e5 0-1": (1, 'move 1 of Black: a null move, "--"', "0-1"),
    "1. e4 e5 2. Nf3": (3, "no result at the end of the moves: truncated?", "*"),
    '[Result "0-1"]\n\n1. e4 e5 2. Nx': (2, 'bad move "Nx"', "0-1"),
    "1. e4 {never closed 1. d4 1-0": (1, "comment not closed", "*"),
    "1. e4 (1. d4 d5 1-0": (1, "variation not closed", "*"),
    '[FEN "8/8/8/8 w - -"]\n\n1. e4 *': (0, 'tag FEN "8/8/8/8 w - -": 4 ranks', "*"),
    '[Variant "Atomic"]\n\n1. e4 *': (0, 'variant "Atomic"; only standard chess is read', "*"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_games(text: str) -> None:
    """The error is said in the game, the moves before it are kept and the next game is whole."""
    whole = '[Event "next"]\n\n1. d4 d5 1/2-1/2\n'
    plies, error, result = BROKEN[text]
    for before in ("", whole):
        games = parse_pgn(f"{before}{text}\n\n{whole}")
        broken, after = games[-2:]
        assert error in broken.error
        assert (len(broken.actions), broken.result) == (plies, result)
        assert (after.error, len(after.actions), after.result) == ("", 2, "1/2-1/2")
        assert after.tags == {"Event": "next"}


def test_no_games() -> None:
    for text in ("", "\n\n", "{a comment}", "; another", "\ufeff"):
        assert parse_pgn(text) == []


def test_play_goes_on_after_an_automatic_draw() -> None:
    moves = "Nf3 Nf6 Ng1 Ng8 " * 2 + "e4 e5"
    (game,) = parse_pgn(f"{moves} 1-0")
    assert (len(game.actions), game.num_plies_by_rules, game.ended_by_rules) == (10, 8, True)
    (game,) = parse_pgn("1. f3 e5 2. g4 Qh4# 0-1")
    assert (len(game.actions), game.num_plies_by_rules, game.ended_by_rules) == (4, 4, True)
    (game,) = parse_pgn("1. f3 e5 2. g4 *")
    assert (len(game.actions), game.num_plies_by_rules, game.ended_by_rules) == (3, 3, False)


@functools.cache
def pgn_of_random_games(seed: int, num_positions: int) -> tuple[str, list[Any]]:
    """A file as python-chess writes it, with comments, glyphs and variations, and its boards."""
    require("chess")
    import chess.pgn

    rng = random.Random(seed)
    boards = [b.copy() for b in random_games(rng, num_positions) if len(b.move_stack) % 37 == 36]
    texts = []
    for number, board in enumerate(boards):
        game = chess.pgn.Game.from_board(board)
        game.headers["White"] = rng.choice(["A", 'B "the bear"', "C\\D"])
        game.headers["Result"] = rng.choice(["1-0", "0-1", "1/2-1/2", "*"])
        for node in list(game.mainline()):
            if rng.random() < 0.1:
                node.comment = rng.choice(["good (very)", "[%eval 0.3]", "1. e4 1-0", "line\nline"])
            if rng.random() < 0.1:
                node.nags.add(rng.randint(1, 139))
            others = [move for move in node.parent.board().legal_moves if move != node.move]
            if others and rng.random() < 0.1:
                node.parent.add_variation(rng.choice(others), comment="a variation")
        game.headers["Round"] = str(number)
        texts.append(str(game))
    return "\n\n".join(texts) + "\n", boards


@pytest.mark.parametrize("piece", [1 << 20, 1000, 7])
def test_python_chess_writes_we_read(piece: int, tmp_path: Any) -> None:
    text, boards = pgn_of_random_games(2, 900)
    assert len(boards) > 10

    class Pieces(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            return super().read(piece)

    games = list(read_pgn(Pieces(text.encode())))
    assert len(games) == len(boards)
    for number, (game, board) in enumerate(zip(games, boards, strict=True)):
        assert game.error == ""
        assert game.tags["Round"] == str(number)
        assert game.result == game.tags["Result"]
        assert game.uci == [move.uci() for move in board.move_stack]
        start = None if game.initial_fen is None else board.root().fen()
        assert game.initial_fen == start
        lines = text.splitlines()
        assert lines[game.line - 1].startswith("[Event ")
    path = tmp_path / "games.pgn"
    path.write_text(text)
    assert [game.uci for game in read_pgn(path)] == [game.uci for game in games]


def test_we_write_python_chess_reads() -> None:
    require("chess")
    import chess.pgn

    text, boards = pgn_of_random_games(2, 900)
    for game, board in zip(parse_pgn(text), boards, strict=True):
        actions = game.actions[: game.num_plies_by_rules]
        tags = {"White": 'a "quoted" name\\', "Elo": "1500", "Event": "two\nlines"}
        written = format_pgn(actions, result="1-0", tags=tags, initial=game.initial_fen)
        assert all(len(line) < 80 for line in written.splitlines())
        theirs = chess.pgn.read_game(io.StringIO(written))
        assert theirs is not None
        assert not theirs.errors
        assert theirs.headers["Result"] == "1-0"
        moves = [move.uci() for move in theirs.mainline_moves()]
        assert moves == [move.uci() for move in board.move_stack][: len(actions)]
        (again,) = parse_pgn(written)
        assert again.error == ""
        np.testing.assert_array_equal(again.actions, actions)
        # python-chess leaves tags as they are escaped.
        assert again.tags["White"] == tags["White"]
        assert again.tags["Event"] == "two lines"


def test_writing_refuses_what_is_no_game() -> None:
    with pytest.raises(ValueError, match=r"ply 1: chess: action 0 .* is not legal"):
        format_pgn([CHESS.action_from_text(CHESS.initial_state(), "e4"), 0])
    with pytest.raises(ValueError, match="expected one of 1-0"):
        format_pgn([], result="draw")
    with pytest.raises(TypeError, match="expected a file of bytes"):
        list(read_pgn(io.StringIO("1. e4 *")))  # type: ignore[arg-type]


def test_an_endless_comment_is_cut() -> None:
    """A file of many megabytes is not kept for one brace; the games behind it are read."""
    text = "1. e4 {" + "no end " * 300_000 + '\n\n[Event "next"]\n\n1. d4 *\n'
    pieces = io.BytesIO(text.encode())
    first, second = read_pgn(pieces)
    assert "comment not closed" in first.error
    assert (second.error, second.uci) == ("", ["d2d4"])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for game in parse_pgn(data):
        assert isinstance(game.error, str)
        assert game.num_plies_by_rules <= len(game.actions)


def test_mutated_games() -> None:
    """Whatever is done to a file, moves that are read are legal, and most games survive."""
    text, _ = pgn_of_random_games(2, 900)
    data = text.encode()
    rng = random.Random(4)
    num_whole = num_games = 0
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(damaged))
            change = rng.randrange(3)
            if change == 0:
                damaged[at] = rng.choice(b'{}()[];%$"1. e4-0\n\x00\xff')
            elif change == 1:
                del damaged[at : at + rng.randint(1, 40)]
            else:
                damaged[at:at] = bytes(rng.choices(b"{}()[];%$0123KQabc \n", k=3))
        games = parse_pgn(bytes(damaged))
        num_games += len(games)
        for game in games:
            num_whole += game.error == ""
            state = CHESS.initial_state()
            if game.initial_fen is not None:
                state = CHESS.parse(game.initial_fen)
            for action in game.actions[: game.num_plies_by_rules].tolist():
                state.apply(action)
            assert state.is_terminal == game.ended_by_rules
    assert num_whole > num_games / 2 > 0
