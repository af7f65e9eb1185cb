#include "games/twenty48.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "games/grid.h"
#include "games/grid_text.h"

namespace zerofleet {

namespace twenty48 {

namespace {
using SlideTable = std::array<std::array<std::uint16_t, 1 << 16>, 2>;

// Not constexpr and no lambda, which would be: gcc would try to make it for many seconds, and give
// up.
SlideTable slide_table() {
    SlideTable table{};
    for (const unsigned back : {0u, 1u})
        for (unsigned row = 0; row < 1 << 16; ++row) {
            // In the order of sliding; 2^16 is left out, its slides are not asked for.
            std::array<std::uint8_t, 4> tiles{};
            for (unsigned i = 0; i < 4; ++i) tiles[i] = row >> 4 * (back ? 3 - i : i) & 15;
            slide_line(4, [&](int i) -> std::uint8_t& { return tiles[static_cast<unsigned>(i)]; });
            unsigned slid = 0;
            for (unsigned i = 0; i < 4; ++i) slid |= (tiles[i] & 15u) << 4 * (back ? 3 - i : i);
            table[back][row] = static_cast<std::uint16_t>(slid);
        }
    return table;
}
}  // namespace

const SlideTable kSlideRow = slide_table();

PlainBoard<4> PackedBoard::unpacked() const {
    PlainBoard<4> plain;
    for (int cell = 0; cell < 16; ++cell) plain.place(cell, exponent(cell));
    return plain;
}

void PackedBoard::slide_slowly(int direction) {
    PlainBoard<4> plain = unpacked();
    plain.slide(direction);
    for (int cell = 0; cell < 16; ++cell) place(cell, plain.exponent(cell));
}

}  // namespace twenty48

namespace {
constexpr std::string_view kDirections[4] = {"up", "right", "down", "left"};

std::string expected(int n) {
    const std::string size = std::to_string(n);
    return size + " rows of " + size +
           " tiles ('.' or 2, 4, 8, ...) separated by blanks, rows by '/', then the score and the "
           "number of tiles that come next, such as \"score 0 spawns 1\"";
}

/// Takes the part before `separator` off the front of `text`, everything if there is none.
std::string_view take(std::string_view& text, char separator) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
}

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::invalid_argument(quoted(text, 20) + " is not a number");
    return value;
}

int exponent_of(std::string_view tile) {
    if (tile == ".") return 0;
    const std::int64_t value = number(tile);
    if (value < 2 || !std::has_single_bit(static_cast<std::uint64_t>(value)))
        throw std::invalid_argument(quoted(tile, 20) + " is no tile");
    return std::countr_zero(static_cast<std::uint64_t>(value));
}

/// What a tile scored on its way if it is made of twos alone.
std::int64_t full_score(int exponent) {
    return exponent < 2 ? 0 : (std::int64_t{exponent} - 1) << exponent;
}
}  // namespace

template <int N>
std::int64_t Twenty48<N>::State::score() const {
    std::int64_t score = -4 * std::int64_t{num_fours_};
    for (int cell = 0; cell < N * N; ++cell) score += full_score(exponent(cell));
    return score;
}

template <int N>
void Twenty48<N>::State::observe(std::uint8_t* planes, float* scalars) const {
    constexpr int kPlaneBytes = (N * N + 7) / 8;
    std::array<std::uint32_t, kMaxExponent + 1> cells{};  // by exponent; 0 is not written
    for (int cell = 0; cell < N * N; ++cell)
        cells[static_cast<std::size_t>(exponent(cell))] |= 1u << cell;
    for (int e = 1; e <= kMaxExponent; ++e)
        grid::store_bits<kPlaneBytes>(cells[static_cast<std::size_t>(e)],
                                      planes + (e - 1) * kPlaneBytes);
    scalars[0] = search_value(static_cast<float>(score()));
}

