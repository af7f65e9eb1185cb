// Legal moves. One generator finds them set by set and hands them to a sink, which counts, lists or
// plays them; nothing illegal is ever made.
#pragma once

#include "games/chess/attacks.h"
#include "games/chess/types.h"

namespace zerofleet::chess {

/// What the rules need to know besides the board.
struct Rights {
    int castling;       // Castling bits
    Square en_passant;  // the square passed over by a pawn that just moved two, or kNoSquare
};

/// Everything below is templated on the side to move and on how sliders are looked up; `Sliders`
/// has `rook(square, occupied)` and `bishop(square, occupied)`.
///
/// A sink has
///   moves(type, from, targets)   a piece that is no pawn to each of the targets
///   pawns(targets, delta)        pawns to each of the targets, each from `target - delta`
///   doubles(targets)             the same for two steps, from `target -+ 16`
///   promotions(targets, delta)   the same onto the last rank, four pieces each
///   en_passant(from, to)
///   castles(from, to)            of the king
template <bool white, class Sliders>
struct MoveGenerator {
    static constexpr int kUs = white ? kWhite : kBlack;
    static constexpr int kThem = white ? kBlack : kWhite;
    static constexpr int kUp = white ? 8 : -8;

    /// Squares of `color` that attack the square.
    template <bool by_white>
    ZF_CHESS_INLINE static Bitboard attackers(const Board& b, const Sliders& sliders, Square s,
                                              Bitboard occupied) {
        const Bitboard pieces = b.colors[by_white ? kWhite : kBlack];
        return pieces & ((pawn_attacks<!by_white>(bit(s)) & b.types[kPawn]) |
                         (kSteps.knight[s] & b.types[kKnight]) | (kSteps.king[s] & b.types[kKing]) |
                         (sliders.bishop(s, occupied) & (b.types[kBishop] | b.types[kQueen])) |
                         (sliders.rook(s, occupied) & (b.types[kRook] | b.types[kQueen])));
    }

    /// Whether the king of the side to move is safe after the capture: two pawns leave a rank at
    /// once, which no pin mask sees.
    ZF_CHESS_INLINE static bool en_passant_is_safe(const Board& b, const Sliders& sliders,
                                                   Square from, Square to) {
        const Bitboard captured = bit(to - kUp);
        const Bitboard occupied = (b.occupied() ^ bit(from) ^ captured) | bit(to);
        return (attackers<!white>(b, sliders, first(b.of(kUs, kKing)), occupied) & ~captured) == 0;
    }

    template <class Sink>
    ZF_CHESS_INLINE static void generate(const Board& b, const Rights& rights,
                                         const Sliders& sliders, Sink& sink) {
        const Bitboard us = b.colors[kUs], them = b.colors[kThem], occupied = us | them;
        const Square king = first(us & b.types[kKing]);
        const Bitboard their_pawns = b.types[kPawn] & them, their_knights = b.types[kKnight] & them;
        const Bitboard their_lines = (b.types[kRook] | b.types[kQueen]) & them;
        const Bitboard their_diagonals = (b.types[kBishop] | b.types[kQueen]) & them;

        // 1. Checks and pins. Lines from the king to their sliders: nothing between is a check, one
        //    piece of ours is pinned to the line. Sliders may only move along their own pin line.
        Bitboard checks =
            (pawn_attacks<white>(bit(king)) & their_pawns) | (kSteps.knight[king] & their_knights);
        Bitboard check_lines = checks;  // capturing there or blocking there answers a check
        Bitboard line_pins = 0, diagonal_pins = 0;
        for (Bitboard s = kSteps.rook_rays[king] & their_lines; s;) {
            const Square from = pop_first(s);
            const Bitboard line = kSteps.between[king][from], ours = line & us;
            if (line & them) continue;
            if (!ours) {
                checks |= bit(from);
                check_lines |= line | bit(from);
            } else if (!(ours & (ours - 1))) {
                line_pins |= line | bit(from);
            }
        }
        for (Bitboard s = kSteps.bishop_rays[king] & their_diagonals; s;) {
            const Square from = pop_first(s);
            const Bitboard line = kSteps.between[king][from], ours = line & us;
            if (line & them) continue;
            if (!ours) {
                checks |= bit(from);
                check_lines |= line | bit(from);
            } else if (!(ours & (ours - 1))) {
                diagonal_pins |= line | bit(from);
            }
        }

        // 2. The king, to squares that are not attacked once it has left its own.
        constexpr int kShort = white ? kWhiteShort : kBlackShort;
        constexpr int kLong = white ? kWhiteLong : kBlackLong;
        constexpr int kHome = white ? 4 : 60;
        constexpr Bitboard kShortFree = white ? 0x60ULL : 0x60ULL << 56;
        constexpr Bitboard kLongFree = white ? 0x0eULL : 0x0eULL << 56;
        constexpr Bitboard kLongSafe = white ? 0x0cULL : 0x0cULL << 56;
        Bitboard castle = 0;  // squares that must be safe to castle
        if (rights.castling & (kShort | kLong) && !checks) {
            if (rights.castling & kShort && !(occupied & kShortFree)) castle |= kShortFree;
            if (rights.castling & kLong && !(occupied & kLongFree)) castle |= kLongSafe;
        }
        Bitboard steps = kSteps.king[king] & ~us;
        if (steps | castle) {
            Bitboard danger =
                pawn_attacks<!white>(their_pawns) | kSteps.king[first(them & b.types[kKing])];
            for (Bitboard s = their_knights; s;) danger |= kSteps.knight[pop_first(s)];
            if ((steps | castle) & ~danger) {
                const Bitboard without_king = occupied ^ bit(king);
                for (Bitboard s = their_lines; s;)
                    danger |= sliders.rook(pop_first(s), without_king);
                for (Bitboard s = their_diagonals; s;)
                    danger |= sliders.bishop(pop_first(s), without_king);
            }
            steps &= ~danger;
            if (steps) sink.moves(kKing, king, steps);
            if (castle & kShortFree && !(danger & kShortFree)) sink.castles(kHome, kHome + 2);
            if (castle & kLongSafe && !(danger & kLongSafe)) sink.castles(kHome, kHome - 2);
        }

        // 3. Two checks: only the king can move. One: capture or block.
        Bitboard allowed = ~us;
        if (checks) {
            if (checks & (checks - 1)) return;
            allowed = check_lines;
        }

        // 4. Knights; a pinned one never moves.
        const Bitboard pinned = line_pins | diagonal_pins;
        for (Bitboard s = b.types[kKnight] & us & ~pinned; s;) {
            const Square from = pop_first(s);
            if (const Bitboard to = kSteps.knight[from] & allowed) sink.moves(kKnight, from, to);
        }

        // 5. Sliders.
        const Bitboard queens = b.types[kQueen] & us;
        for (Bitboard s = b.types[kBishop] & us & ~line_pins; s;) {
            const Square from = pop_first(s);
            Bitboard to = sliders.bishop(from, occupied) & allowed;
            if (diagonal_pins >> from & 1) to &= diagonal_pins;
            if (to) sink.moves(kBishop, from, to);
        }
        for (Bitboard s = b.types[kRook] & us & ~diagonal_pins; s;) {
            const Square from = pop_first(s);
            Bitboard to = sliders.rook(from, occupied) & allowed;
            if (line_pins >> from & 1) to &= line_pins;
            if (to) sink.moves(kRook, from, to);
        }
        for (Bitboard s = queens; s;) {
            const Square from = pop_first(s);
            Bitboard to;
            if (line_pins >> from & 1)
                to = sliders.rook(from, occupied) & line_pins;
            else if (diagonal_pins >> from & 1)
                to = sliders.bishop(from, occupied) & diagonal_pins;
            else
                to = sliders.rook(from, occupied) | sliders.bishop(from, occupied);
            if (to &= allowed) sink.moves(kQueen, from, to);
        }

        // 6. Pawns, all at once.
        pawn_moves(b, rights, sliders, sink, allowed, line_pins, diagonal_pins);
    }

