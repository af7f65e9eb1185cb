// Neighbours on a square board. Tables of all sizes take seconds to compile: only rules.h includes
// this.
#pragma once

#include "games/go/points.h"

namespace zerofleet::go {

/// What depends on the size of the board alone.
template <int Size>
struct Board {
    static constexpr int kNumPoints = Size * Size;
    using Points = go::Points<Size>;

    static constexpr Points kAll = [] {
        Points b;
        for (int p = 0; p < kNumPoints; ++p) b.set(p);
        return b;
    }();
    static constexpr Points kFirstColumn = [] {
        Points b;
        for (int row = 0; row < Size; ++row) b.set(row * Size);
        return b;
    }();
    static constexpr Points kLastColumn = [] {
        Points b;
        for (int row = 0; row < Size; ++row) b.set(row * Size + Size - 1);
        return b;
    }();

    /// All points next to a point of x. May hold bits beyond the board: intersect the result.
    static constexpr Points neighbours(const Points& x) {
        return (x.template up<1>() - kFirstColumn) | (x.template down<1>() - kLastColumn) |
               x.template up<Size>() | x.template down<Size>();
    }
    /// [p]: the points next to p.
    static constexpr auto kAround = [] {
        std::array<Points, kNumPoints> table;
        for (int p = 0; p < kNumPoints; ++p)
            table[static_cast<std::size_t>(p)] = neighbours(Points::of(p)) & kAll;
        return table;
    }();

    /// All points of `inside` connected with `seed`, which lies in it.
    static constexpr Points flood(Points seed, const Points& inside) {
        while (true) {
            const Points next = (seed | neighbours(seed)) & inside;
            if (next == seed) return seed;
            seed = next;
        }
    }
};

}  // namespace zerofleet::go
