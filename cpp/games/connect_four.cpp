#include "games/connect_four.h"

#include <stdexcept>

#include "games/grid_text.h"

namespace zerofleet {

namespace {
constexpr std::string_view kExpected =
    "six rows of seven . X O from the top separated by '/', then X or O to move";

ConnectFour::Cells from_dense(std::uint64_t dense) {
    ConnectFour::Cells cells = 0;
    for (int row = 0; row < ConnectFour::kRows; ++row)
        cells |= (dense >> (7 * row) & 0x7f) << (8 * row);
    return cells;
}
}  // namespace

void ConnectFour::State::observe(std::uint8_t* planes, float* /*scalars*/) const {
    grid::store_bits<6>(to_dense(mover_), planes);
    grid::store_bits<6>(to_dense(other_), planes + 6);
}

ConnectFour::State ConnectFour::State::transformed(int symmetry) const {
    if (symmetry == 0) return *this;
    State s = *this;
    // The guard bit goes back to the end.
    for (Cells* side : {&s.mover_, &s.other_}) *side = grid::mirror_bytes(*side) >> 1;
    return s;
}

ConnectFour::State ConnectFour::State::from_cells(Cells player0, Cells player1, int to_play) {
    const Cells all = player0 | player1;
    if (all & ~kBoard) throw std::invalid_argument("a piece outside the board");
    if (player0 & player1) throw std::invalid_argument("two pieces on one cell");
    if (const Cells floating = all << 8 & kBoard & ~all)
        throw std::invalid_argument("a piece above the empty cell in row " +
                                    std::to_string(std::countr_zero(floating) / 8 + 1) +
                                    ", column " +
                                    std::to_string(std::countr_zero(floating) % 8 + 1));
    grid::check_counts(std::popcount(player0), std::popcount(player1), to_play);
    if (has_four(player0) && has_four(player1)) throw std::invalid_argument("both sides have won");
    if (has_four(to_play == 0 ? player0 : player1))
        throw std::invalid_argument(std::string(1, grid::kPiece[to_play]) +
                                    " has won and is to move");
    State s;
    s.mover_ = to_play == 0 ? player0 : player1;
    s.other_ = to_play == 0 ? player1 : player0;
    s.num_pieces_ = static_cast<std::uint8_t>(std::popcount(all));
    s.won_ = has_four(s.other_);
    return s;
}

void ConnectFour::State::pack(std::uint8_t* out) const {
    grid::store_bits<6>(dense_cells(0), out);
    grid::store_bits<6>(dense_cells(1), out + 6);
    out[12] = static_cast<std::uint8_t>(to_play());
}

ConnectFour::State ConnectFour::State::unpack(const std::uint8_t* packed) {
    const std::uint64_t player0 = grid::load_bits<6>(packed);
    const std::uint64_t player1 = grid::load_bits<6>(packed + 6);
    if ((player0 | player1) >> kMaxPlies) throw std::invalid_argument("a piece outside the board");
    return from_cells(from_dense(player0), from_dense(player1), grid::side_from_byte(packed[12]));
}

std::string ConnectFour::State::text() const {
    auto piece = [&](int row, int col) {
        const int bit = bit_of(row, col);
        return cells(0) >> bit & 1 ? 0 : cells(1) >> bit & 1 ? 1 : -1;
    };
    return grid::rows_to_text(kRows, kCols, piece) + ' ' + grid::kPiece[to_play()];
}

std::string ConnectFour::State::pretty() const {
    std::string out = " 1 2 3 4 5 6 7\n";
    for (int row = 0; row < kRows; ++row) {
        for (int col = 0; col < kCols; ++col) {
            const int bit = bit_of(row, col);
            out += ' ';
            out += cells(0) >> bit & 1 ? 'X' : cells(1) >> bit & 1 ? 'O' : '.';
        }
        out += '\n';
    }
    if (won_) return out + grid::kPiece[to_play() ^ 1] + " has won";
    return out + (is_terminal() ? "draw" : std::string(1, grid::kPiece[to_play()]) + " to play");
}

ConnectFour::State ConnectFour::parse(std::string_view text) {
    constexpr std::size_t kGrid = grid::rows_size(kRows, kCols);
    try {
        if (text.size() != kGrid + 2 || text[kGrid] != ' ')
            throw std::invalid_argument("wrong length or separators");
        Cells cells[2] = {};
        grid::rows_from_text(text, kRows, kCols, [&](int p, int row, int col) {
            cells[p] |= Cells{1} << bit_of(row, col);
        });
        return State::from_cells(cells[0], cells[1], grid::side_from_text(text[kGrid + 1]));
    } catch (const std::invalid_argument& e) {
        throw grid::bad_text(kName, e.what(), text, kExpected);
    }
}

std::string ConnectFour::action_to_text(const State& /*state*/, Action a) {
    return std::string(1, static_cast<char>('1' + a));
}

Action ConnectFour::action_from_text(const State& state, std::string_view text) {
    if (text.size() != 1 || text[0] < '1' || text[0] > '7')
        throw grid::bad_action(kName, text, "a column 1..7");
    const Action a = text[0] - '1';
    if (!state.is_legal(a))
        throw std::invalid_argument("connect_four: column " + std::string(text) +
                                    " is not legal in " + state.text());
    return a;
}

static_assert(GameType<ConnectFour>);

}  // namespace zerofleet
