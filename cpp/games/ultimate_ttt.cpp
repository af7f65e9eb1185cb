#include "games/ultimate_ttt.h"

#include <bit>
#include <stdexcept>

#include "games/grid_text.h"

namespace zerofleet {

namespace {
using grid::kPiece;

constexpr std::string_view kExpected =
    "nine rows of nine . X O separated by '/', then X or O, then the active board 1-9 or '-'";

/// [m]: the 9-bit set m of a small board, its rows spread to rows nine bits apart.
constexpr auto kSpread = [] {
    std::array<std::uint32_t, 512> table{};
    for (std::uint32_t m = 0; m < 512; ++m)
        table[m] = (m & 7) | (m >> 3 & 7) << 9 | (m >> 6 & 7) << 18;
    return table;
}();

/// Bytes of 81 bits, action a at bit a % 8 of byte a / 8.
constexpr int kPlaneBytes = (81 + 7) / 8;

/// Writes nine 9-bit sets, one of each small board, as kPlaneBytes bytes in the order of actions.
template <class SetOfBoard>
void store_plane(SetOfBoard set_of_board, std::uint8_t* out) {
    std::uint64_t band[3];  // 27 bits each: three rows of the whole board
    for (int i = 0; i < 3; ++i)
        band[i] = kSpread[set_of_board(3 * i)] | kSpread[set_of_board(3 * i + 1)] << 3 |
                  kSpread[set_of_board(3 * i + 2)] << 6;
    grid::store_bits<8>(band[0] | band[1] << 27 | band[2] << 54, out);
    grid::store_bits<3>(band[2] >> 10, out + 8);
}
/// [player][board][set]: the keys of all cells of the set in one, as windows unpack millions.
template <class Keys>
auto make_zobrist_of_set(const Keys& cell_keys) {
    std::array<std::array<std::array<std::uint64_t, 512>, 9>, 2> table{};
    for (std::size_t p = 0; p < 2; ++p)
        for (std::size_t b = 0; b < 9; ++b)
            for (std::size_t set = 1; set < 512; ++set)
                table[p][b][set] =
                    table[p][b][set & (set - 1)] ^ cell_keys[p][b][std::countr_zero(set)];
    return table;
}
}  // namespace

void UltimateTtt::State::observe(std::uint8_t* planes, float* /*scalars*/) const {
    const int me = to_play_, other = me ^ 1;
    const unsigned open = is_terminal() ? 0 : legal_boards();
    // All nine cells of the boards of a set, none of the others.
    auto whole = [](unsigned boards, int b) { return boards >> b & 1 ? kFull : 0u; };
    store_plane([&](int b) { return cells_[me][b]; }, planes);
    store_plane([&](int b) { return cells_[other][b]; }, planes + kPlaneBytes);
    store_plane([&](int b) { return whole(won_[me], b); }, planes + 2 * kPlaneBytes);
    store_plane([&](int b) { return whole(won_[other], b); }, planes + 3 * kPlaneBytes);
    store_plane([&](int b) { return whole(open, b) & empty_cells(b); }, planes + 4 * kPlaneBytes);
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
    static const auto kZobristOfSet = make_zobrist_of_set(kZobrist.cell);
    State s;
    s.hash_ = 0;
    int count[2] = {0, 0};
    for (int b = 0; b < 9; ++b) {
        if (cells[0][b] & cells[1][b]) throw std::invalid_argument("two pieces on one cell");
        for (int p = 0; p < 2; ++p) {
            s.cells_[p][b] = cells[p][b];
            s.hash_ ^= kZobristOfSet[p][b][cells[p][b]];
            count[p] += std::popcount(cells[p][b]);
            if (grid::kHasLine[cells[p][b]]) s.won_[p] |= static_cast<std::uint16_t>(1u << b);
        }
        if (s.won_[0] & s.won_[1] & (1u << b))
            throw std::invalid_argument("board " + std::to_string(b + 1) + " is won by both sides");
        const bool full = (cells[0][b] | cells[1][b]) == kFull;
        if (full && !((s.won_[0] | s.won_[1]) >> b & 1))
            s.drawn_ |= static_cast<std::uint16_t>(1u << b);
    }
    grid::check_counts(count[0], count[1], to_play);
    if (grid::kHasLine[s.won_[0]] && grid::kHasLine[s.won_[1]])
        throw std::invalid_argument("both sides have won the game");
    if (grid::kHasLine[s.won_[to_play]])
        throw std::invalid_argument(std::string(1, kPiece[to_play]) + " has won and is to move");
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

void UltimateTtt::State::pack(std::uint8_t* out) const {
    for (int p = 0; p < 2; ++p)
        store_plane([&](int b) { return cells_[p][b]; }, out + kPlaneBytes * p);
    out[22] = active_ == kAnyBoard ? 255 : static_cast<std::uint8_t>(active_);
    out[23] = to_play_;
}

UltimateTtt::State UltimateTtt::State::unpack(const std::uint8_t* packed) {
    std::array<std::array<std::uint16_t, 9>, 2> cells{};
    for (int p = 0; p < 2; ++p) {
        const std::uint8_t* in = packed + 11 * p;
        if (in[10] >> 1) throw std::invalid_argument("a piece outside the board");
        const std::uint64_t low = grid::load_bits<8>(in), high = grid::load_bits<3>(in + 8);
        const std::uint64_t band[3] = {low & 0x7ffffff, low >> 27 & 0x7ffffff,
                                       low >> 54 | high << 10};
        for (int b = 0; b < 9; ++b) {
            const std::uint64_t rows = band[b / 3] >> (b % 3 * 3);
            cells[p][b] = static_cast<std::uint16_t>((rows & 7) | (rows >> 9 & 7) << 3 |
                                                     (rows >> 18 & 7) << 6);
        }
    }
    if (packed[22] > 8 && packed[22] != 255)
        throw std::invalid_argument("active board is " + std::to_string(packed[22]) +
                                    "; expected 0..8 or 255");
    return from_cells(cells, packed[22] == 255 ? kAnyBoard : packed[22],
                      grid::side_from_byte(packed[23]));
}

std::string UltimateTtt::State::text() const {
    auto piece = [&](int row, int col) {
        const int b = board_of(row * 9 + col), c = cell_of(row * 9 + col);
        return cells_[0][b] >> c & 1 ? 0 : cells_[1][b] >> c & 1 ? 1 : -1;
    };
    return grid::rows_to_text(9, 9, piece) + ' ' + kPiece[to_play_] + ' ' +
           (active_ == kAnyBoard ? '-' : static_cast<char>('1' + active_));
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
    constexpr std::size_t kGrid = grid::rows_size(9, 9);
    try {
        if (text.size() != kGrid + 4 || text[kGrid] != ' ' || text[kGrid + 2] != ' ')
            throw std::invalid_argument("wrong length or separators");
        std::array<std::array<std::uint16_t, 9>, 2> cells{};
        grid::rows_from_text(text, 9, 9, [&](int p, int row, int col) {
            const Action a = row * 9 + col;
            cells[p][board_of(a)] |= static_cast<std::uint16_t>(1u << cell_of(a));
        });
        const char active = text[kGrid + 3];
        if (active != '-' && (active < '1' || active > '9'))
            throw std::invalid_argument("unknown active board");
        return State::from_cells(cells, active == '-' ? kAnyBoard : active - '1',
                                 grid::side_from_text(text[kGrid + 1]));
    } catch (const std::invalid_argument& e) {
        throw grid::bad_text(kName, e.what(), text, kExpected);
    }
}

std::string UltimateTtt::action_to_text(const State& /*state*/, Action a) {
    return {static_cast<char>('a' + a % 9), static_cast<char>('1' + a / 9)};
}

Action UltimateTtt::action_from_text(const State& state, std::string_view text) {
    if (text.size() != 2 || text[0] < 'a' || text[0] > 'i' || text[1] < '1' || text[1] > '9')
        throw grid::bad_action(kName, text, "a move such as e5");
    const Action a = (text[1] - '1') * 9 + (text[0] - 'a');
    if (!state.is_legal(a))
        throw std::invalid_argument("ultimate_ttt: " + std::string(text) + " is not legal in " +
                                    state.text());
    return a;
}

static_assert(GameType<UltimateTtt>);
static_assert(sizeof(UltimateTtt::State) <= 64, "one cache line");

}  // namespace zerofleet
