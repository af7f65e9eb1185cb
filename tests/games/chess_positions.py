"""Positions of chess for the tests: random games, and pieces put down at random."""

import random
from collections.abc import Iterator
from typing import Any

from support import require


def random_games(rng: random.Random, num_positions: int) -> Iterator[Any]:
    """Boards of python-chess along random games, each with its past.

    Some games prefer captures, promotions and castling, which random games seldom see; the others
    like to move back, so that positions repeat. Most start from endings, where draws are near.
    """
    chess = require("chess")
    endings = ["8/8/4k3/8/8/3RK3/8/8 w - - 85 60", "4k3/P6p/8/8/8/8/p6P/4K3 b - - 0 40"]
    endings += ["8/5k2/8/8/2q5/8/1K3R2/8 b - - 0 252", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 40 30"]
    endings += ["8/8/8/8/8/4k3/5p2/5K2 b - - 0 70"]  # Kf3 is stalemate
    count = 0
    for number in range(10**9):
        board = chess.Board(rng.choice(endings)) if number % 4 else chess.Board()
        while True:
            yield board
            count += 1
            if count == num_positions:
                return
            if is_over(board):
                break
            moves = list(board.legal_moves)
            if number % 8 < 5:
                sharp = [m for m in moves if m.promotion or board.is_capture(m)]
                sharp += [m for m in moves if board.is_castling(m)]
                if sharp and rng.random() < 0.5:
                    moves = sharp
            elif len(board.move_stack) > 1 and rng.random() < 0.4:
                last = board.move_stack[-2]
                back = chess.Move(last.to_square, last.from_square)
                moves = [back] if back in moves else moves
            board.push(rng.choice(moves))


def is_over(board: Any) -> bool:
    """The end by the rules of our game, said with python-chess."""
    return outcome(board) != "ongoing"


def outcome(board: Any) -> str:
    if not any(board.legal_moves):
        return "checkmate" if board.is_check() else "stalemate"
    if board.is_insufficient_material():
        return "insufficient_material"
    if board.is_repetition(3):
        return "threefold_repetition"
    if board.halfmove_clock >= 100:
        return "fifty_moves"
    return "length_bound" if board.ply() >= 512 else "ongoing"


def random_placements(rng: random.Random, num_positions: int) -> Iterator[Any]:
    """Boards that python-chess holds for valid, with a few pieces anywhere: pins, checks, double
    checks, en passant with the king on the rank."""
    chess = require("chess")
    count = 0
    while count < num_positions:
        board = chess.Board(None)
        squares = rng.sample(range(64), rng.randint(4, 18))
        for square, piece in zip(squares[:2], (chess.WHITE, chess.BLACK), strict=True):
            board.set_piece_at(square, chess.Piece(chess.KING, piece))
        # At most eight a side beside the kings, so that promotions explain them all.
        for number, square in enumerate(squares[2:]):
            kind = rng.choice([chess.PAWN, chess.PAWN, chess.KNIGHT, chess.BISHOP, chess.ROOK, 5])
            board.set_piece_at(square, chess.Piece(kind, number % 2 == 0))
        board.turn = rng.random() < 0.5
        behind = [s for s in range(64) if chess.square_rank(s) == (5 if board.turn else 2)]
        candidates = []
        for square in behind:
            board.ep_square = square
            if board.has_legal_en_passant() and board.is_valid():
                candidates.append(square)
        board.ep_square = rng.choice(candidates) if candidates else None
        if not board.is_valid():
            continue
        yield board
        count += 1
