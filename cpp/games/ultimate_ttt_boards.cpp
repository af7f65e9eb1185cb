#include "games/ultimate_ttt_boards.h"

#include <array>
#include <stdexcept>
#include <string>

namespace zerofleet {

namespace {
constexpr std::size_t kBoards = 81, kActive = 90, kSide = 91;

void check_range(const char* what, std::size_t i, int value, int low, int high) {
    if (value < low || value > high)
        throw std::invalid_argument(std::string(what) + " (column " + std::to_string(i) + ") is " +
                                    std::to_string(value) + "; expected " + std::to_string(low) +
                                    ".." + std::to_string(high));
}

int board_state(const UltimateTtt::State& s, int b) {
    return s.won_boards(0) >> b & 1    ? 1
           : s.won_boards(1) >> b & 1  ? 2
           : s.drawn_boards() >> b & 1 ? 3
                                       : 0;
}
}  // namespace

UltimateTtt::State state_from_board_row(BoardRow row) {
    std::array<std::array<std::uint16_t, 9>, 2> cells{};
    for (std::size_t i = 0; i < kBoards; ++i) {
        check_range("cell", i, row[i], 0, 2);
        const Action a = static_cast<Action>(i);
        if (row[i])
            cells[static_cast<std::size_t>(row[i] - 1)]
                 [static_cast<std::size_t>(UltimateTtt::board_of(a))] |=
                static_cast<std::uint16_t>(1u << UltimateTtt::cell_of(a));
    }
    for (std::size_t i = kBoards; i < kActive; ++i) check_range("board state", i, row[i], 0, 3);
    check_range("active board", kActive, row[kActive], -1, 8);
    check_range("side to move", kSide, row[kSide], 1, 2);
    const auto state = UltimateTtt::State::from_cells(cells, row[kActive], row[kSide] - 1);
    for (int b = 0; b < 9; ++b) {
        const int given = row[kBoards + static_cast<std::size_t>(b)];
        if (given != board_state(state, b))
            throw std::invalid_argument("state of board " + std::to_string(b) + " is " +
                                        std::to_string(given) + " but its cells give " +
                                        std::to_string(board_state(state, b)));
    }
    return state;
}

void state_to_board_row(const UltimateTtt::State& state,
                        std::span<std::int8_t, kBoardRowSize> row) {
    for (std::size_t i = 0; i < kBoards; ++i) {
        const int b = UltimateTtt::board_of(static_cast<Action>(i));
        const int c = UltimateTtt::cell_of(static_cast<Action>(i));
        row[i] = static_cast<std::int8_t>(state.cells(0, b) >> c & 1   ? 1
                                          : state.cells(1, b) >> c & 1 ? 2
                                                                       : 0);
    }
    for (int b = 0; b < 9; ++b)
        row[kBoards + static_cast<std::size_t>(b)] =
            static_cast<std::int8_t>(board_state(state, b));
    row[kActive] = static_cast<std::int8_t>(state.active_board());
    row[kSide] = static_cast<std::int8_t>(state.to_play() + 1);
}

}  // namespace zerofleet
