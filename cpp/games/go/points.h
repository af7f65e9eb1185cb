// Sets of board points as a few machine words.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "games/grid.h"

namespace zerofleet::go {

/// A set of points: point row * size + col from the top left at bit p % 64 of word p / 64. A plane
/// of the observation is these words as they are. Loops over words have constant bounds and unroll.
template <int NumWords>
struct Bits {
    std::array<std::uint64_t, NumWords> words{};

    static constexpr Bits of(int point) {
        Bits b;
        b.words[static_cast<std::size_t>(point >> 6)] = std::uint64_t{1} << (point & 63);
        return b;
    }
    constexpr bool test(int point) const {
        return words[static_cast<std::size_t>(point >> 6)] >> (point & 63) & 1;
    }
    constexpr void set(int point) {
        words[static_cast<std::size_t>(point >> 6)] |= std::uint64_t{1} << (point & 63);
    }
    constexpr void clear(int point) {
        words[static_cast<std::size_t>(point >> 6)] &= ~(std::uint64_t{1} << (point & 63));
    }
    constexpr bool any() const {
        std::uint64_t all = 0;
        for (const auto w : words) all |= w;
        return all != 0;
    }
    constexpr int count() const {
        int n = 0;
        for (const auto w : words) n += std::popcount(w);
        return n;
    }
    /// Two points or more. Cheaper than counting.
    constexpr bool more_than_one() const {
        std::uint64_t seen = 0, more = 0;
        for (const auto w : words) {
            more |= (w & (w - 1)) | (seen != 0 && w != 0);
            seen |= w;
        }
        return more != 0;
    }
    /// The lowest point; the set is not empty.
    constexpr int first() const {
        for (int i = 0; i < NumWords - 1; ++i)
            if (words[static_cast<std::size_t>(i)])
                return i * 64 + std::countr_zero(words[static_cast<std::size_t>(i)]);
        return (NumWords - 1) * 64 + std::countr_zero(words[NumWords - 1]);
    }
    template <class F>
    constexpr void for_each(F f) const {
        for (int i = 0; i < NumWords; ++i)
            for (auto w = words[static_cast<std::size_t>(i)]; w; w &= w - 1)
                f(i * 64 + std::countr_zero(w));
    }
    /// The n-th lowest point, n from 0; the set has more than n.
    int nth(int n) const {
        int i = 0;
        for (int here; i < NumWords - 1; ++i, n -= here) {
            here = std::popcount(words[static_cast<std::size_t>(i)]);
            if (n < here) break;
        }
        return i * 64 + nth_bit(words[static_cast<std::size_t>(i)], n);
    }

    friend constexpr Bits operator&(Bits a, const Bits& b) {
        for (std::size_t i = 0; i < NumWords; ++i) a.words[i] &= b.words[i];
        return a;
    }
    friend constexpr Bits operator|(Bits a, const Bits& b) {
        for (std::size_t i = 0; i < NumWords; ++i) a.words[i] |= b.words[i];
        return a;
    }
    /// Points of a that are not in b.
    friend constexpr Bits operator-(Bits a, const Bits& b) {
        for (std::size_t i = 0; i < NumWords; ++i) a.words[i] &= ~b.words[i];
        return a;
    }
    constexpr Bits& operator|=(const Bits& b) { return *this = *this | b; }
    constexpr Bits& operator&=(const Bits& b) { return *this = *this & b; }
    constexpr Bits& operator-=(const Bits& b) { return *this = *this - b; }
    bool operator==(const Bits&) const = default;

    /// Every point moved by a constant 0 < Distance < 64, towards higher or lower bits.
    template <int Distance>
    constexpr Bits up() const {
        Bits out;
        for (std::size_t i = NumWords - 1; i > 0; --i)
            out.words[i] = words[i] << Distance | words[i - 1] >> (64 - Distance);
        out.words[0] = words[0] << Distance;
        return out;
    }
    template <int Distance>
    constexpr Bits down() const {
        Bits out;
        for (std::size_t i = 0; i + 1 < NumWords; ++i)
            out.words[i] = words[i] >> Distance | words[i + 1] << (64 - Distance);
        out.words[NumWords - 1] = words[NumWords - 1] >> Distance;
        return out;
    }

  private:
    /// Index of the n-th lowest set bit of w: byte by prefix sums, the bit in it by table.
    static int nth_bit(std::uint64_t w, int n) {
        constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101, kHigh = kOnes << 7;
        std::uint64_t s = w - (w >> 1 & 0x5555'5555'5555'5555);
        s = (s & 0x3333'3333'3333'3333) + (s >> 2 & 0x3333'3333'3333'3333);
        s = ((s + (s >> 4)) & 0x0f0f'0f0f'0f0f'0f0f) * kOnes;  // byte i: bits in bytes 0..i
        // The high bit of byte i stays if that sum is at most n: count them, then shift.
        const auto rank = static_cast<std::uint64_t>(n);
        const int byte = std::popcount(((rank * kOnes | kHigh) - s) & kHigh);
        const int before = static_cast<int>((s << 8) >> (8 * byte) & 0xff);
        return 8 * byte + grid::kNthBit[w >> (8 * byte) & 0xff][n - before];
    }
};

/// A set of points of a board.
template <int Size>
using Points = Bits<(Size * Size + 63) / 64>;

}  // namespace zerofleet::go
