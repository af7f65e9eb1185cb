#include "games/tic_tac_toe.h"

#include <stdexcept>

#include "games/grid_text.h"

namespace zerofleet {

namespace {
constexpr std::string_view kExpected =
    "three rows of three . X O separated by '/', then X or O to move";
}  // namespace

void TicTacToe::State::observe(std::uint8_t* planes, float* /*scalars*/) const {
    const int me = to_play();
    grid::store_bits<2>(cells_[me], planes);
    grid::store_bits<2>(cells_[me ^ 1], planes + 2);
}

TicTacToe::State TicTacToe::State::transformed(int symmetry) const {
    State s;
    for (int p = 0; p < 2; ++p) s.cells_[p] = grid::kTransformSet[symmetry][cells_[p]];
    return s;
}

TicTacToe::State TicTacToe::State::from_cells(unsigned player0, unsigned player1, int to_play) {
    if ((player0 | player1) > 0x1ff) throw std::invalid_argument("a piece outside the board");
    if (player0 & player1) throw std::invalid_argument("two pieces on one cell");
    grid::check_counts(std::popcount(player0), std::popcount(player1), to_play);
    if (grid::kHasLine[player0] && grid::kHasLine[player1])
        throw std::invalid_argument("both sides have won");
    if (grid::kHasLine[to_play == 0 ? player0 : player1])
        throw std::invalid_argument(std::string(1, grid::kPiece[to_play]) +
                                    " has won and is to move");
    State s;
    s.cells_[0] = static_cast<std::uint16_t>(player0);
    s.cells_[1] = static_cast<std::uint16_t>(player1);
    return s;
}

void TicTacToe::State::pack(std::uint8_t* out) const {
    grid::store_bits<2>(cells_[0], out);
    grid::store_bits<2>(cells_[1], out + 2);
    out[4] = static_cast<std::uint8_t>(to_play());
}

TicTacToe::State TicTacToe::State::unpack(const std::uint8_t* packed) {
    return from_cells(static_cast<unsigned>(grid::load_bits<2>(packed)),
                      static_cast<unsigned>(grid::load_bits<2>(packed + 2)),
                      grid::side_from_byte(packed[4]));
}

std::string TicTacToe::State::text() const {
    auto piece = [&](int row, int col) {
        const int c = row * 3 + col;
        return cells_[0] >> c & 1 ? 0 : cells_[1] >> c & 1 ? 1 : -1;
    };
    return grid::rows_to_text(3, 3, piece) + ' ' + grid::kPiece[to_play()];
}

std::string TicTacToe::State::pretty() const {
    std::string out = "   a b c\n";
    for (int row = 0; row < 3; ++row) {
        out += ' ';
        out += static_cast<char>('1' + row);
        for (int col = 0; col < 3; ++col) {
            const int c = row * 3 + col;
            out += ' ';
            out += cells_[0] >> c & 1 ? 'X' : cells_[1] >> c & 1 ? 'O' : '.';
        }
        out += '\n';
    }
    if (winner() >= 0) return out + grid::kPiece[winner()] + " has won";
    return out + (is_terminal() ? "draw" : std::string(1, grid::kPiece[to_play()]) + " to play");
}

TicTacToe::State TicTacToe::parse(std::string_view text) {
    constexpr std::size_t kGrid = grid::rows_size(3, 3);
    try {
        if (text.size() != kGrid + 2 || text[kGrid] != ' ')
            throw std::invalid_argument("wrong length or separators");
        unsigned cells[2] = {};
        grid::rows_from_text(text, 3, 3,
                             [&](int p, int row, int col) { cells[p] |= 1u << (row * 3 + col); });
        return State::from_cells(cells[0], cells[1], grid::side_from_text(text[kGrid + 1]));
    } catch (const std::invalid_argument& e) {
        throw grid::bad_text(kName, e.what(), text, kExpected);
    }
}

std::string TicTacToe::action_to_text(const State& /*state*/, Action a) {
    return {static_cast<char>('a' + a % 3), static_cast<char>('1' + a / 3)};
}

Action TicTacToe::action_from_text(const State& state, std::string_view text) {
    if (text.size() != 2 || text[0] < 'a' || text[0] > 'c' || text[1] < '1' || text[1] > '3')
        throw grid::bad_action(kName, text, "a move such as b2");
    const Action a = (text[1] - '1') * 3 + (text[0] - 'a');
    if (!state.is_legal(a))
        throw std::invalid_argument("tic_tac_toe: " + std::string(text) + " is not legal in " +
                                    state.text());
    return a;
}

static_assert(GameType<TicTacToe>);

}  // namespace zerofleet
