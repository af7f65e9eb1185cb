#include "games/chess/position.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/rng.h"

namespace zerofleet::chess {

namespace {

struct Zobrist {
    std::uint64_t piece[2][kNumPieceTypes][64];
    std::uint64_t castling[16];
    std::uint64_t en_passant[kNoSquare + 1];  // [kNoSquare] is 0
    std::uint64_t black_to_move;
};
constexpr Zobrist kZobrist = [] {
    Zobrist z{};
    Rng rng(0x6368657373);  // "chess"
    for (auto& color : z.piece)
        for (auto& type : color)
            for (auto& square : type) square = rng.next();
    for (auto& rights : z.castling) rights = rng.next();
    for (Square s = 0; s < kNoSquare; ++s) z.en_passant[s] = rng.next();
    z.black_to_move = rng.next();
    return z;
}();

/// `castling_kept` of every square.
constexpr std::array<std::uint8_t, 64> kCastlingKept = [] {
    std::array<std::uint8_t, 64> kept{};
    for (Square s = 0; s < 64; ++s)
        kept[static_cast<std::size_t>(s)] = static_cast<std::uint8_t>(castling_kept(s) & 0x0f);
    return kept;
}();

std::uint64_t full_key(const Position& p) {
    std::uint64_t key = kZobrist.castling[p.castling] ^ kZobrist.en_passant[p.en_passant];
    if (p.to_play() == kBlack) key ^= kZobrist.black_to_move;
    for (int color = 0; color < 2; ++color)
        for (int type = 0; type < kNumPieceTypes; ++type)
            for (Bitboard b = p.board.of(color, type); b;)
                key ^= kZobrist.piece[color][type][pop_first(b)];
    return key;
}

using White = MoveGenerator<true, MagicSliders>;
using Black = MoveGenerator<false, MagicSliders>;

/// Squares of the other side that attack the king of `color`.
Bitboard checkers(const Board& b, int color) {
    const Square king = first(b.of(color, kKing));
    const MagicSliders& sliders = magic_sliders();
    return color == kWhite ? White::attackers<false>(b, sliders, king, b.occupied())
                           : Black::attackers<true>(b, sliders, king, b.occupied());
}

/// Whether a pawn of the side to move may take on the square that a pawn has just passed over.
bool can_take_en_passant(const Board& b, int us, Square passed) {
    const MagicSliders& sliders = magic_sliders();
    for (Bitboard s = pawn_attacks(us ^ 1, bit(passed)) & b.of(us, kPawn); s;) {
        const Square from = pop_first(s);
        if (us == kWhite ? White::en_passant_is_safe(b, sliders, from, passed)
                         : Black::en_passant_is_safe(b, sliders, from, passed))
            return true;
    }
    return false;
}

template <class Sink>
void generate(const Position& p, Sink& sink) {
    if (p.to_play() == kWhite)
        White::generate(p.board, p.rights(), magic_sliders(), sink);
    else
        Black::generate(p.board, p.rights(), magic_sliders(), sink);
}

/// Enough kings, no more pieces than promotions explain, no pawn where none can stand.
void check_material(const Board& b) {
    if ((b.types[kPawn] & (kRank1 | kRank8)) != 0)
        throw std::invalid_argument("a pawn on " +
                                    square_name(first(b.types[kPawn] & (kRank1 | kRank8))));
    for (int color = 0; color < 2; ++color) {
        const std::string who = color == kWhite ? "White" : "Black";
        const auto num = [&](int type) { return count(b.of(color, type)); };
        if (num(kKing) != 1)
            throw std::invalid_argument(who + " has " + std::to_string(num(kKing)) +
                                        " kings; expected 1");
        const int promoted = std::max(0, num(kKnight) - 2) + std::max(0, num(kBishop) - 2) +
                             std::max(0, num(kRook) - 2) + std::max(0, num(kQueen) - 1);
        if (num(kPawn) + promoted > 8)
            throw std::invalid_argument(who + " has " + std::to_string(num(kPawn)) + " pawns and " +
                                        std::to_string(promoted) +
                                        " promoted pieces; there were 8 pawns");
    }
}

/// Rights to castle need king and rook at home; an en passant square needs the pawn that passed it.
void check_rights(const Position& p) {
    constexpr struct {
        int right, color;
        Square king, rook;
        char letter;
    } kHomes[] = {{kWhiteShort, kWhite, 4, 7, 'K'},
                  {kWhiteLong, kWhite, 4, 0, 'Q'},
                  {kBlackShort, kBlack, 60, 63, 'k'},
                  {kBlackLong, kBlack, 60, 56, 'q'}};
    const Board& b = p.board;
    for (const auto& home : kHomes)
        if ((p.castling & home.right) && (!(b.of(home.color, kKing) & bit(home.king)) ||
                                          !(b.of(home.color, kRook) & bit(home.rook))))
            throw std::invalid_argument(std::string("right to castle '") + home.letter +
                                        "' without a king on " + square_name(home.king) +
                                        " and a rook on " + square_name(home.rook));
    if (p.en_passant == kNoSquare) return;
    const int them = p.to_play() ^ 1;
    const Square passed = p.en_passant, pawn = passed ^ 8, from = (passed ^ 8) ^ 16;
    if (rank_of(passed) != (them == kWhite ? 2 : 5) || !(b.of(them, kPawn) & bit(pawn)) ||
        b.occupied() & (bit(passed) | bit(from)))
        throw std::invalid_argument("en passant square " + square_name(passed) +
                                    " that no pawn has just passed");
}

/// Lists moves.
struct ListSink {
    MoveList& out;
    int up;  // 8 for White, -8 for Black