template <int N>
typename Twenty48<N>::State Twenty48<N>::State::transformed(int symmetry) const {
    State s = *this;
    for (int cell = 0; cell < N * N; ++cell)
        s.board_.place(grid::transform_cell(cell, N, symmetry), exponent(cell));
    s.movable_ = 0;
    for (Action a = 0; a < kNumActions; ++a)
        if (movable_ >> a & 1)
            s.movable_ |= static_cast<std::uint8_t>(1u << transform_action(a, symmetry));
    return s;
}

template <int N>
typename Twenty48<N>::State Twenty48<N>::State::from_exponents(
    const std::array<int, N * N>& exponents, std::int64_t num_fours, int num_spawns) {
    State s;
    int num_tiles = 0;
    std::int64_t sum = 0, most_fours = 0;
    for (int cell = 0; cell < N * N; ++cell) {
        const int e = exponents[static_cast<std::size_t>(cell)];
        if (e < 0 || e > kMaxExponent)
            throw std::invalid_argument("a tile beyond 2^" + std::to_string(kMaxExponent));
        num_tiles += e > 0;
        if (e > 0) sum += std::int64_t{1} << e;
        if (e >= 2) most_fours += std::int64_t{1} << (e - 2);
        s.board_.place(cell, e);
    }
    // Only nature adds to the sum, where a cell is empty. It never adds up to the bound: 2 or 4
    // below it the sum has more bits than there are tiles. And below the bound no two tiles merge
    // to one beyond kMaxExponent, for which nobody has room.
    if (sum >= std::int64_t{1} << (kMaxExponent + 1))
        throw std::invalid_argument("tiles with the sum " + std::to_string(sum) +
                                    ", which no game reaches");
    if (num_fours < 0 || num_fours > most_fours)
        throw std::invalid_argument("a score that these tiles cannot have");
    if (num_spawns < 0 || num_spawns > 2)
        throw std::invalid_argument("spawns " + std::to_string(num_spawns) + "; expected 0..2");
    // Two tiles before the first move; each move leaves one or more and an empty cell.
    if (num_spawns == 2 ? num_tiles > 0
                        : num_tiles < 2 - num_spawns || (num_spawns && num_tiles == N * N))
        throw std::invalid_argument(std::to_string(num_tiles) + " tiles with " +
                                    std::to_string(num_spawns) + " to come");
    s.num_fours_ = static_cast<std::int32_t>(num_fours);
    s.spawns_ = static_cast<std::uint8_t>(num_spawns);
    if (num_spawns == 0) s.movable_ = static_cast<std::uint8_t>(s.board_.movable());
    return s;
}

template <int N>
void Twenty48<N>::State::pack(std::uint8_t* out) const {
    for (int cell = 0; cell < N * N; ++cell) out[cell] = static_cast<std::uint8_t>(exponent(cell));
    grid::store_bits<4>(static_cast<std::uint32_t>(num_fours_), out + N * N);
    out[N * N + 4] = spawns_;
}

template <int N>
typename Twenty48<N>::State Twenty48<N>::State::unpack(const std::uint8_t* packed) {
    std::array<int, N * N> exponents{};
    std::copy_n(packed, N * N, exponents.begin());
    return from_exponents(exponents, static_cast<std::int64_t>(grid::load_bits<4>(packed + N * N)),
                          packed[N * N + 4]);
}

template <int N>
std::string Twenty48<N>::State::text() const {
    std::string out;
    for (int cell = 0; cell < N * N; ++cell) {
        if (cell) out += cell % N ? ' ' : '/';
        out += exponent(cell) ? std::to_string(1 << exponent(cell)) : ".";
    }
    return out + " score " + std::to_string(score()) + " spawns " + std::to_string(spawns_);
}

template <int N>
std::string Twenty48<N>::State::pretty() const {
    std::string out;
    for (int cell = 0; cell < N * N; ++cell) {
        const std::string tile = exponent(cell) ? std::to_string(1 << exponent(cell)) : ".";
        out.append(std::max<std::size_t>(7, tile.size() + 1) - tile.size(), ' ').append(tile);
        if (cell % N == N - 1) out += '\n';
    }
    out.append("score ").append(std::to_string(score()));
    if (is_terminal()) return out + "; no move is left";
    return out + (is_chance() ? "; a tile comes" : "; to move");
}

