// The rules of Go behind go.h. Only the files that instantiate them include this: go_small.cpp and
// go_large.cpp, two so that they compile side by side.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "games/go/board.h"
#include "games/go/go.h"
#include "games/grid_text.h"

namespace zerofleet {

using go::Board;

namespace go {
/// [player][point]: the key of a position is the exclusive or over its stones; 0 if it is empty.
inline constexpr auto kZobrist = [] {
    std::array<std::array<std::uint64_t, 361>, 2> table{};
    Rng rng(0x676f);  // "go"
    for (auto& player : table)
        for (auto& point : player) point = rng.next();
    return table;
}();

template <class Points>
std::uint64_t key_of(std::size_t player, const Points& points) {
    std::uint64_t key = 0;
    points.for_each([&](int p) { key ^= kZobrist[player][static_cast<std::size_t>(p)]; });
    return key;
}

/// A set of points as a plane of the observation.
template <int NumBytes, class Points>
void store_plane(const Points& points, std::uint8_t* out) {
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(out, points.words.data(), NumBytes);
    else
        for (std::size_t i = 0; i < NumBytes; ++i)
            out[i] = static_cast<std::uint8_t>(points.words[i / 8] >> (8 * (i % 8)));
}
}  // namespace go

template <int Size>
void Go<Size>::State::begin() {
    key_ = go::key_of(0, stones_[0]) ^ go::key_of(1, stones_[1]);
    past_.add_first(key_);
    first_ = stones_;
    first_to_play_ = to_play_;
    hash_ = derive_seed(derive_seed(key_, to_play_),
                        static_cast<std::uint64_t>(2 * (komi_ + go::kMaxKomi)));
}

template <int Size>
auto Go<Size>::State::empty() const -> Points {
    return Board<Size>::kAll - (stones_[0] | stones_[1]);
}

/// Points that may be played but for superko: a liberty remains, or stones are captured.
template <int Size>
inline auto Go<Size>::State::playable() const -> Points {
    const auto &mine = stones_[to_play_], &theirs = stones_[to_play_ ^ 1];
    const Points free = Board<Size>::kAll - (mine | theirs);
    return free & Board<Size>::neighbours(free | (mine - atari_[to_play_]) |
                                          (theirs & atari_[to_play_ ^ 1]));
}

/// Stones of the other side that a stone on p takes.
template <int Size>
inline auto Go<Size>::State::captured_by(int p) const -> Points {
    const Points& dying = atari_[to_play_ ^ 1];
    const Points seed = Board<Size>::kAround[static_cast<std::size_t>(p)] & dying;
    return seed.any() ? Board<Size>::flood(seed, dying) : seed;
}

/// Would a playable stone on p bring back an earlier position? That position had the stone, so it
/// can only be where such a stone was captured since.
template <int Size>
inline bool Go<Size>::State::repeats(int p) const {
    if (!lost_[to_play_].test(p)) return false;
    const std::size_t other = to_play_ ^ 1;
    return past_.contains(key_ ^ go::kZobrist[to_play_][static_cast<std::size_t>(p)] ^
                          go::key_of(other, captured_by(p)));
}

template <int Size>
auto Go<Size>::State::legal_points() const -> Points {
    Points legal = playable();
    (legal & lost_[to_play_]).for_each([&](int p) {
        if (repeats(p)) legal.clear(p);
    });
    return legal;
}

template <int Size>
bool Go<Size>::State::is_legal(Action a) const {
    if (a < 0 || a > kPass || is_terminal()) return false;
    return a == kPass || (playable().test(a) && !repeats(a));
}

template <int Size>
void Go<Size>::State::apply(Action a) {
    recent_[static_cast<std::size_t>(past_.size()) % kNumHistory] = stones_;
    if (a == kPass) {
        ++num_passes_;
    } else {
        num_passes_ = 0;
        place(a);
    }
    to_play_ ^= 1;
    past_.push(a, key_);
    hash_ = mix64(hash_ ^ (static_cast<std::uint64_t>(a) + 1) * 0x9e3779b97f4a7c15ULL);
}

template <int Size>
inline void Go<Size>::State::place(int p) {
    const std::size_t me = to_play_, other = me ^ 1;
    const Points& around = Board<Size>::kAround[static_cast<std::size_t>(p)];

    // Step 1. Chains of the other side whose last liberty this was are captured.
    const Points captured = captured_by(p);
    stones_[me].set(p);
    key_ ^= go::kZobrist[me][static_cast<std::size_t>(p)];
    if (captured.any()) {
        stones_[other] -= captured;
        atari_[other] -= captured;
        lost_[other] |= captured;
        key_ ^= go::key_of(other, captured);
        // Step 2. My chains next to them have a liberty more: out of atari.
        const Points freed = Board<Size>::neighbours(captured) & atari_[me];
        if (freed.any()) atari_[me] -= Board<Size>::flood(freed, atari_[me]);
    }
    // Step 3. The chain of the new stone; those of its parts that were in atari had p as liberty.
    const Points joined = around & atari_[me];
    if (joined.any()) atari_[me] -= Board<Size>::flood(joined, atari_[me]);
    update_atari(me, Points::of(p));
    // Step 4. The other side's chains next to it have lost a liberty and keep at least one.
    for (Points rest = around & stones_[other]; (rest -= atari_[other]).any();) {
        const Points seed = Points::of(rest.first());
        rest -= seed;
        update_atari(other, seed);
    }
}

/// Adds the chain of `seed` to the stones in atari if it has one liberty. The chain grows only
/// until a second liberty is seen, which is at once for most.
template <int Size>
inline void Go<Size>::State::update_atari(std::size_t player, Points seed) {
    const Points free = empty();
    while (true) {
        const Points near = Board<Size>::neighbours(seed);
        if ((near & free).more_than_one()) return;
        const Points grown = seed | (near & stones_[player]);
        if (grown == seed) break;
        seed = grown;
    }
    atari_[player] |= seed;
}

template <int Size>
float Go<Size>::State::score() const {
    const Points free = empty();
    const auto reached = [&](const Points& stones) {
        return Board<Size>::flood(Board<Size>::neighbours(stones) & free, free);
    };
    const Points black = reached(stones_[0]), white = reached(stones_[1]);
    const int area =
        (stones_[0] | (black - white)).count() - (stones_[1] | (white - black)).count();
    return static_cast<float>(area) - komi_;
}

template <int Size>
bool Go<Size>::State::operator==(const State& other) const {
    return hash_ == other.hash_ && komi_ == other.komi_ && first_ == other.first_ &&
           first_to_play_ == other.first_to_play_ && past_.actions() == other.past_.actions();
}

template <int Size>
void Go<Size>::State::observe(std::uint8_t* planes, float* scalars) const {
    constexpr int kPlaneBytes = (kNumPoints + 7) / 8;
    const std::size_t me = to_play_;
    const auto num_plies = static_cast<std::size_t>(past_.size());
    for (std::size_t back = 0; back < kNumHistory; ++back, planes += 2 * kPlaneBytes) {
        if (back > num_plies) {
            std::memset(planes, 0, 2 * kPlaneBytes);
            continue;
        }
        const auto& then = back == 0 ? stones_ : recent_[(num_plies - back) % kNumHistory];
        go::store_plane<kPlaneBytes>(then[me], planes);
        go::store_plane<kPlaneBytes>(then[me ^ 1], planes + kPlaneBytes);
    }
    go::store_plane<kPlaneBytes>(me == 0 ? Board<Size>::kAll : Points{}, planes);
    scalars[0] = (me == 0 ? -komi_ : komi_) / 20;
}

template <int Size>
go::Record Go<Size>::State::record() const {
    go::Record record(Size);
    for (std::size_t player = 0; player < 2; ++player)
        first_[player].for_each([&](int p) {
            record.first[static_cast<std::size_t>(p)] = static_cast<std::int8_t>(player);
        });
    record.to_play = first_to_play_;
    record.komi = komi_;
    record.actions = past_.actions();
    return record;
}

template <int Size>
auto Go<Size>::State::from_record(const go::Record& record) -> State {
    if (!(std::abs(record.komi) <= go::kMaxKomi) || 2 * record.komi != std::floor(2 * record.komi))
        throw std::invalid_argument("komi is not a multiple of 0.5 in -361..361");
    State s;
    s.past_ = {};
    s.komi_ = record.komi;
    s.to_play_ = static_cast<std::uint8_t>(record.to_play);
    for (int p = 0; p < kNumPoints; ++p)
        if (const int player = record.first[static_cast<std::size_t>(p)]; player >= 0)
            s.stones_[static_cast<std::size_t>(player)].set(p);
    for (std::size_t player = 0; player < 2; ++player)
        for (Points rest = s.stones_[player]; rest.any();) {
            const int p = rest.first();
            const Points chain = Board<Size>::flood(Points::of(p), rest);
            if (!(Board<Size>::neighbours(chain) & s.empty()).any())
                throw std::invalid_argument("the chain at " + go::action_name(Size, p) +
                                            " has no liberty");
            s.update_atari(player, Points::of(p));
            rest -= chain;
        }
    s.begin();
    for (const Action a : record.actions) {
        if (!s.is_legal(a))
            throw std::invalid_argument(
                "move " + std::to_string(s.num_plies() + 1) + ", " +
                (a >= 0 && a <= kPass ? go::action_name(Size, a) : std::to_string(a)) +
                (s.is_terminal() ? ", after the end of the game" : ", is not legal"));
        s.apply(a);
    }
    return s;
}

template <int Size>
auto Go<Size>::State::transformed(int symmetry) const -> State {
    return symmetry == 0 ? *this : from_record(go::transformed(record(), symmetry));
}

template <int Size>
auto Go<Size>::State::unpack(const std::uint8_t* packed) -> State {
    return from_record(go::unpack(Size, packed));
}

template <int Size>
std::string Go<Size>::State::pretty() const {
    std::vector<std::int8_t> cells(kNumPoints, -1);
    for (std::size_t player = 0; player < 2; ++player)
        stones_[player].for_each(
            [&](int p) { cells[static_cast<std::size_t>(p)] = static_cast<std::int8_t>(player); });
    const std::string out = go::board_picture(Size, cells) + '\n' + std::to_string(num_plies()) +
                            " moves, komi " + go::points_text(komi_) + ", ";
    if (!is_terminal()) return out + grid::kPiece[to_play_] + " to play";
    const float s = score();
    if (s == 0) return out + "draw";
    return out + (s > 0 ? "B+" : "W+") + go::points_text(std::abs(s));
}

template <int Size>
auto Go<Size>::initial_state(const GameOptions& options) -> State {
    go::Record record(Size);
    record.komi = static_cast<float>(options.number("komi"));
    return State::from_record(record);
}

template <int Size>
auto Go<Size>::parse(std::string_view text) -> State {
    try {
        return State::from_record(go::from_text(Size, text));
    } catch (const std::invalid_argument& e) {
        throw go::bad_text(e.what(), text);
    }
}

template <int Size>
auto Go<Size>::parse(std::string_view text, const GameOptions& options) -> State {
    State s = parse(text);
    const auto komi = static_cast<float>(options.number("komi"));
    if (s.komi() != komi)
        throw go::bad_text("komi is not " + go::points_text(komi) + " as in " + options.spec(),
                           text);
    return s;
}

template <int Size>
auto Go<Size>::unpack(const std::uint8_t* packed, const GameOptions& options) -> State {
    State s = State::unpack(packed);
    const auto komi = static_cast<float>(options.number("komi"));
    if (s.komi() != komi)
        throw std::invalid_argument("komi is " + go::points_text(s.komi()) + "; expected " +
                                    go::points_text(komi) + " as in " + options.spec());
    return s;
}

template <int Size>
std::string Go<Size>::action_to_text(const State& /*state*/, Action a) {
    return go::action_name(Size, a);
}

template <int Size>
Action Go<Size>::action_from_text(const State& state, std::string_view text) {
    const Action a = go::action_of_name(Size, text);
    if (a < 0) throw grid::bad_action(kName, text, "a point such as D4, or pass");
    if (!state.is_legal(a))
        throw std::invalid_argument("go: " + go::action_name(Size, a) + " is not legal in " +
                                    state.text());
    return a;
}

}  // namespace zerofleet
