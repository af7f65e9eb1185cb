// Reading and writing boards of '.', 'X' and 'O': rows from the top separated by '/', a space, the
// side to move. X is player 0 and moves first in every game that uses this.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/text.h"

namespace zerofleet::grid {

constexpr char kPiece[2] = {'X', 'O'};

/// What a position text that names no position throws.
/// `expected` describes the whole format, so that the message is enough to repair the text.
inline std::invalid_argument bad_text(std::string_view game, const std::string& why,
                                      std::string_view text, std::string_view expected) {
    return std::invalid_argument(std::string(game) + ": " + why + " in " + quoted(text) +
                                 "; expected " + std::string(expected));
}

/// What a move text that names no legal move throws.
inline std::invalid_argument bad_action(std::string_view game, std::string_view text,
                                        std::string_view expected) {
    return std::invalid_argument(std::string(game) + ": expected " + std::string(expected) +
                                 ", got " + quoted(text, 40));
}

/// Writes `rows` rows of `cols` cells; piece(row, col) is 0, 1 or -1 for an empty cell.
template <class Piece>
std::string rows_to_text(int rows, int cols, Piece piece) {
    std::string out;
    for (int row = 0; row < rows; ++row) {
        if (row) out += '/';
        for (int col = 0; col < cols; ++col) {
            const int p = piece(row, col);
            out += p < 0 ? '.' : kPiece[p];
        }
    }
    return out;
}

/// Characters of `rows_to_text`.
constexpr std::size_t rows_size(int rows, int cols) {
    return static_cast<std::size_t>(rows * (cols + 1) - 1);
}

/// Reads what `rows_to_text` wrote from the start of `text`, which is at least that long; calls
/// put(player, row, col) for every piece. Throws std::invalid_argument (a bare reason) otherwise.
template <class Put>
void rows_from_text(std::string_view text, int rows, int cols, Put put) {
    for (int row = 0; row < rows; ++row) {
        for (int col = 0; col < cols; ++col) {
            const char ch = text[static_cast<std::size_t>(row * (cols + 1) + col)];
            if (ch == kPiece[0] || ch == kPiece[1])
                put(ch == kPiece[1] ? 1 : 0, row, col);
            else if (ch != '.')
                throw std::invalid_argument("unknown piece in row " + std::to_string(row + 1));
        }
        if (row + 1 < rows && text[static_cast<std::size_t>(row * (cols + 1) + cols)] != '/')
            throw std::invalid_argument("missing '/' after row " + std::to_string(row + 1));
    }
}

/// Player of a side letter; throws std::invalid_argument (a bare reason).
inline int side_from_text(char ch) {
    if (ch != kPiece[0] && ch != kPiece[1]) throw std::invalid_argument("unknown side to move");
    return ch == kPiece[1] ? 1 : 0;
}

/// Writes the lowest NumBytes bytes of `bits`, lowest first, whatever the machine's byte order.
template <int NumBytes>
void store_bits(std::uint64_t bits, std::uint8_t* out) {
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(out, &bits, NumBytes);
    else
        for (int i = 0; i < NumBytes; ++i) out[i] = static_cast<std::uint8_t>(bits >> (8 * i));
}

/// The reverse of `store_bits`.
template <int NumBytes>
std::uint64_t load_bits(const std::uint8_t* in) {
    std::uint64_t bits = 0;
    for (int i = 0; i < NumBytes; ++i) bits |= static_cast<std::uint64_t>(in[i]) << (8 * i);
    return bits;
}

/// Player whose move it is in a packed position; throws std::invalid_argument.
inline int side_from_byte(std::uint8_t byte) {
    if (byte > 1)
        throw std::invalid_argument("side to move is " + std::to_string(byte) +
                                    "; expected 0 or 1");
    return byte;
}

/// Throws std::invalid_argument unless the pieces fit alternating moves that player 0 began.
inline void check_counts(int num_player0, int num_player1, int to_play) {
    if (num_player0 - num_player1 != to_play)
        throw std::invalid_argument(std::to_string(num_player0) + " X and " +
                                    std::to_string(num_player1) + " O with " + kPiece[to_play] +
                                    " to move");
}

}  // namespace zerofleet::grid
