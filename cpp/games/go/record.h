// A game of Go as the list of its moves: what texts and packed bytes hold, for boards of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "games/game.h"

namespace zerofleet::go {

constexpr float kMaxKomi = 361;

struct Record {
    int size = 0;
    std::vector<std::int8_t> first;  // [size * size] the first position: 0 Black, 1 White, -1 empty
    int to_play = 0;                 // in it
    float komi = 0;
    std::vector<Action> actions;

    explicit Record(int board_size)
        : size(board_size), first(static_cast<std::size_t>(board_size * board_size), -1) {}
};

/// "D4" or "pass".
std::string action_name(int size, Action a);
/// The reverse; -1 if the text is neither.
Action action_of_name(int size, std::string_view text);
/// "7.5", "0.0".
std::string points_text(float points);

/// Rows of the first position from the top separated by '/', '.' 'X' (Black) 'O' (White); side to
/// move; komi; moves: `...../...../...../...../..... X 7.5 C3 B2 pass`.
std::string to_text(const Record& record);
/// Throws std::invalid_argument (a bare reason). The moves are moves, but perhaps not legal ones.
Record from_text(int size, std::string_view text);
/// The same with what `reason` says, the text and what was expected.
std::invalid_argument bad_text(const std::string& reason, std::string_view text);

/// The packed game, numbers with their lowest byte first:
///   ceil(n / 8)     black stones of the first position, point p at bit p % 8 of byte p / 8
///   ceil(n / 8)     white stones
///   1               side to move, 0 or 1
///   2               komi in half points, plus 722
///   2               number of moves
///   1 or 2 each     3 n moves (2 bytes from size 16), zeros after the last
/// with n = size * size.
constexpr int action_bytes(int size) { return size < 16 ? 1 : 2; }
constexpr int packed_bytes(int size) {
    const int num_points = size * size;
    return 2 * ((num_points + 7) / 8) + 5 + 3 * num_points * action_bytes(size);
}
void pack(const Record& record, std::uint8_t* out);
/// Throws std::invalid_argument. The moves may be anything.
Record unpack(int size, const std::uint8_t* packed);

/// The image of the whole game under a symmetry of the board.
Record transformed(const Record& record, int symmetry);

/// A board with letters and numbers around it; cells as in `Record::first`.
std::string board_picture(int size, const std::vector<std::int8_t>& cells);

}  // namespace zerofleet::go
