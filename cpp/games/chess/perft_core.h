// Bulk perft, templated on how sliders are looked up; compiled once for every processor and once
// for those with PEXT.
#pragma once

#include "games/chess/movegen.h"

namespace zerofleet::chess {

/// A position as the count needs it: no keys, no counters, no history.
struct PerftNode {
    Board board;
    Rights rights;
};

template <bool white, class Sliders>
std::uint64_t count_leaves(const PerftNode& node, int depth, const Sliders& sliders);

/// Plays every move it is handed and counts below.
template <bool white, class Sliders>
struct PerftSink {
    static constexpr int kUs = white ? kWhite : kBlack;
    static constexpr int kThem = white ? kBlack : kWhite;
    static constexpr int kUp = white ? 8 : -8;

    const PerftNode& node;
    const Sliders& sliders;
    int depth;
    std::uint64_t total = 0;

    void below(const PerftNode& child) { total += count_leaves<!white>(child, depth - 1, sliders); }

    /// The child with the piece moved; a piece on the target is taken.
    ZF_CHESS_INLINE PerftNode moved(int type, int becomes, Square from, Square to) const {
        PerftNode child = {node.board, {node.rights.castling, kNoSquare}};
        Board& b = child.board;
        if (b.colors[kThem] >> to & 1) {
            const Bitboard kept = ~bit(to);
            b.colors[kThem] &= kept;
            for (int t = kPawn; t < kKing; ++t) b.types[t] &= kept;
        }
        b.types[type] ^= bit(from);
        b.types[becomes] ^= bit(to);
        b.colors[kUs] ^= bit(from) | bit(to);
        return child;
    }

    ZF_CHESS_INLINE void moves(int type, Square from, Bitboard targets) {
        while (targets) {
            const Square to = pop_first(targets);
            PerftNode child = moved(type, type, from, to);
            if (child.rights.castling)
                child.rights.castling &= castling_kept(from) & castling_kept(to);
            below(child);
        }
    }
    ZF_CHESS_INLINE void pawns(Bitboard targets, int delta) {
        while (targets) {
            const Square to = pop_first(targets);
            below(moved(kPawn, kPawn, to - delta, to));
        }
    }
    ZF_CHESS_INLINE void doubles(Bitboard targets) {
        while (targets) {
            const Square to = pop_first(targets);
            PerftNode child = moved(kPawn, kPawn, to - 2 * kUp, to);
            // Only worth remembering where a pawn stands ready to take.
            if (pawn_attacks<white>(bit(to - kUp)) & child.board.of(kThem, kPawn))
                child.rights.en_passant = to - kUp;
            below(child);
        }
    }
    ZF_CHESS_INLINE void promotions(Bitboard targets, int delta) {
        while (targets) {
            const Square to = pop_first(targets);
            for (int piece = kKnight; piece <= kQueen; ++piece) {
                PerftNode child = moved(kPawn, piece, to - delta, to);
                child.rights.castling &= castling_kept(to);
                below(child);
            }
        }
    }
    ZF_CHESS_INLINE void en_passant(Square from, Square to) {
        PerftNode child = moved(kPawn, kPawn, from, to);
        child.board.colors[kThem] ^= bit(to - kUp);
        child.board.types[kPawn] ^= bit(to - kUp);
        below(child);
    }
    ZF_CHESS_INLINE void castles(Square from, Square to) {
        PerftNode child = moved(kKing, kKing, from, to);
        const Bitboard rook = to > from ? bit(to + 1) | bit(to - 1) : bit(to - 2) | bit(to + 1);
        child.board.types[kRook] ^= rook;
        child.board.colors[kUs] ^= rook;
        child.rights.castling &= castling_kept(from);
        below(child);
    }
};

template <bool white, class Sliders>
std::uint64_t count_leaves(const PerftNode& node, int depth, const Sliders& sliders) {
    if (depth == 1) {
        CountSink sink;
        MoveGenerator<white, Sliders>::generate(node.board, node.rights, sliders, sink);
        return sink.total;
    }
    PerftSink<white, Sliders> sink{node, sliders, depth};
    MoveGenerator<white, Sliders>::generate(node.board, node.rights, sliders, sink);
    return sink.total;
}

}  // namespace zerofleet::chess
