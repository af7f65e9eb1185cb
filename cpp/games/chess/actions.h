// AlphaZero's numbering of moves: 73 planes of 64 squares (Silver et al. 2018, "A general
// reinforcement learning algorithm", supplement), as the mover sees the board.
#pragma once

#include "games/chess/position.h"
#include "games/game.h"

namespace zerofleet::chess {

// action = plane * 64 + cell
//
//   cell    the square the piece stands on, row-major from the top left as its owner sees it: his
//           own first rank is the bottom row, file a is on the left for both colours
//   plane    0-55  a queen's move, direction * 7 + distance - 1; directions clockwise from
//                  straight ahead, distances 1..7. A pawn that reaches the last rank so becomes a
//                  queen; castling is the king's two squares
//           56-63  a knight's move, clockwise from (2 ahead, 1 to the right)
//           64-72  a pawn becomes another piece: (knight 0, bishop 1, rook 2) * 3 +
//                  (towards file a 0, ahead 1, towards file h 2)
constexpr int kNumActionPlanes = 73;
constexpr int kNumActions = kNumActionPlanes * 64;

/// From a square to a cell and back.
ZF_CHESS_INLINE constexpr int cell_of(Square s, int mover) { return mover == kWhite ? s ^ 56 : s; }

Action action_of(Move move, int mover);

/// The move an action means. A pawn's promotion to a queen is not visible in the action, so the
/// board is asked. Returns false if it leads off the board or is no action.
bool move_of(Action action, const Position& p, Move& move);

/// Appends the legal actions of the side to move.
void legal_actions(const Position& p, FixedList<Action, kMaxMoves>& out);

}  // namespace zerofleet::chess