    ZF_CHESS_INLINE void moves(int, Square from, Bitboard to) {
        while (to) out.push_back(Move(from, pop_first(to)));
    }
    ZF_CHESS_INLINE void pawns(Bitboard targets, int delta) {
        while (targets) {
            const Square to = pop_first(targets);
            out.push_back(Move(to - delta, to));
        }
    }
    ZF_CHESS_INLINE void doubles(Bitboard targets) { pawns(targets, 2 * up); }
    ZF_CHESS_INLINE void promotions(Bitboard targets, int delta) {
        while (targets) {
            const Square to = pop_first(targets);
            for (int piece = kQueen; piece >= kKnight; --piece)
                out.push_back(Move(to - delta, to, piece));
        }
    }
    ZF_CHESS_INLINE void en_passant(Square from, Square to) { out.push_back(Move(from, to)); }
    ZF_CHESS_INLINE void castles(Square from, Square to) { out.push_back(Move(from, to)); }
};

/// Keeps the sets.
struct SetSink {
    MoveSets& out;
    int up;

    ZF_CHESS_INLINE void add(Bitboard targets, int from, int delta, bool promotes) {
        out.sets.push_back(
            {targets, static_cast<std::int8_t>(from), static_cast<std::int8_t>(delta), promotes});
        out.total += static_cast<std::uint32_t>(promotes ? 4 * count(targets) : count(targets));
    }
    ZF_CHESS_INLINE void moves(int, Square from, Bitboard to) { add(to, from, 0, false); }
    ZF_CHESS_INLINE void pawns(Bitboard to, int delta) { add(to, kNoSquare, delta, false); }
    ZF_CHESS_INLINE void doubles(Bitboard to) { add(to, kNoSquare, 2 * up, false); }
    ZF_CHESS_INLINE void promotions(Bitboard to, int delta) { add(to, kNoSquare, delta, true); }
    ZF_CHESS_INLINE void en_passant(Square from, Square to) { add(bit(to), from, 0, false); }
    ZF_CHESS_INLINE void castles(Square from, Square to) { add(bit(to), from, 0, false); }
};

/// Looks for one move.
struct FindSink {
    Move wanted;
    int up;
    bool found = false;

