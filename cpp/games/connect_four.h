// Connect four on the standard board: six rows, seven columns, four in a line win.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"
#include "games/grid.h"

namespace zerofleet {

struct ConnectFour {
    static constexpr std::string_view kName = "connect_four";
    static constexpr int kRows = 6;
    static constexpr int kCols = 7;
    static constexpr int kNumActions = kCols;
    static constexpr int kNumPlayers = 2;
    static constexpr int kMaxLegalActions = kCols;
    static constexpr int kMaxPlies = kRows * kCols;
    static constexpr int kNumPlanes = 2;  // mine, theirs
    static constexpr int kNumScalars = 0;
    static constexpr int kNumSymmetries = 2;  // identity, left-right mirror
    static constexpr int kPackedBytes = 13;

    // A set of cells is a word with eight bits a row, so that every row has a guard bit that stays
    // zero and lines found by shifting never wrap around:
    //
    //   bit  0  1  2  3  4  5  6 [7]     row 0, the top
    //        8  9 10 11 12 13 14 [15]
    //       ...
    //       40 41 42 43 44 45 46 [47]    row 5, the bottom
    using Cells = std::uint64_t;
    static constexpr int bit_of(int row, int col) { return row * 8 + col; }

    class State {
      public:
        int to_play() const { return num_pieces_ & 1; }
        bool is_terminal() const { return won_ || num_pieces_ == kMaxPlies; }
        Returns<2> returns() const {
            if (!won_) return {0.0f, 0.0f};
            return to_play() == 1 ? Returns<2>{1.0f, -1.0f} : Returns<2>{-1.0f, 1.0f};
        }

        template <class List>
        void legal_actions(List& out) const {
            for (unsigned open = open_columns(); open; open &= open - 1)
                out.push_back(std::countr_zero(open));
        }
        /// A legal action, all equally likely; the game is open.
        Action random_action(Rng& rng) const {
            const unsigned open = ~static_cast<unsigned>(mover_ | other_) & 0x7fu;
            return grid::kNthBit[open][rng.below(static_cast<std::uint32_t>(std::popcount(open)))];
        }
        bool is_legal(Action a) const { return a >= 0 && a < kCols && (open_columns() >> a & 1); }
        void apply(Action column) {
            // The lowest empty cell of the column is its highest clear bit.
            const Cells empty = ~(mover_ | other_) & (kColumn << column);
            const Cells moved = mover_ | Cells{1} << (63 - std::countl_zero(empty));
            mover_ = other_;
            other_ = moved;
            ++num_pieces_;
            won_ = has_four(moved);
        }

        std::uint64_t hash() const { return derive_seed(mover_, other_); }
        bool operator==(const State&) const = default;

        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int symmetry) const;
        std::string text() const;
        std::string pretty() const;

        /// kPackedBytes bytes: 42 bits of player 0's cells (cell row * 7 + col from the top left
        /// at bit i % 8 of byte i / 8; 6 bytes), the same for player 1 (6 bytes), the side to move
        /// (1 byte).
        void pack(std::uint8_t* out) const;
        /// Throws std::invalid_argument if no such position exists.
        static State unpack(const std::uint8_t* packed);

        // What features, players and notation read.
        Cells cells(int player) const { return player == to_play() ? mover_ : other_; }
        /// The same without guard bits: cell row * 7 + col from the top left at that bit.
        std::uint64_t dense_cells(int player) const { return to_dense(cells(player)); }
        /// Bit set of the columns that may be played.
        unsigned open_columns() const {
            return won_ ? 0u : ~static_cast<unsigned>(mover_ | other_) & 0x7fu;
        }
        int num_pieces() const { return num_pieces_; }

        /// Throws std::invalid_argument if no such position exists: a piece with an empty cell
        /// under it, counts that do not fit the side to move, a winner who is to move.
        static State from_cells(Cells player0, Cells player1, int to_play);

      private:
        static constexpr Cells kColumn = 0x0000'0101'0101'0101;
        static constexpr Cells kBoard = 0x0000'7f7f'7f7f'7f7f;

        static bool has_four(Cells x) {
            const Cells across = x & x >> 1, down = x & x >> 8, falling = x & x >> 9,
                        rising = x & x >> 7;
            return ((across & across >> 2) | (down & down >> 16) | (falling & falling >> 18) |
                    (rising & rising >> 14)) != 0;
        }
        static std::uint64_t to_dense(Cells x) {
            std::uint64_t dense = 0;
            for (int row = 0; row < kRows; ++row) dense |= (x >> (8 * row) & 0x7f) << (7 * row);
            return dense;
        }

        // By turn and not by player: swapping two words costs nothing, indexing by player does.
        Cells mover_ = 0;
        Cells other_ = 0;  // of the side that moved last
        std::uint8_t num_pieces_ = 0;
        bool won_ = false;  // by the side that moved last
    };

    static Action transform_action(Action a, int symmetry) {
        return symmetry == 1 ? kCols - 1 - a : a;
    }

    /// Six rows from the top separated by '/', '.' 'X' 'O', then the side to move:
    /// `......./......./......./......./......./...X... O`.
    static State parse(std::string_view text);
    /// The column, 1..7 from the left.
    static std::string action_to_text(const State& state, Action a);
    static Action action_from_text(const State& state, std::string_view text);
};

}  // namespace zerofleet
