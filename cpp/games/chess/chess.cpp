#include "games/chess/chess.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "games/chess/perft.h"

namespace zerofleet {

using chess::Move;
using chess::Position;

namespace {
static_assert(std::endian::native == std::endian::little, "sets of squares are copied as bytes");
constexpr std::uint64_t kAll = ~std::uint64_t{0};  // every square of a plane
}  // namespace

Chess::State::State(const Position& position) {
    now_.anchor = position;
    now_.anchor.repetitions = 0;
    now_.ply = position.ply;
    now_.num_before = now_.num_since = 0;
    now_.any_repeated = false;
    now_.ring[now_.ply & 7] = now_.anchor;
    now_.ring_moves[now_.ply & 7] = Move();
    keys_[0] = position.key;
    conclude();
}

Chess::State& Chess::State::operator=(const State& other) {
    // All but the unused ends of the two arrays, which are half of a state.
    static_assert(std::is_trivially_copyable_v<Recent>);
    constexpr std::size_t kFixed = offsetof(Recent, moves);
    std::memcpy(&now_, &other.now_, kFixed + sizeof(Move) * other.now_.num_since);
    std::memcpy(keys_.data(), other.keys_.data(),
                sizeof(std::uint64_t) * (other.now_.num_since + std::size_t{1}));
    return *this;
}

void Chess::State::step(Move move) {
    const Position& from = position();
    Position& to = now_.ring[(now_.ply + 1) & 7];
    to = from;
    const bool irreversible = to.play(move);
    to.repetitions = 0;
    ++now_.ply;
    now_.ring_moves[now_.ply & 7] = move;
    now_.num_before = static_cast<std::uint8_t>(std::min(now_.num_before + 1, kNumSteps - 1));
    if (irreversible) {
        // What was repeated before cannot come back; forgetting it lets a state be told by the
        // positions that follow.
        if (now_.any_repeated)
            for (Position& p : now_.ring) p.repetitions = 0;
        now_.any_repeated = false;
        now_.anchor = to;
        now_.num_since = 0;
        keys_[0] = to.key;
        return;
    }
    now_.moves[now_.num_since++] = move;
    keys_[now_.num_since] = to.key;
    for (int i = now_.num_since - 4; i >= 0; i -= 2)
        if (keys_[static_cast<std::size_t>(i)] == to.key) ++to.repetitions;
    now_.any_repeated |= to.repetitions > 0;
}

void Chess::State::conclude() {
    const Position& p = position();
    if (!p.has_legal_move())
        now_.outcome = p.in_check() ? Outcome::kCheckmate : Outcome::kStalemate;
    else if (p.has_insufficient_material())
        now_.outcome = Outcome::kInsufficientMaterial;
    else if (p.repetitions >= 2)
        now_.outcome = Outcome::kRepetition;
    else if (p.clock >= kMaxClock)
        now_.outcome = Outcome::kFiftyMoves;
    else if (p.ply >= kMaxPlies)
        now_.outcome = Outcome::kLengthBound;
    else
        now_.outcome = Outcome::kOngoing;
}

void Chess::State::play(Move move) {
    step(move);
    conclude();
}

void Chess::State::apply(Action a) {
    Move move;
    chess::move_of(a, position(), move);
    play(move);
}

void Chess::State::apply_path(std::span<const Action> actions) {
    for (const Action a : actions) {
        Move move;
        chess::move_of(a, position(), move);
        step(move);
    }
    if (!actions.empty()) conclude();
}

bool Chess::State::is_legal(Action a) const {
    Move move;
    return !is_terminal() && chess::move_of(a, position(), move) && position().is_legal(move);
}

Action Chess::State::random_action(Rng& rng) const {
    return chess::action_of(
        position().pick_move([&](std::uint32_t total) { return rng.below(total); }), to_play());
}

void Chess::State::sorted_legal_actions(FixedList<Action, kMaxLegalActions>& out) const {
    FixedList<Action, kMaxLegalActions> actions;
    legal_actions(actions);
    std::array<std::uint64_t, chess::kNumActionPlanes> planes{};  // a set of cells each
    for (const Action a : actions)
        planes[static_cast<std::size_t>(a) / 64] |= std::uint64_t{1} << (a % 64);
    for (int plane = 0; plane < chess::kNumActionPlanes; ++plane)
        for (chess::Bitboard cells = planes[static_cast<std::size_t>(plane)]; cells;)
            out.push_back(plane * 64 + chess::pop_first(cells));
}

std::uint64_t Chess::State::hash() const {
    // Independent multiplications instead of a chain: this runs for every leaf of a search.
    constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
    std::uint64_t sum = 0, factor = kOdd;
    for (int t = 0; t <= now_.num_before; ++t) {
        const Position& p = before(t);
        sum += (p.key + p.repetitions) * factor;
        factor += 2 * kOdd;
    }
    const Position& p = position();
    return derive_seed(sum,
                       std::uint64_t{p.ply} << 16 | std::uint64_t{p.clock} << 8 | now_.num_before);
}

bool Chess::State::operator==(const State& other) const {
    if (position() != other.position() || now_.num_before != other.now_.num_before ||
        now_.num_since != other.now_.num_since)
        return false;
    for (int t = 0; t < now_.num_before; ++t)
        if (before(t + 1) != other.before(t + 1)) return false;
    return std::equal(keys_.begin(), keys_.begin() + now_.num_since + 1, other.keys_.begin());
}

void Chess::State::observe(std::uint8_t* planes, float* scalars) const {
    const int me = to_play(), them = me ^ 1;
    std::uint8_t* out = planes;
    const auto put = [&](std::uint64_t word) {
        std::memcpy(out, &word, sizeof word);
        out += sizeof word;
    };
    // Row 0 of a plane is the mover's last rank: White's is the top byte of a set, Black's the
    // bottom one.
    const auto put_step = [&](const Position& p, auto turned) {
        for (const int color : {me, them})
            for (int type = chess::kPawn; type <= chess::kKing; ++type)
                put(turned(p.board.of(color, type)));
        put(p.repetitions >= 1 ? kAll : 0);
        put(p.repetitions >= 2 ? kAll : 0);
    };
    if (me == chess::kWhite)
        for (int t = 0; t <= now_.num_before; ++t)
            put_step(before(t), [](std::uint64_t set) { return __builtin_bswap64(set); });
    else
        for (int t = 0; t <= now_.num_before; ++t)
            put_step(before(t), [](std::uint64_t set) { return set; });
    const std::size_t unknown =
        static_cast<std::size_t>(kNumSteps - 1 - now_.num_before) * kPlanesPerStep * 8;
    std::memset(out, 0, unknown);
    out += unknown;

    const Position& p = position();
    const int mine = p.castling >> (2 * me), theirs = p.castling >> (2 * them);
    for (const bool flag : {(mine & 1) != 0, (mine & 2) != 0, (theirs & 1) != 0, (theirs & 2) != 0,
                            me == chess::kBlack})
        put(flag ? kAll : 0);
    scalars[0] = static_cast<float>(p.clock) / kMaxClock;
    scalars[1] = static_cast<float>(p.ply) / kMaxPlies;
}

namespace {

std::uint64_t perft_by_states(const Chess::State& state, int depth) {
    LegalActions<Chess> actions;
    state.legal_actions(actions);
    if (depth == 1) return actions.size();
    std::uint64_t total = 0;
    for (const Action a : actions) {
        Chess::State child = state;
        child.apply(a);
        total += Chess::perft(child, depth - 1);
    }
    return total;
}

}  // namespace

std::uint64_t Chess::perft(const State& state, int depth) {
    if (depth == 0) return 1;
    if (state.is_terminal()) return 0;
    const Position& p = state.position();
    const int plies = depth - 1;  // only a draw before the last ply changes the count
    // A ply takes away at most two of the pieces that are enough to mate: a rook, by a pawn that
    // becomes a knight.
    const auto* types = p.board.types;
    const int mating =
        chess::count(types[chess::kPawn] | types[chess::kRook] | types[chess::kQueen]);
    // A third occurrence needs two more of a position met once, four plies apart.
    const int until_repetition = state.now_.num_since == 0 ? 8 : state.now_.num_since < 4 ? 5 : 1;
    if (mating > 2 * plies && plies < until_repetition && p.clock + plies < kMaxClock &&
        p.ply + plies < kMaxPlies)
        return chess::count_positions({p.board, p.rights()}, p.to_play() == chess::kWhite, depth,
                                      chess::supported_lookups().back());
    return perft_by_states(state, depth);
}

static_assert(GameType<Chess>);

}  // namespace zerofleet
