#include "games/othello.h"

#include <stdexcept>

#include "games/grid_text.h"

namespace zerofleet {

namespace othello {

namespace {
// Discs that a line along a row or a diagonal may cross: beyond the first or last column it would
// wrap around to the next row.
constexpr Cells kInner = 0x7e7e'7e7e'7e7e'7e7e;

/// One step of the eight directions: towards higher or lower bits.
template <int Step>
constexpr Cells step(Cells x) {
    if constexpr (Step > 0)
        return x << Step;
    else
        return x >> -Step;
}

/// The discs of `line` in unbroken lines that begin beside `from`, at most six long.
template <int Step>
Cells run(Cells from, Cells line) {
    Cells found = line & step<Step>(from);
    found |= line & step<Step>(found);
    const Cells pairs = line & step<Step>(line);
    found |= pairs & step<2 * Step>(found);
    found |= pairs & step<2 * Step>(found);
    return found;
}

template <int Step>
Cells ends(Cells mover, Cells line) {
    return step<Step>(run<Step>(mover, line));
}

template <int Step>
Cells turned(Cells mover, Cells line, Cells disc) {
    const Cells found = run<Step>(disc, line);
    return step<Step>(found) & mover ? found : 0;
}
}  // namespace

Cells legal_cells(Cells mover, Cells other, Cells board) {
    const Cells inner = other & kInner;
    const Cells reached = ends<8>(mover, other) | ends<-8>(mover, other) | ends<1>(mover, inner) |
                          ends<-1>(mover, inner) | ends<9>(mover, inner) | ends<-9>(mover, inner) |
                          ends<7>(mover, inner) | ends<-7>(mover, inner);
    return reached & board & ~(mover | other);
}

Cells flipped(Cells mover, Cells other, int cell) {
    const Cells disc = Cells{1} << cell, inner = other & kInner;
    return turned<8>(mover, other, disc) | turned<-8>(mover, other, disc) |
           turned<1>(mover, inner, disc) | turned<-1>(mover, inner, disc) |
           turned<9>(mover, inner, disc) | turned<-9>(mover, inner, disc) |
           turned<7>(mover, inner, disc) | turned<-7>(mover, inner, disc);
}

namespace {
constexpr std::string_view kExpected8 =
    "eight rows of eight . X O from the top separated by '/', then X or O to move";
constexpr std::string_view kExpected6 =
    "six rows of six . X O from the top separated by '/', then X or O to move";

Cells mirror_rows(Cells x) {
    x = (x >> 8 & 0x00ff'00ff'00ff'00ff) | (x & 0x00ff'00ff'00ff'00ff) << 8;
    x = (x >> 16 & 0x0000'ffff'0000'ffff) | (x & 0x0000'ffff'0000'ffff) << 16;
    return x >> 32 | x << 32;
}

/// Swaps ever smaller blocks across the diagonal (Warren, Hacker's Delight, 7-3).
Cells transpose(Cells x) {
    Cells t = (x ^ x >> 7) & 0x00aa'00aa'00aa'00aa;
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & 0x0000'cccc'0000'cccc;
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & 0x0000'0000'f0f0'f0f0;
    return x ^ t ^ t << 28;
}

/// The image of a board of n rows under a symmetry of grid::transform_cell.
Cells transform(Cells x, int n, int symmetry) {
    if (symmetry & 1) x = grid::mirror_bytes(x) >> (8 - n);
    if (symmetry & 2) x = mirror_rows(x) >> 8 * (8 - n);
    return symmetry & 4 ? transpose(x) : x;
}

/// Cell row * n + col at that bit, and back.
Cells to_dense(Cells x, int n) {
    if (n == 8) return x;
    Cells dense = 0;
    for (int row = 0; row < n; ++row) dense |= (x >> 8 * row & ((1u << n) - 1)) << n * row;
    return dense;
}
Cells from_dense(Cells dense, int n) {
    if (n == 8) return dense;
    Cells x = 0;
    for (int row = 0; row < n; ++row) x |= (dense >> n * row & ((1u << n) - 1)) << 8 * row;
    return x;
}
}  // namespace

}  // namespace othello

template <int N>
void Othello<N>::State::observe(std::uint8_t* planes, float* /*scalars*/) const {
    grid::store_bits<kCellBytes>(othello::to_dense(mover_, N), planes);
    grid::store_bits<kCellBytes>(othello::to_dense(other_, N), planes + kCellBytes);
}

template <int N>
typename Othello<N>::State Othello<N>::State::transformed(int symmetry) const {
    State s = *this;
    for (Cells* cells : {&s.mover_, &s.other_, &s.legal_})
        *cells = othello::transform(*cells, N, symmetry);
    return s;
}

template <int N>
typename Othello<N>::State Othello<N>::State::from_cells(Cells player0, Cells player1,
                                                         int to_play) {
    if ((player0 | player1) & ~kBoard) throw std::invalid_argument("a disc outside the board");
    if (player0 & player1) throw std::invalid_argument("two discs on one cell");
    if (kCentre & ~(player0 | player1))
        throw std::invalid_argument("an empty cell in the centre, where the game starts with four");
    State s;
    s.mover_ = to_play == 0 ? player0 : player1;
    s.other_ = to_play == 0 ? player1 : player0;
    s.to_play_ = static_cast<std::uint8_t>(to_play);
    s.find_legal();
    return s;
}

template <int N>
void Othello<N>::State::pack(std::uint8_t* out) const {
    grid::store_bits<kCellBytes>(othello::to_dense(cells(0), N), out);
    grid::store_bits<kCellBytes>(othello::to_dense(cells(1), N), out + kCellBytes);
    out[2 * kCellBytes] = to_play_;
}

template <int N>
typename Othello<N>::State Othello<N>::State::unpack(const std::uint8_t* packed) {
    const std::uint64_t player0 = grid::load_bits<kCellBytes>(packed);
    const std::uint64_t player1 = grid::load_bits<kCellBytes>(packed + kCellBytes);
    if constexpr (N < 8)
        if ((player0 | player1) >> N * N) throw std::invalid_argument("a disc outside the board");
    return from_cells(othello::from_dense(player0, N), othello::from_dense(player1, N),
                      grid::side_from_byte(packed[2 * kCellBytes]));
}

template <int N>
std::string Othello<N>::State::text() const {
    auto piece = [&](int row, int col) {
        const int bit = row * 8 + col;
        return cells(0) >> bit & 1 ? 0 : cells(1) >> bit & 1 ? 1 : -1;
    };
    return grid::rows_to_text(N, N, piece) + ' ' + grid::kPiece[to_play_];
}

template <int N>
std::string Othello<N>::State::pretty() const {
    std::string out = " ";
    for (int col = 0; col < N; ++col) out.append(1, ' ').append(1, static_cast<char>('a' + col));
    for (int row = 0; row < N; ++row) {
        out.append(1, '\n').append(1, static_cast<char>('1' + row));
        for (int col = 0; col < N; ++col) {
            const int bit = row * 8 + col;
            out += ' ';
            out += cells(0) >> bit & 1 ? 'X' : cells(1) >> bit & 1 ? 'O' : '.';
        }
    }
    out += "\nX " + std::to_string(std::popcount(cells(0))) + ", O " +
           std::to_string(std::popcount(cells(1))) + "; ";
    if (over_) {
        const float result = returns()[0];
        return out + (result > 0 ? "X has won" : result < 0 ? "O has won" : "draw");
    }
    return out + grid::kPiece[to_play_] + " to play";
}

template <int N>
typename Othello<N>::State Othello<N>::parse(std::string_view text) {
    constexpr std::size_t kGrid = grid::rows_size(N, N);
    try {
        if (text.size() != kGrid + 2 || text[kGrid] != ' ')
            throw std::invalid_argument("wrong length or separators");
        Cells cells[2] = {};
        grid::rows_from_text(
            text, N, N, [&](int p, int row, int col) { cells[p] |= Cells{1} << (row * 8 + col); });
        return State::from_cells(cells[0], cells[1], grid::side_from_text(text[kGrid + 1]));
    } catch (const std::invalid_argument& e) {
        throw grid::bad_text(kName, e.what(), text,
                             N == 8 ? othello::kExpected8 : othello::kExpected6);
    }
}

template <int N>
std::string Othello<N>::action_to_text(const State& /*state*/, Action a) {
    if (a == kPass) return "pass";
    return {static_cast<char>('a' + a % N), static_cast<char>('1' + a / N)};
}

template <int N>
Action Othello<N>::action_from_text(const State& state, std::string_view text) {
    Action a = kPass;
    if (text != "pass") {
        if (text.size() != 2 || text[0] < 'a' || text[0] >= 'a' + N || text[1] < '1' ||
            text[1] >= '1' + N)
            throw grid::bad_action(kName, text, "a cell such as \"d3\", or \"pass\"");
        a = (text[1] - '1') * N + text[0] - 'a';
    }
    if (!state.is_legal(a))
        throw std::invalid_argument("othello: " + std::string(text) + " is not legal in " +
                                    state.text());
    return a;
}

template struct Othello<8>;
template struct Othello<6>;
static_assert(GameType<Othello<8>> && GameType<Othello<6>>);

}  // namespace zerofleet
