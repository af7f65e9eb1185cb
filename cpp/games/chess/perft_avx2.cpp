// Perft with PEXT. Compiled for x86-64-v3, so everything is in an anonymous namespace, as are the
// instantiations of the shared templates, which have this file's type as an argument.
#if defined(__x86_64__)
#include <immintrin.h>

#include "games/chess/perft.h"

namespace zerofleet::chess {

namespace {

/// Attacks of sliders by the bits of their mask, extracted into an index. 860 KB.
class PextSliders {
  public:
    PextSliders() {
        Bitboard* next = attacks_;
        for (Square s = 0; s < 64; ++s) {
            fill(rook_[s], rook_mask(s), s, walk_rook, next);
            fill(bishop_[s], bishop_mask(s), s, walk_bishop, next);
        }
    }
    PextSliders(const PextSliders&) = delete;
    PextSliders& operator=(const PextSliders&) = delete;

    ZF_CHESS_INLINE Bitboard rook(Square s, Bitboard occupied) const {
        return rook_[s].attacks[_pext_u64(occupied, rook_[s].mask)];
    }
    ZF_CHESS_INLINE Bitboard bishop(Square s, Bitboard occupied) const {
        return bishop_[s].attacks[_pext_u64(occupied, bishop_[s].mask)];
    }

  private:
    struct Entry {
        Bitboard mask;
        const Bitboard* attacks;
    };
    static void fill(Entry& entry, Bitboard mask, Square s, Bitboard (*walk)(Square, Bitboard),
                     Bitboard*& next) {
        entry = {mask, next};
        for (std::uint64_t i = 0; i < std::uint64_t{1} << count(mask); ++i)
            *next++ = walk(s, _pdep_u64(i, mask));
    }

    Entry rook_[64];
    Entry bishop_[64];
    Bitboard attacks_[kRookTableSize + kBishopTableSize];
};

}  // namespace

std::uint64_t count_positions_pext(const PerftNode& node, bool white, int depth) {
    static const PextSliders sliders;
    return white ? count_leaves<true>(node, depth, sliders)
                 : count_leaves<false>(node, depth, sliders);
}

}  // namespace zerofleet::chess
#endif
