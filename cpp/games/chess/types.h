// Squares, sets of squares, pieces and moves of chess.
#pragma once

#include <cstdint>

// Nothing of these headers may be emitted out of line: perft_avx2.cpp is compiled for a newer
// processor, and the linker could pick its copy of an inline function for everybody.
#define ZF_CHESS_INLINE [[gnu::always_inline]] inline

namespace zerofleet::chess {

/// A set of squares: square s at bit s.
using Bitboard = std::uint64_t;

/// 0..63: a1 = 0, b1 = 1, ..., h8 = 63.
using Square = int;
constexpr int kNoSquare = 64;

/// White is player 0.
enum Color : int { kWhite, kBlack };

enum PieceType : int { kPawn, kKnight, kBishop, kRook, kQueen, kKing, kNoPiece };
constexpr int kNumPieceTypes = 6;

constexpr Bitboard kFileA = 0x0101'0101'0101'0101;
constexpr Bitboard kFileH = kFileA << 7;
constexpr Bitboard kRank1 = 0xff;
constexpr Bitboard kRank8 = kRank1 << 56;

/// Rights to castle, a bit set.
enum Castling : int {
    kWhiteShort = 1,
    kWhiteLong = 2,
    kBlackShort = 4,
    kBlackLong = 8,
};

/// Rights that survive a move from or to a square.
ZF_CHESS_INLINE constexpr int castling_kept(Square s) {
    return s == 0    ? ~kWhiteLong
           : s == 4  ? ~(kWhiteShort | kWhiteLong)
           : s == 7  ? ~kWhiteShort
           : s == 56 ? ~kBlackLong
           : s == 60 ? ~(kBlackShort | kBlackLong)
           : s == 63 ? ~kBlackShort
                     : ~0;
}

ZF_CHESS_INLINE constexpr Bitboard bit(Square s) { return Bitboard{1} << s; }
ZF_CHESS_INLINE constexpr int count(Bitboard b) { return __builtin_popcountll(b); }
/// Lowest square of a set that is not empty.
ZF_CHESS_INLINE constexpr Square first(Bitboard b) { return __builtin_ctzll(b); }
ZF_CHESS_INLINE constexpr Square pop_first(Bitboard& b) {
    const Square s = first(b);
    b &= b - 1;
    return s;
}
ZF_CHESS_INLINE constexpr int file_of(Square s) { return s & 7; }
ZF_CHESS_INLINE constexpr int rank_of(Square s) { return s >> 3; }

/// All squares moved by `delta` (8 is one rank up); squares may leave over the first or last rank.
template <int delta>
ZF_CHESS_INLINE constexpr Bitboard shifted(Bitboard b) {
    return delta > 0 ? b << (delta > 0 ? delta : 0) : b >> (delta < 0 ? -delta : 0);
}

/// Where pawns of a colour capture, towards file a and towards file h.
template <bool white>
ZF_CHESS_INLINE constexpr Bitboard pawn_attacks_a(Bitboard pawns) {
    return shifted<white ? 7 : -9>(pawns & ~kFileA);
}
template <bool white>
ZF_CHESS_INLINE constexpr Bitboard pawn_attacks_h(Bitboard pawns) {
    return shifted<white ? 9 : -7>(pawns & ~kFileH);
}
template <bool white>
ZF_CHESS_INLINE constexpr Bitboard pawn_attacks(Bitboard pawns) {
    return pawn_attacks_a<white>(pawns) | pawn_attacks_h<white>(pawns);
}
ZF_CHESS_INLINE constexpr Bitboard pawn_attacks(int color, Bitboard pawns) {
    return color == kWhite ? pawn_attacks<true>(pawns) : pawn_attacks<false>(pawns);
}

/// A move in 16 bits:
///
///   bit  0- 5  square it starts from
///   bit  6-11  square it goes to; castling is the king's two squares
///   bit 12-14  piece a pawn becomes (kKnight .. kQueen), else 0
struct Move {
    std::uint16_t bits = 0;

    Move() = default;
    constexpr Move(Square from, Square to, int promotion = 0)
        : bits(static_cast<std::uint16_t>(from | to << 6 | promotion << 12)) {}
    constexpr Square from() const { return bits & 63; }
    constexpr Square to() const { return bits >> 6 & 63; }
    constexpr int promotion() const { return bits >> 12; }
    bool operator==(const Move&) const = default;
};
static_assert(sizeof(Move) == 2);

/// Where the pieces are, in 64 bytes. A square is in one set of `types` and one of `colors`,
/// or in none.
struct Board {
    Bitboard types[kNumPieceTypes];
    Bitboard colors[2];

    ZF_CHESS_INLINE constexpr Bitboard occupied() const { return colors[0] | colors[1]; }
    ZF_CHESS_INLINE constexpr Bitboard of(int color, int type) const {
        return types[type] & colors[color];
    }
    /// kNoPiece on an empty square.
    ZF_CHESS_INLINE constexpr int type_at(Square s) const {
        const auto has = [&](int type) { return static_cast<int>(types[type] >> s & 1); };
        const int found =
            has(kKnight) * 1 + has(kBishop) * 2 + has(kRook) * 3 + has(kQueen) * 4 + has(kKing) * 5;
        return (occupied() >> s & 1) ? found : kNoPiece;
    }
    ZF_CHESS_INLINE constexpr void put(int color, int type, Square s) {
        types[type] |= bit(s);
        colors[color] |= bit(s);
    }
    bool operator==(const Board&) const = default;
};
static_assert(sizeof(Board) == 64);

}  // namespace zerofleet::chess
