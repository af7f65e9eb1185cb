"""FEN, SAN and UCI: both ways, what people write besides, and clear errors for everything else."""

import random
from typing import Any

import pytest
from chess_positions import random_games, random_placements
from hypothesis import given, settings
from hypothesis import strategies as st

from support import require
from zerofleet import load_game
from zerofleet.games.chess import fen

CHESS = load_game("chess")
START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"

BAD_POSITIONS = {
    "": "fewer than 4 fields",
    "8/8/8/8 w - -": "4 ranks; expected 8",
    "rnbqkbnr/pppppppp/8/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "more than 8 ranks",
    "rnbqkbnr/pppppppp/8/8/8/7/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "rank 3 has 7 files; expected 8",
    "rnbqkbnr/pppppppp/8/8/8/9/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "'9' in the piece placement",
    "rnbqkbnr/ppppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "rank 7 has more than 8 files",
    "rnbxkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "'x' in the piece placement",
    "rnbqkbnr/pppppppp/8/44/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "two numbers in a row",
    START.replace(" w ", " W "): "neither w nor b",
    START.replace("KQkq", "KQxq"): "'x' in the castling rights",
    START.replace("KQkq", "KQHA"): "Chess960 is not supported",
    START.replace("KQkq", "KKkq"): "'K' twice",
    START.replace(" - ", " e9 "): "en passant square is no square",
    START.replace(" - ", " e6 "): "en passant square e6 that no pawn has just passed",
    START.replace(" 0 1", " -1 1"): "count of plies without progress is no number 0..150",
    START.replace(" 0 1", " 151 1"): "no number 0..150",
    START.replace(" 0 1", " 0 x"): "the move number is no number 0..9999",
    START.replace(" 0 1", " 0 99999999999999999999"): "the move number is no number",
    START + " 7": "more than 6 fields",
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQ1BNR w kq - 0 1": "White has 0 kings; expected 1",
    "rnbqkbnr/pppppppp/8/8/4k3/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "Black has 2 kings",
    "Pnbqkbnr/pppppppp/8/8/8/8/1PPPPPPP/RNBQKBNR w KQk - 0 1": "a pawn on a8",
    "rnbqkbnr/pppppppp/8/8/8/P7/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "White has 9 pawns",
    "rnbqkbnr/pppppppp/8/8/Q7/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1": "8 pawns and 1 promoted",
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBN1 w KQkq - 0 1": "'K' without a king on e1 and a",
    "4k3/8/8/8/8/8/8/4RK2 w - - 0 1": "White is to move and could take the king",
    "8/8/8/3kK3/8/8/8/8 b - - 0 1": "Black is to move and could take the king",
    START + " moves e2e5": 'move 1: illegal move "e2e5"',
    START + " moves e2e4 e7e5 Nf3": 'move 3: bad move "Nf3"',
    "startpos moves f2f3 e7e5 g2g4 d8h4 a2a3": "move 5: the game is over, Black has won",
    "no position, surely": "fewer than 4 fields",
    "\x00\xff": "fewer than 4 fields",
}


@pytest.mark.parametrize("text", BAD_POSITIONS)
def test_bad_positions(text: str) -> None:
    with pytest.raises(ValueError, match="chess: bad position") as caught:
        CHESS.parse(text)
    assert BAD_POSITIONS[text] in str(caught.value)
    assert "expected a FEN" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("startpos", START),
        (START.removesuffix(" 0 1"), START),
        (START.replace(" ", "   "), START),
        (START.replace(" 0 1", " 0 0"), START),  # some programs count from 0
        # The square is kept only where a pawn may take: not here ...
        (
            "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1",
            "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
        ),
        # ... here the king would stand in check ...
        ("8/8/8/8/k2Pp2Q/8/8/3K4 b - d3 0 1", "8/8/8/8/k2Pp2Q/8/8/3K4 b - - 0 1"),
        # ... but here.
        ("8/8/8/8/k2Pp3/8/8/3K4 b - d3 0 1", "8/8/8/8/k2Pp3/8/8/3K4 b - d3 0 1"),
    ],
)
def test_good_positions(text: str, expected: str) -> None:
    assert fen(CHESS.parse(text)) == expected


MESSY = "4k3/P4p2/8/8/3pP3/2N3N1/8/R3K2R w KQ - 0 1"


@pytest.mark.parametrize(
    ("position", "text", "expected"),
    [
        (START, "e2e4", "e4"),
        (START, "e2-e4", "e4"),
        (START, "e4!?", "e4"),
        (START, "Ng1f3", "Nf3"),
        (START, "Ng1-f3", "Nf3"),
        (START, "N1f3", "Nf3"),
        (START, "Ngf3+", "Nf3"),
        (MESSY, "O-O", "O-O"),
        (MESSY, "0-0", "O-O"),
        (MESSY, "0-0-0", "O-O-O"),
        (MESSY, "e1c1", "O-O-O"),
        (MESSY, "a8=Q", "a8=Q+"),
        (MESSY, "a8Q+", "a8=Q+"),
        (MESSY, "a8=n", "a8=N"),
        (MESSY, "a7a8r", "a8=R+"),
        ("8/8/8/8/k2Pp3/8/8/3K4 b - d3 0 1", "exd3 e.p.", "exd3"),
        ("8/8/8/8/k2Pp3/8/8/3K4 b - d3 0 1", "e4:d3", "exd3"),
        ("8/8/8/8/k2Pp3/8/8/3K4 b - d3 0 1", "exd3ep", "exd3"),
    ],
)
def test_moves_as_people_write_them(position: str, text: str, expected: str) -> None:
    state = CHESS.parse(position)
    assert CHESS.action_to_text(state, CHESS.action_from_text(state, text)) == expected


