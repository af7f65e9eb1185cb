// The row of 92 numbers in which other programs keep Ultimate Tic-Tac-Toe positions.
#pragma once

#include <cstdint>
#include <span>

#include "games/ultimate_ttt.h"

namespace zerofleet {

/// Layout of a row:
///    0..80  cells of the whole board, row-major: 0 empty, 1 player 0, 2 player 1
///   81..89  small boards, row-major: 0 open, 1 won by player 0, 2 by player 1, 3 drawn
///   90      active board 0..8, or -1 for any
///   91      side to move: 1 player 0, 2 player 1
constexpr int kBoardRowSize = 92;
using BoardRow = std::span<const std::int8_t, kBoardRowSize>;

/// Throws std::invalid_argument saying which number is out of range or contradicts the others.
UltimateTtt::State state_from_board_row(BoardRow row);

void state_to_board_row(const UltimateTtt::State& state, std::span<std::int8_t, kBoardRowSize> row);

}  // namespace zerofleet
