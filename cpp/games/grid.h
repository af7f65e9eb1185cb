// Shared by the games on small grids: symmetries and lines of three.
#pragma once

#include <array>
#include <cstdint>

namespace zerofleet::grid {

/// Image of cell `row * n + col` of an n x n grid under symmetry 0..7 of the square: bit 0 mirrors
/// columns, bit 1 mirrors rows, bit 2 (applied last) transposes. 0 is the identity.
constexpr int transform_cell(int cell, int n, int symmetry) {
    int row = cell / n, col = cell % n;
    if (symmetry & 1) col = n - 1 - col;
    if (symmetry & 2) row = n - 1 - row;
    return symmetry & 4 ? col * n + row : row * n + col;
}

/// The bits of each byte in reverse: a board of eight bits a row with its columns mirrored.
constexpr std::uint64_t mirror_bytes(std::uint64_t x) {
    x = (x >> 1 & 0x5555'5555'5555'5555) | (x & 0x5555'5555'5555'5555) << 1;
    x = (x >> 2 & 0x3333'3333'3333'3333) | (x & 0x3333'3333'3333'3333) << 2;
    return (x >> 4 & 0x0f0f'0f0f'0f0f'0f0f) | (x & 0x0f0f'0f0f'0f0f'0f0f) << 4;
}

constexpr std::array<std::uint16_t, 8> kLinesOfThree = {0b000000111, 0b000111000, 0b111000000,
                                                        0b001001001, 0b010010010, 0b100100100,
                                                        0b100010001, 0b001010100};

/// [m] is true if the 9-bit set m of cells of a 3 x 3 board holds a line of three.
constexpr std::array<bool, 512> kHasLine = [] {
    std::array<bool, 512> table{};
    for (int m = 0; m < 512; ++m)
        for (auto line : kLinesOfThree) table[m] = table[m] || (m & line) == line;
    return table;
}();

/// [m][n]: index of the n-th lowest bit (from 0) of the 9-bit set m; unspecified beyond the last.
constexpr auto kNthBit = [] {
    std::array<std::array<std::uint8_t, 9>, 512> table{};
    for (int m = 0; m < 512; ++m)
        for (int bit = 0, n = 0; bit < 9; ++bit)
            if (m >> bit & 1) table[m][n++] = static_cast<std::uint8_t>(bit);
    return table;
}();

/// Image of a 9-bit set of cells of a 3 x 3 board under each symmetry.
constexpr auto kTransformSet = [] {
    std::array<std::array<std::uint16_t, 512>, 8> table{};
    for (int s = 0; s < 8; ++s)
        for (int m = 0; m < 512; ++m)
            for (int c = 0; c < 9; ++c)
                if (m >> c & 1)
                    table[s][m] |= static_cast<std::uint16_t>(1 << transform_cell(c, 3, s));
    return table;
}();

}  // namespace zerofleet::grid