@pytest.mark.parametrize(
    ("position", "text", "message"),
    [
        (START, "e5", "illegal move"),
        (START, "Nf6", "illegal move"),
        (START, "d1d3", "illegal move"),
        (START, "O-O", "illegal move"),
        (START, "Ke1g1", "illegal move"),
        (START, "--", "bad move"),
        (START, "", "bad move"),
        (START, "x", "bad move"),
        (START, "e9", "bad move"),
        (START, "Nf3=Q", "bad move"),
        (START, "\xff\xfe", "bad move"),
        (START, "e4" * 500, "bad move"),
        (MESSY, "Ne2", "ambiguous move"),
        (MESSY, "a8", "does not say, or says wrongly, what the pawn becomes"),
        (MESSY, "a8=K", "bad move"),
        ("8/8/8/8/k2Pp3/8/8/3K4 b - d3 0 1", "d3", "illegal move"),
    ],
)
def test_bad_moves(position: str, text: str, message: str) -> None:
    state = CHESS.parse(position)
    with pytest.raises(ValueError, match=message) as caught:
        CHESS.action_from_text(state, text)
    assert position in str(caught.value)
    assert len(str(caught.value)) < 300


def test_moves_after_the_end() -> None:
    mated = CHESS.parse("startpos moves f2f3 e7e5 g2g4 d8h4")
    with pytest.raises(ValueError, match="Black has won by checkmate"):
        CHESS.action_from_text(mated, "e4")


def mutated(rng: random.Random, text: str, alphabet: str) -> str:
    """One to three characters changed, put in, taken out or moved."""
    chars = list(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(chars) + 1)
        change = rng.randrange(4)
        if change == 0:
            chars.insert(at, rng.choice(alphabet))
        elif change == 1 and at < len(chars):
            chars[at] = rng.choice(alphabet)
        elif change == 2 and at < len(chars):
            del chars[at]
        elif at < len(chars):
            chars.insert(rng.randrange(len(chars)), chars.pop(at))
    return "".join(chars)


def same_as_python_chess(text: str) -> bool:
    """Reads a FEN here and there. What we take, it holds for a valid position and writes alike."""
    chess = require("chess")
    try:
        state = CHESS.parse(text)
    except ValueError as error:
        assert "chess: bad position" in str(error), text  # noqa: PT017
        return False
    board = chess.Board(text)
    unlikely = chess.STATUS_TOO_MANY_CHECKERS | chess.STATUS_IMPOSSIBLE_CHECK
    assert not board.status() & ~unlikely, (text, board.status())
    board.fullmove_number = max(1, board.fullmove_number)
    assert fen(state) == board.fen(), text
    return True


def test_mutated_positions() -> None:
    rng = random.Random(5)
    accepted = 0
    boards = [*random_games(rng, 300), *random_placements(rng, 200)]
    texts = [board.fen(en_passant="fen") for board in boards]
    for text in texts * 8:
        accepted += same_as_python_chess(mutated(rng, text, "pnbrqkPNBRQK12345678/ -wabcdefgh0"))
    assert accepted > 100


def test_mutated_moves() -> None:
    """Where python-chess takes a mutated move as SAN, so do we, for the same move."""
    chess = require("chess")
    rng = random.Random(6)
    num_same = 0
    for board in random_games(rng, 400):
        moves = list(board.legal_moves)
        state = CHESS.parse(board.fen())
        if not moves or state.is_terminal:
            continue
        for _ in range(6):
            text = mutated(rng, board.san(rng.choice(moves)), "abcdefgh12345678NBRQKx=+#O-!")
            found = None
            try:
                found = CHESS.action_from_text(state, text)
            except ValueError as error:
                assert "move" in str(error)  # noqa: PT017
            try:
                theirs = board.parse_san(text)
            except ValueError:
                continue
            if not theirs:  # a null move
                continue
            num_same += 1
            assert found is not None, (board.fen(), text)
            assert CHESS.action_to_text(state, found) == board.san(theirs), (board.fen(), text)
            assert theirs in board.legal_moves
    assert chess.__version__
    assert num_same > 200


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=100))
def test_any_text(text: str) -> None:
    state: Any = CHESS.initial_state()
    for call in (CHESS.parse, lambda t: CHESS.action_from_text(state, t)):
        try:
            call(text)
        except ValueError as error:
            assert str(error).startswith("chess: ")  # noqa: PT017


def test_packed_counters_that_no_text_has_are_refused() -> None:
    packed = CHESS.initial_state().pack()
    for bytes_and_values, message in (
        ({34: 151}, "151 plies without progress; expected at most 150"),
        ({36: 0x1E, 37: 0x4E}, "ply 19998; expected less than 19998"),
    ):
        damaged = packed.copy()
        for byte, value in bytes_and_values.items():
            damaged[byte] = value
        with pytest.raises(ValueError, match=message):
            CHESS.unpack(damaged)
