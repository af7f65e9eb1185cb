// The bits of a byte as eight numbers, by table: what expands packed observations.
#pragma once

#include <array>
#include <cstddef>

namespace zerofleet::bind {

/// [byte][i]: bit i of the byte, as zero or `one`.
template <class T>
constexpr std::array<std::array<T, 8>, 256> bit_table(T one) {
    std::array<std::array<T, 8>, 256> table{};
    for (std::size_t byte = 0; byte < 256; ++byte)
        for (std::size_t i = 0; i < 8; ++i) table[byte][i] = byte >> i & 1 ? one : T{};
    return table;
}

}  // namespace zerofleet::bind
