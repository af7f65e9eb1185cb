// Where pieces attack. Steps (king, knight) and lines are tables; sliding pieces look up their
// attacks by the pieces in their way, found by multiplication ("magic bitboards", Lasse Hansen 2006
// after Gerd Isenberg and Robert Hyatt) or, in perft_avx2.cpp, by the PEXT instruction.
#pragma once

#include <cstdint>

#include "games/chess/types.h"

namespace zerofleet::chess {

/// Attacks on an empty board, and lines between squares.
struct StepTables {
    Bitboard king[64];
    Bitboard knight[64];
    Bitboard rook_rays[64];
    Bitboard bishop_rays[64];
    Bitboard between[64][64];  // strictly between two squares of a line or diagonal, else empty
};
extern const StepTables kSteps;

/// The squares a slider's attacks depend on: its rays without their last squares.
Bitboard rook_mask(Square s);
Bitboard bishop_mask(Square s);
/// Attacks found by walking: what the tables are filled with.
Bitboard walk_rook(Square s, Bitboard occupied);
Bitboard walk_bishop(Square s, Bitboard occupied);

constexpr int kRookTableSize = 102'400;  // sum of 2 ^ (squares of the mask)
constexpr int kBishopTableSize = 5'248;

/// Attacks of sliders by one multiplication and one look-up. 860 KB.
class MagicSliders {
  public:
    MagicSliders();
    MagicSliders(const MagicSliders&) = delete;
    MagicSliders& operator=(const MagicSliders&) = delete;

    ZF_CHESS_INLINE Bitboard rook(Square s, Bitboard occupied) const {
        return look_up(rook_[s], occupied);
    }
    ZF_CHESS_INLINE Bitboard bishop(Square s, Bitboard occupied) const {
        return look_up(bishop_[s], occupied);
    }

  private:
    struct Entry {
        Bitboard mask;
        std::uint64_t magic;
        const Bitboard* attacks;
        int shift;
    };
    ZF_CHESS_INLINE static Bitboard look_up(const Entry& e, Bitboard occupied) {
        return e.attacks[(occupied & e.mask) * e.magic >> e.shift];
    }
    Bitboard* fill(Entry& entry, Square s, bool is_rook, Bitboard* attacks);

    Entry rook_[64];
    Entry bishop_[64];
    Bitboard attacks_[kRookTableSize + kBishopTableSize];
};

/// Built at the first call.
const MagicSliders& magic_sliders();

}  // namespace zerofleet::chess
