"""Chess equals python-chess: legal moves, SAN, UCI, FEN, outcomes, and what the net sees."""

import random
from typing import Any

import numpy as np
import pytest
from chess_positions import outcome, random_games, random_placements

from zerofleet import load_game
from zerofleet.games.chess import fen, uci
from zerofleet.games.chess import outcome as our_outcome

CHESS = load_game("chess")


def our_state(board: Any) -> Any:
    """The same game played by us."""
    root = board.root()
    moves = " ".join(move.uci() for move in board.move_stack)
    return CHESS.parse(root.fen() + (f" moves {moves}" if moves else ""))


def action_by_hand(board: Any, move: Any) -> int:
    """The action by the words of docs/games/chess.md, coordinate by coordinate."""
    white = board.turn
    file, row = move.from_square % 8, move.from_square // 8
    ahead = (move.to_square // 8 - row) * (1 if white else -1)
    right = move.to_square % 8 - file
    cell = (7 - row if white else row) * 8 + file
    if move.promotion and move.promotion != 5:
        return (64 + (move.promotion - 2) * 3 + right + 1) * 64 + cell
    knight = [(2, 1), (1, 2), (-1, 2), (-2, 1), (-2, -1), (-1, -2), (1, -2), (2, -1)]
    if (ahead, right) in knight:
        return (56 + knight.index((ahead, right))) * 64 + cell
    distance = max(abs(ahead), abs(right))
    clockwise = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
    direction = clockwise.index((ahead // distance, right // distance))
    return (direction * 7 + distance - 1) * 64 + cell


def check_rules(board: Any, state: Any) -> None:
    where = board.fen()
    assert fen(state) == where
    assert our_outcome(state) == outcome(board), where
    assert state.is_terminal == (outcome(board) != "ongoing"), where
    if state.is_terminal:
        result = 0.0 if outcome(board) != "checkmate" else -1.0 if board.turn else 1.0
        assert state.returns() == [result, -result], where
        return
    assert state.to_play == (0 if board.turn else 1)
    expected = {action_by_hand(board, move): move for move in board.legal_moves}
    assert state.legal_actions() == sorted(expected), where
    for action, move in expected.items():
        san = board.san(move)
        assert CHESS.action_to_text(state, action) == san, where
        assert CHESS.action_from_text(state, san) == action, where
        assert uci(state, action) == move.uci(), where
        assert CHESS.action_from_text(state, move.uci()) == action, where


def check_positions(seed: int, num_games: int, num_placements: int) -> None:
    seen = set()
    for board in random_games(random.Random(seed), num_games):
        check_rules(board, our_state(board))
        seen.add(outcome(board))
    for board in random_placements(random.Random(seed), num_placements):
        check_rules(board, our_state(board))
        seen.add(outcome(board))
    ends = {"ongoing", "checkmate", "stalemate", "insufficient_material", "threefold_repetition"}
    assert seen == ends | {"fifty_moves", "length_bound"}


def test_python_chess() -> None:
    check_positions(1, 2500, 500)


@pytest.mark.long
def test_python_chess_on_many_positions() -> None:
    check_positions(2, 20_000, 5_000)


def planes_by_hand(board: Any) -> np.ndarray:
    """Float32 [117, 8, 8] by the words of docs/games/chess.md, from the stack of python-chess."""
    me, planes = board.turn, np.zeros((117, 8, 8), np.float32)

    def fill(plane: int, squares: Any) -> None:
        for square in squares:
            row, col = divmod(square, 8)
            planes[plane, 7 - row if me else row, col] = 1

    rights = [board.has_kingside_castling_rights(me), board.has_queenside_castling_rights(me)]
    rights += [board.has_kingside_castling_rights(not me)]
    rights += [board.has_queenside_castling_rights(not me), not me]
    for i, right in enumerate(rights):
        planes[112 + i] = right
    past = board.copy()
    may_repeat = True  # until the last move that cannot be taken back
    for step in range(8):
        for i, color in enumerate((me, not me)):
            for kind in range(1, 7):
                fill(14 * step + 6 * i + kind - 1, past.pieces(kind, color))
        planes[14 * step + 12] = may_repeat and past.is_repetition(2)
        planes[14 * step + 13] = may_repeat and past.is_repetition(3)
        if not past.move_stack:
            break
        move = past.pop()
        may_repeat = may_repeat and not past.is_irreversible(move)
    return planes


@pytest.mark.parametrize(("seed", "num_positions"), [(3, 500)])
def test_observation(seed: int, num_positions: int) -> None:
    num_repeated = 0
    for board in random_games(random.Random(seed), num_positions):
        state = our_state(board)
        planes = state.observation()
        expected = planes_by_hand(board)
        assert planes.shape == expected.shape
        different = np.argwhere(planes != expected)
        assert not len(different), (board.fen(), different[:5])
        np.testing.assert_allclose(state.scalars(), [board.halfmove_clock / 100, board.ply() / 512])
        num_repeated += bool(planes[12].any())
    assert num_repeated > 5


def test_states_know_their_past() -> None:
    """The same position with another past is another state, with another text and hash."""
    there_and_back = "g1f3 g8f6 f3g1 f6g8"
    fresh = CHESS.initial_state()
    again = CHESS.parse(f"startpos moves {there_and_back}")
    assert fen(again).split(" ")[:4] == fen(fresh).split(" ")[:4]
    assert again != fresh
    assert again.hash != fresh.hash
    for word in there_and_back.split():
        assert our_outcome(again) == "ongoing"
        again.apply(CHESS.action_from_text(again, word))
    assert our_outcome(again) == "threefold_repetition"
    assert again.returns() == [0.0, 0.0]


def test_en_passant_counts_for_repetition_only_where_it_is_legal() -> None:
    """After 1. e4 no pawn can take on e3: the position is the same when it comes back."""
    state = CHESS.parse("startpos moves e2e4")
    assert fen(state).split(" ")[3] == "-"
    for _ in range(2):
        for word in ["g8f6", "g1f3", "f6g8", "f3g1"]:
            state.apply(CHESS.action_from_text(state, word))
    assert our_outcome(state) == "threefold_repetition"


def test_castling_rights_count_for_repetition() -> None:
    """After 8 plies the pieces stand as at the start for the third time, but the right is gone."""
    state = CHESS.parse("4k3/7p/8/8/8/8/7P/R3K3 w Q - 0 1")
    for word in 2 * ["e1d1", "e8d8", "d1e1", "d8e8"]:
        state.apply(CHESS.action_from_text(state, word))
    assert our_outcome(state) == "ongoing"
    state.apply(CHESS.action_from_text(state, "e1d1"))
    assert our_outcome(state) == "threefold_repetition"


def test_mate_comes_before_the_fifty_moves() -> None:
    state = CHESS.parse("k7/8/1K6/8/8/8/8/7R w - - 99 80")
    state.apply(CHESS.action_from_text(state, "Rh8#"))
    assert our_outcome(state) == "checkmate"
    assert state.returns() == [1.0, -1.0]
