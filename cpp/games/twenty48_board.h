// The tiles of 2048: exponents on a square board, how they slide and where there is room.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "base/rng.h"

namespace zerofleet::twenty48 {

/// Directions are actions; numbered as OpenSpiel does.
enum Direction { kUp = 0, kRight = 1, kDown = 2, kLeft = 3 };

/// Slides a line of `n` exponents (0: empty) towards its first cell; `cell(i)` is a reference to
/// the i-th. Equal neighbours merge to one of twice the value, each tile at most once a move.
template <class Cell>
constexpr void slide_line(int n, Cell cell) {
    int filled = 0;          // cells before this one are final but for the last
    bool may_merge = false;  // the last one
    for (int i = 0; i < n; ++i) {
        const std::uint8_t tile = cell(i);
        if (tile == 0) continue;
        cell(i) = 0;
        if (may_merge && cell(filled - 1) == tile) {
            ++cell(filled - 1);
            may_merge = false;
        } else {
            cell(filled++) = tile;
            may_merge = true;
        }
    }
}

/// Any size: one byte a tile, cell row * N + col.
template <int N>
class PlainBoard {
  public:
    int exponent(int cell) const { return tiles_[static_cast<std::size_t>(cell)]; }
    void place(int cell, int exponent) {
        tiles_[static_cast<std::size_t>(cell)] = static_cast<std::uint8_t>(exponent);
    }
    /// Bit set of the empty cells.
    std::uint32_t empty() const {
        std::uint32_t cells = 0;
        for (int i = 0; i < N * N; ++i) cells |= static_cast<std::uint32_t>(!exponent(i)) << i;
        return cells;
    }
    /// Bit set of the directions in which a tile moves or merges.
    unsigned movable() const {
        unsigned found = 0;
        for (int i = 0; i < N * N; ++i) {
            if (i % N) found |= between<kLeft, kRight>(exponent(i - 1), exponent(i));
            if (i >= N) found |= between<kUp, kDown>(exponent(i - N), exponent(i));
        }
        return found;
    }
    void slide(int direction) {
        // Line `line` begins at the side the tiles slide to.
        const bool down = direction == kUp || direction == kDown;
        const bool reversed = direction == kRight || direction == kDown;
        for (int line = 0; line < N; ++line)
            slide_line(N, [&](int i) -> std::uint8_t& {
                const int along = reversed ? N - 1 - i : i;
                return tiles_[static_cast<std::size_t>(down ? along * N + line : line * N + along)];
            });
    }
    std::uint64_t key(std::uint64_t seed) const {
        std::uint64_t key = mix64(seed);
        for (const std::uint8_t tile : tiles_)
            key = (key ^ tile) * 0x0000'0100'0000'01b3;  // FNV-1a
        return key;
    }
    bool operator==(const PlainBoard&) const = default;

  private:
    /// What two neighbours allow: the one before (towards First) and the one after.
    template <int First, int Last>
    static unsigned between(int before, int after) {
        if (before == after) return before ? 1u << First | 1u << Last : 0u;
        return before == 0 ? 1u << First : after == 0 ? 1u << Last : 0u;
    }

