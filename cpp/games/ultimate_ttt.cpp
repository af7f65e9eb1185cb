#include "games/ultimate_ttt.h"

#include <stdexcept>

namespace zerofleet {

namespace {
constexpr char kPiece[2] = {'X', 'O'};

void set_bit(std::uint8_t* plane, int cell) {
    plane[cell / 8] |= static_cast<std::uint8_t>(1u << (cell % 8));
}

std::invalid_argument bad_text(std::string_view text, const std::string& why) {
    return std::invalid_argument("ultimate_ttt: " + why + " in \"" + std::string(text) +
                                 "\"; expected nine rows of nine . X O separated by '/', then X or "
                                 "O, then the active board 1-9 or '-'");
}
}  // namespace

void UltimateTtt::State::observe(std::uint8_t* planes, float* /*scalars*/) const {
    constexpr int kPlaneBytes = (81 + 7) / 8;
    for (int i = 0; i < kNumPlanes * kPlaneBytes; ++i) planes[i] = 0;
    const int me = to_play_;
    const unsigned open = is_terminal() ? 0 : legal_boards();
    for (int b = 0; b < 9; ++b) {
        for (int c = 0; c < 9; ++c) {
            const int a = action_of(b, c);
            if (cells_[me][b] >> c & 1) set_bit(planes, a);
            if (cells_[me ^ 1][b] >> c & 1) set_bit(planes + kPlaneBytes, a);
            if (won_[me] >> b & 1) set_bit(planes + 2 * kPlaneBytes, a);
            if (won_[me ^ 1] >> b & 1) set_bit(planes + 3 * kPlaneBytes, a);
            if ((open >> b & 1) && (empty_cells(b) >> c & 1)) set_bit(planes + 4 * kPlaneBytes, a);
        }
    }
}

UltimateTtt::State UltimateTtt::State::transformed(int symmetry) const {
    const auto& set = grid::kTransformSet[symmetry];
    std::array<std::array<std::uint16_t, 9>, 2> cells{};
    for (int p = 0; p < 2; ++p)
        for (int b = 0; b < 9; ++b)
            cells[p][grid::transform_cell(b, 3, symmetry)] = set[cells_[p][b]];
    const int active =
        active_ == kAnyBoard ? kAnyBoard : grid::transform_cell(active_, 3, symmetry);
    return from_cells(cells, active, to_play_);
}

UltimateTtt::State UltimateTtt::State::from_cells(
    const std::array<std::array<std::uint16_t, 9>, 2>& cells, int active_board, int to_play) {
    State s;
    s.hash_ = 0;
    int count[2] = {0, 0};
    for (int b = 0; b < 9; ++b) {
        if (cells[0][b] & cells[1][b]) throw std::invalid_argument("two pieces on one cell");
        for (int p = 0; p < 2; ++p) {
            s.cells_[p][b] = cells[p][b];
            for (unsigned m = cells[p][b]; m; m &= m - 1) {
                s.hash_ ^= kZobrist.cell[p][b][std::countr_zero(m)];
                ++count[p];
            }
            if (grid::kHasLine[cells[p][b]]) s.won_[p] |= static_cast<std::uint16_t>(1u << b);
        }
        if (s.won_[0] & s.won_[1] & (1u << b))
            throw std::invalid_argument("board " + std::to_string(b + 1) + " is won by both sides");
        const bool full = (cells[0][b] | cells[1][b]) == kFull;
        if (full && !((s.won_[0] | s.won_[1]) >> b & 1))
            s.drawn_ |= static_cast<std::uint16_t>(1u << b);
    }
    // Player 0 moves first, so the counts say whose turn it is.
    if (count[0] - count[1] != to_play)
        throw std::invalid_argument(std::to_string(count[0]) + " X and " +
                                    std::to_string(count[1]) + " O with " + kPiece[to_play] +
                                    " to move");
    if (grid::kHasLine[s.won_[0]] && grid::kHasLine[s.won_[1]])
        throw std::invalid_argument("both sides have won the game");
    s.num_pieces_ = static_cast<std::uint8_t>(count[0] + count[1]);
    s.to_play_ = static_cast<std::uint8_t>(to_play);
    for (int p = 0; p < 2; ++p)
        if (grid::kHasLine[s.won_[p]]) s.outcome_ = static_cast<std::int8_t>(p);
    if (s.outcome_ == kOpen && s.closed_boards() == kFull) s.outcome_ = kDraw;
    if (active_board != kAnyBoard && (s.is_terminal() || (s.closed_boards() >> active_board & 1)))
        throw std::invalid_argument("active board " + std::to_string(active_board + 1) +
                                    " is finished; expected '-'");
    s.active_ = static_cast<std::int8_t>(active_board);
    s.hash_ ^= kZobrist.active[active_board + 1];
    if (to_play == 1) s.hash_ ^= kZobrist.side;
    return s;
}

std::string UltimateTtt::State::text() const {
    std::string out;
    for (int row = 0; row < 9; ++row) {
        if (row) out += '/';
        for (int col = 0; col < 9; ++col) {
            const int b = board_of(row * 9 + col), c = cell_of(row * 9 + col);
            out += cells_[0][b] >> c & 1 ? 'X' : cells_[1][b] >> c & 1 ? 'O' : '.';
        }
    }
    out += ' ';
    out += kPiece[to_play_];
    out += ' ';
    out += active_ == kAnyBoard ? '-' : static_cast<char>('1' + active_);
    return out;
}

std::string UltimateTtt::State::pretty() const {
    std::string out = "    a b c   d e f   g h i\n";
    for (int row = 0; row < 9; ++row) {
        if (row == 3 || row == 6) out += "   -------+-------+-------\n";
        out += ' ';
        out += static_cast<char>('1' + row);
        out += "  ";
        for (int col = 0; col < 9; ++col) {
            const int b = board_of(row * 9 + col), c = cell_of(row * 9 + col);
            if (col == 3 || col == 6) out += "| ";
            out += cells_[0][b] >> c & 1 ? 'X' : cells_[1][b] >> c & 1 ? 'O' : '.';
            out += ' ';
        }
        out.pop_back();
        out += '\n';
    }
    out += "boards:";
    for (int b = 0; b < 9; ++b) {
        out += b % 3 == 0 ? " " : "";
        out += won_[0] >> b & 1 ? 'X' : won_[1] >> b & 1 ? 'O' : drawn_ >> b & 1 ? '=' : '.';
    }
    if (is_terminal())
        out += outcome_ == kDraw ? "   draw" : std::string("   ") + kPiece[outcome_] + " has won";
    else
        out += std::string("   ") + kPiece[to_play_] + " to play in " +
               (active_ == kAnyBoard ? "any open board" : "board " + std::to_string(active_ + 1));
    return out;
}

UltimateTtt::State UltimateTtt::parse(std::string_view text) {
    constexpr std::size_t kGrid = 89;  // nine rows and eight slashes
    if (text.size() != kGrid + 4 || text[kGrid] != ' ' || text[kGrid + 2] != ' ')
        throw bad_text(text, "wrong length or separators");
    std::array<std::array<std::uint16_t, 9>, 2> cells{};
    for (int row = 0; row < 9; ++row) {
        for (int col = 0; col < 9; ++col) {
            const char ch = text[static_cast<std::size_t>(row * 10 + col)];
            const int b = board_of(row * 9 + col), c = cell_of(row * 9 + col);
            if (ch == 'X' || ch == 'O')
                cells[ch == 'O'][b] |= static_cast<std::uint16_t>(1u << c);
            else if (ch != '.')
                throw bad_text(text, std::string("unknown piece '") + ch + "'");
        }
        if (row < 8 && text[static_cast<std::size_t>(row * 10 + 9)] != '/')
            throw bad_text(text, "missing '/' after row " + std::to_string(row + 1));
    }
    const char side = text[kGrid + 1], active = text[kGrid + 3];
    if (side != 'X' && side != 'O') throw bad_text(text, "unknown side to move");
    if (active != '-' && (active < '1' || active > '9'))
        throw bad_text(text, "unknown active board");
    try {
        return State::from_cells(cells, active == '-' ? kAnyBoard : active - '1', side == 'O');
    } catch (const std::invalid_argument& e) {
        throw bad_text(text, e.what());
    }
}

std::string UltimateTtt::action_to_text(const State& /*state*/, Action a) {
    return {static_cast<char>('a' + a % 9), static_cast<char>('1' + a / 9)};
}

Action UltimateTtt::action_from_text(const State& state, std::string_view text) {
    if (text.size() != 2 || text[0] < 'a' || text[0] > 'i' || text[1] < '1' || text[1] > '9')
        throw std::invalid_argument("ultimate_ttt: expected a move such as e5, got \"" +
                                    std::string(text) + "\"");
    const Action a = (text[1] - '1') * 9 + (text[0] - 'a');
    if (!state.is_legal(a))
        throw std::invalid_argument("ultimate_ttt: " + std::string(text) + " is not legal in " +
                                    state.text());
    return a;
}

static_assert(GameType<UltimateTtt>);
static_assert(sizeof(UltimateTtt::State) <= 64, "one cache line");

}  // namespace zerofleet