  private:
    template <class Sink>
    ZF_CHESS_INLINE static void pawn_moves(const Board& b, const Rights& rights,
                                           const Sliders& sliders, Sink& sink, Bitboard allowed,
                                           Bitboard line_pins, Bitboard diagonal_pins) {
        constexpr Bitboard kThirdRank = white ? kRank1 << 16 : kRank1 << 40;
        constexpr Bitboard kLastRank = white ? kRank8 : kRank1;
        constexpr int kTowardsA = white ? 7 : -9, kTowardsH = white ? 9 : -7;
        const Bitboard pawns = b.types[kPawn] & b.colors[kUs];
        const Bitboard empty = ~b.occupied(), targets = b.colors[kThem] & allowed;

        // A pawn on a pin line stays on it: it leaves for the squares of the line or not at all.
        const Bitboard pushers = pawns & ~diagonal_pins;
        const Bitboard step = ((shifted<kUp>(pushers & ~line_pins)) |
                               (shifted<kUp>(pushers & line_pins) & line_pins)) &
                              empty;
        const Bitboard once = step & allowed;
        const Bitboard twice = shifted<kUp>(step & kThirdRank) & empty & allowed;

        const Bitboard takers = pawns & ~line_pins;
        const Bitboard free = takers & ~diagonal_pins, bound = takers & diagonal_pins;
        const Bitboard takes_a =
            (pawn_attacks_a<white>(free) | (pawn_attacks_a<white>(bound) & diagonal_pins)) &
            targets;
        const Bitboard takes_h =
            (pawn_attacks_h<white>(free) | (pawn_attacks_h<white>(bound) & diagonal_pins)) &
            targets;

        if ((once | takes_a | takes_h) & kLastRank) {
            if (once & kLastRank) sink.promotions(once & kLastRank, kUp);
            if (takes_a & kLastRank) sink.promotions(takes_a & kLastRank, kTowardsA);
            if (takes_h & kLastRank) sink.promotions(takes_h & kLastRank, kTowardsH);
        }
        sink.pawns(once & ~kLastRank, kUp);
        sink.doubles(twice);
        sink.pawns(takes_a & ~kLastRank, kTowardsA);
        sink.pawns(takes_h & ~kLastRank, kTowardsH);

        if (rights.en_passant != kNoSquare) {
            for (Bitboard s = pawn_attacks<!white>(bit(rights.en_passant)) & pawns; s;) {
                const Square from = pop_first(s);
                if (en_passant_is_safe(b, sliders, from, rights.en_passant))
                    sink.en_passant(from, rights.en_passant);
            }
        }
    }
};

/// How many legal moves there are.
struct CountSink {
    std::uint64_t total = 0;

    ZF_CHESS_INLINE void moves(int, Square, Bitboard to) { add(to); }
    ZF_CHESS_INLINE void pawns(Bitboard to, int) { add(to); }
    ZF_CHESS_INLINE void doubles(Bitboard to) { add(to); }
    ZF_CHESS_INLINE void promotions(Bitboard to, int) { total += 4u * unsigned(count(to)); }
    ZF_CHESS_INLINE void en_passant(Square, Square) { ++total; }
    ZF_CHESS_INLINE void castles(Square, Square) { ++total; }

  private:
    ZF_CHESS_INLINE void add(Bitboard to) { total += static_cast<unsigned>(count(to)); }
};

}  // namespace zerofleet::chess