    std::array<std::uint8_t, N * N> tiles_{};
};

/// [0]: new rows of four by old ones, both as four bits a tile, first tile lowest, for all slides
/// to the first cell in which nothing reaches 2^16; [1]: the same to the last cell.
extern const std::array<std::array<std::uint16_t, 1 << 16>, 2> kSlideRow;

/// 4 x 4: four bits a tile, a table for rows, and tricks on words for the rest. Tiles beyond 2^15,
/// which do not fit, are marked in `beyond_` and take the slow way.
///
///   bits  0- 3: cell 0, the top left      4- 7: cell 1  ...  60-63: cell 15
class PackedBoard {
  public:
    int exponent(int cell) const {
        return static_cast<int>(tiles_ >> 4 * cell & 15) | (beyond_ >> cell & 1) << 4;
    }
    void place(int cell, int exponent) {
        tiles_ = (tiles_ & ~(Tiles{15} << 4 * cell)) | static_cast<Tiles>(exponent & 15)
                                                           << 4 * cell;
        beyond_ = static_cast<std::uint16_t>((beyond_ & ~(1u << cell)) |
                                             static_cast<unsigned>(exponent >> 4) << cell);
    }
    std::uint32_t empty() const {
        // Gathers every fourth bit.
        Tiles x = ~filled(tiles_) & kOnes;
        x = (x | x >> 3) & 0x0303'0303'0303'0303;
        x = (x | x >> 6) & 0x000f'000f'000f'000f;
        x = (x | x >> 12) & 0x0000'00ff'0000'00ff;
        return static_cast<std::uint32_t>((x | x >> 24) & 0xffff) & ~std::uint32_t{beyond_};
    }
    unsigned movable() const {
        if (beyond_) return unpacked().movable();
        const Tiles here = filled(tiles_), gap = ~here & kOnes;
        // Bits of the left / upper cell of each pair of neighbours.
        constexpr Tiles kAcross = 0x0111'0111'0111'0111, kAlong = 0x0000'1111'1111'1111;
        const Tiles same_across = ~filled(tiles_ ^ tiles_ >> 4) & here & kAcross;
        const Tiles same_along = ~filled(tiles_ ^ tiles_ >> 16) & here & kAlong;
        const auto any = [](Tiles x) { return static_cast<unsigned>(x != 0); };
        return any(same_along | (gap & here >> 16 & kAlong)) << kUp |
               any(same_across | (here & gap >> 4 & kAcross)) << kRight |
               any(same_along | (here & gap >> 16 & kAlong)) << kDown |
               any(same_across | (gap & here >> 4 & kAcross)) << kLeft;
    }
    void slide(int direction) {
        // Two tiles of 2^15 may merge to one that does not fit.
        Tiles full = tiles_ & tiles_ >> 1;
        full &= full >> 2 & kOnes;
        if (beyond_ || (full & (full - 1))) return slide_slowly(direction);
        // Without branches: which way random play and search go cannot be predicted.
        const Tiles along = all_if(direction == kUp || direction == kDown);
        const auto& rows = kSlideRow[direction == kRight || direction == kDown];
        const Tiles x = chosen(along, transposed(tiles_), tiles_);
        const Tiles slid = Tiles{rows[x & 0xffff]} | Tiles{rows[x >> 16 & 0xffff]} << 16 |
                           Tiles{rows[x >> 32 & 0xffff]} << 32 | Tiles{rows[x >> 48]} << 48;
        tiles_ = chosen(along, transposed(slid), slid);
    }
    std::uint64_t key(std::uint64_t seed) const {
        return tiles_ ^ (seed + beyond_) * 0x9e37'79b9'7f4a'7c15;
    }
    bool operator==(const PackedBoard&) const = default;

  private:
    using Tiles = std::uint64_t;
    static constexpr Tiles kOnes = 0x1111'1111'1111'1111;

    static Tiles all_if(bool condition) { return Tiles{0} - static_cast<Tiles>(condition); }
    static Tiles chosen(Tiles mask, Tiles if_all, Tiles if_none) {
        return if_none ^ ((if_none ^ if_all) & mask);
    }
    /// The lowest bit of every tile that is not zero.
    static Tiles filled(Tiles x) {
        x |= x >> 1;
        return (x | x >> 2) & kOnes;
    }
    static Tiles transposed(Tiles x) {
        Tiles t = (x ^ x >> 12) & 0x0000'f0f0'0000'f0f0;
        x ^= t ^ t << 12;
        t = (x ^ x >> 24) & 0x0000'0000'ff00'ff00;
        return x ^ t ^ t << 24;
    }

    PlainBoard<4> unpacked() const;
    void slide_slowly(int direction);

    Tiles tiles_ = 0;
    std::uint16_t beyond_ = 0;
};

template <int N>
using Board = std::conditional_t<N == 4, PackedBoard, PlainBoard<N>>;

}  // namespace zerofleet::twenty48