template <int N>
Action Twenty48<N>::transform_action(Action direction, int symmetry) {
    if (direction % 2 ? symmetry & 1 : symmetry & 2) direction ^= 2;
    return symmetry & 4 ? 3 - direction : direction;
}

template <int N>
Action Twenty48<N>::transform_outcome(Action outcome, int symmetry) {
    return 2 * grid::transform_cell(outcome / 2, N, symmetry) + outcome % 2;
}

template <int N>
float Twenty48<N>::search_value(float score) {
    const auto h = [](float x) { return std::sqrt(x + 1.0f) - 1.0f + 0.001f * x; };
    const float clamped = std::clamp(score, 0.0f, kTopScore);
    return 2.0f * h(clamped) / h(kTopScore) - 1.0f;
}

template <int N>
typename Twenty48<N>::State Twenty48<N>::parse(std::string_view text) {
    try {
        const std::size_t score_at = text.find(" score "), spawns_at = text.find(" spawns ");
        if (score_at == text.npos || spawns_at == text.npos || spawns_at < score_at + 7)
            throw std::invalid_argument("no score and spawns");
        std::string_view cells = text.substr(0, score_at);
        std::array<int, N * N> exponents{};
        std::int64_t score = 0;  // of tiles of twos alone
        for (int cell = 0; cell < N * N; ++cell) {
            const int e = exponent_of(take(cells, cell % N == N - 1 ? '/' : ' '));
            if (e > kMaxExponent) throw std::invalid_argument("a tile too large for the board");
            exponents[static_cast<std::size_t>(cell)] = e;
            score += full_score(e);
        }
        const std::int64_t given = number(text.substr(score_at + 7, spawns_at - score_at - 7));
        const std::int64_t spawns = number(text.substr(spawns_at + 8));
        if (given < 0 || (score - given) % 4)
            throw std::invalid_argument("a score that these tiles cannot have");
        const State state =
            State::from_exponents(exponents, (score - given) / 4,
                                  static_cast<int>(std::clamp<std::int64_t>(spawns, -1, 3)));
        if (state.text() != text) throw std::invalid_argument("misplaced blanks or characters");
        return state;
    } catch (const std::invalid_argument& e) {
        throw grid::bad_text(kName, e.what(), text, expected(N));
    }
}

template <int N>
std::string Twenty48<N>::action_to_text(const State& state, Action a) {
    if (!state.is_chance()) return std::string(kDirections[a]);
    return {static_cast<char>('a' + a / 2 % N), static_cast<char>('1' + a / 2 / N), '=',
            a % 2 ? '4' : '2'};
}

template <int N>
Action Twenty48<N>::action_from_text(const State& state, std::string_view text) {
    const auto check = [&](Action a) {
        if (state.is_legal(a)) return a;
        throw std::invalid_argument("twenty48: " + std::string(text) + " is not legal in " +
                                    state.text());
    };
    if (state.is_chance()) {
        if (text.size() != 4 || text[0] < 'a' || text[0] >= 'a' + N || text[1] < '1' ||
            text[1] >= '1' + N || text[2] != '=' || (text[3] != '2' && text[3] != '4'))
            throw grid::bad_action(kName, text, "a cell and its new tile such as \"b3=2\"");
        return check(2 * ((text[1] - '1') * N + text[0] - 'a') + (text[3] == '4'));
    }
    for (Action a = 0; a < kNumActions; ++a)
        if (text == kDirections[a]) return check(a);
    throw grid::bad_action(kName, text, "up, right, down or left");
}

template struct Twenty48<2>;
template struct Twenty48<3>;
template struct Twenty48<4>;
template struct Twenty48<5>;
static_assert(GameType<Twenty48<2>> && GameType<Twenty48<3>> && GameType<Twenty48<4>> &&
              GameType<Twenty48<5>>);

}  // namespace zerofleet