    ZF_CHESS_INLINE void moves(int, Square from, Bitboard to) {
        found |= from == wanted.from() && (to >> wanted.to() & 1) && !wanted.promotion();
    }
    ZF_CHESS_INLINE void pawns(Bitboard to, int delta) {
        found |=
            (to >> wanted.to() & 1) && wanted.from() == wanted.to() - delta && !wanted.promotion();
    }
    ZF_CHESS_INLINE void doubles(Bitboard to) { pawns(to, 2 * up); }
    ZF_CHESS_INLINE void promotions(Bitboard to, int delta) {
        found |= (to >> wanted.to() & 1) && wanted.from() == wanted.to() - delta &&
                 wanted.promotion() >= kKnight && wanted.promotion() <= kQueen;
    }
    ZF_CHESS_INLINE void en_passant(Square from, Square to) { found |= wanted == Move(from, to); }
    ZF_CHESS_INLINE void castles(Square from, Square to) { found |= wanted == Move(from, to); }
};

}  // namespace

bool Position::play(Move move) {
    const int us = to_play(), them = us ^ 1;
    const Square from = move.from(), to = move.to();
    const int type = board.type_at(from);
    const int becomes = move.promotion() ? move.promotion() : type;
    bool irreversible = type == kPawn;

    key ^= kZobrist.en_passant[en_passant] ^ kZobrist.castling[castling] ^ kZobrist.black_to_move;
    if (board.colors[them] >> to & 1) {
        const int taken = board.type_at(to);
        board.types[taken] ^= bit(to);
        board.colors[them] ^= bit(to);
        key ^= kZobrist.piece[them][taken][to];
        irreversible = true;
    } else if (type == kPawn && to == en_passant) {
        const Square taken = to ^ 8;
        board.types[kPawn] ^= bit(taken);
        board.colors[them] ^= bit(taken);
        key ^= kZobrist.piece[them][kPawn][taken];
    } else if (type == kKing && (to - from == 2 || from - to == 2)) {
        const Square corner = to > from ? to + 1 : to - 2, beside = to > from ? to - 1 : to + 1;
        board.types[kRook] ^= bit(corner) | bit(beside);
        board.colors[us] ^= bit(corner) | bit(beside);
        key ^= kZobrist.piece[us][kRook][corner] ^ kZobrist.piece[us][kRook][beside];
    }
    board.types[type] ^= bit(from);
    board.types[becomes] ^= bit(to);
    board.colors[us] ^= bit(from) | bit(to);
    key ^= kZobrist.piece[us][type][from] ^ kZobrist.piece[us][becomes][to];

    clock = irreversible ? std::uint8_t{0} : static_cast<std::uint8_t>(clock + 1);
    const std::uint8_t kept = castling & kCastlingKept[static_cast<std::size_t>(from)] &
                              kCastlingKept[static_cast<std::size_t>(to)];
    irreversible |= kept != castling;
    castling = kept;
    ++ply;
    en_passant = kNoSquare;
    if (type == kPawn && (to - from == 16 || from - to == 16)) {
        const Square passed = (from + to) / 2;
        // Most double steps pass no pawn.
        if (pawn_attacks(us, bit(passed)) & board.of(them, kPawn) &&
            can_take_en_passant(board, them, passed))
            en_passant = static_cast<std::uint8_t>(passed);
    }
    key ^= kZobrist.en_passant[en_passant] ^ kZobrist.castling[castling];
    return irreversible;
}

bool Position::in_check() const { return checkers(board, to_play()) != 0; }

bool Position::has_legal_move() const {
    // Nearly always a pawn or a knight that no line joins to the king, so that it is not pinned,
    // can move, and there is no check: that costs less than generating.
    const int us = to_play();
    const Square king = first(board.of(us, kKing));
    const Bitboard free = board.colors[us] & ~(kSteps.rook_rays[king] | kSteps.bishop_rays[king]);
    const Bitboard pawns = board.types[kPawn] & free;
    bool can_move = (us == kWhite ? pawns << 8 : pawns >> 8) & ~board.occupied();
    if (!can_move)
        for (Bitboard s = board.types[kKnight] & free; s && !can_move;)
            can_move = kSteps.knight[pop_first(s)] & ~board.colors[us];
    if (can_move && !in_check()) return true;
    CountSink sink;
    generate(*this, sink);
    return sink.total != 0;
}

void Position::legal_moves(MoveList& out) const {
    ListSink sink{out, to_play() == kWhite ? 8 : -8};
    generate(*this, sink);
}

void Position::legal_sets(MoveSets& out) const {
    SetSink sink{out, to_play() == kWhite ? 8 : -8};
    generate(*this, sink);
}

Move MoveSets::nth(std::uint32_t n) const {
    for (const Set& set : sets) {
        const auto size = static_cast<std::uint32_t>(count(set.targets)) * (set.promotes ? 4u : 1u);
        if (n >= size) {
            n -= size;
            continue;
        }
        const int promotion = set.promotes ? kKnight + static_cast<int>(n & 3) : 0;
        Bitboard targets = set.targets;
        for (std::uint32_t skip = set.promotes ? n >> 2 : n; skip > 0; --skip)
            targets &= targets - 1;
        const Square to = first(targets);
        return Move(set.from == kNoSquare ? to - set.delta : set.from, to, promotion);
    }
    return Move();
}

bool Position::is_legal(Move move) const {
    if (!(board.colors[to_play()] >> move.from() & 1)) return false;
    FindSink sink{move, to_play() == kWhite ? 8 : -8};
    generate(*this, sink);
    return sink.found;
}

bool Position::has_insufficient_material() const {
    const Bitboard* types = board.types;
    if (types[kPawn] | types[kRook] | types[kQueen]) return false;
    if (types[kKnight]) return count(board.occupied()) == 3;
    constexpr Bitboard kDark = 0xaa55'aa55'aa55'aa55;
    return !(types[kBishop] & kDark) || !(types[kBishop] & ~kDark);
}

const Position& start_position() {
    static const Position start =
        position_from_fen("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1");
    return start;
}

void check_position(Position& p) {
    if (p.clock > kMaxFenClock)
        throw std::invalid_argument(std::to_string(p.clock) +
                                    " plies without progress; expected at most " +
                                    std::to_string(kMaxFenClock));
    if (p.ply / 2 >= kMaxMoveNumber)
        throw std::invalid_argument("ply " + std::to_string(p.ply) + "; expected less than " +
                                    std::to_string(2 * kMaxMoveNumber));
    check_material(p.board);
    check_rights(p);
    if (checkers(p.board, p.to_play() ^ 1))
        throw std::invalid_argument(std::string(p.to_play() == kWhite ? "White" : "Black") +
                                    " is to move and could take the king");
    if (p.en_passant != kNoSquare && !can_take_en_passant(p.board, p.to_play(), p.en_passant))
        p.en_passant = kNoSquare;
    p.key = full_key(p);
}

}  // namespace zerofleet::chess
