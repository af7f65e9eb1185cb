// Tic-tac-toe: three in a row on a 3 x 3 board.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"
#include "games/grid.h"

namespace zerofleet {

struct TicTacToe {
    static constexpr std::string_view kName = "tic_tac_toe";
    static constexpr int kNumActions = 9;
    static constexpr int kNumPlayers = 2;
    static constexpr int kMaxLegalActions = 9;
    static constexpr int kMaxPlies = 9;
    static constexpr int kRows = 3;
    static constexpr int kCols = 3;
    static constexpr int kNumPlanes = 2;  // mine, theirs
    static constexpr int kNumScalars = 0;
    static constexpr int kNumSymmetries = 8;
    static constexpr int kPackedBytes = 5;

    class State {
      public:
        int to_play() const { return num_pieces() & 1; }
        bool is_terminal() const { return winner() >= 0 || empty() == 0; }
        Returns<2> returns() const {
            const int w = winner();
            if (w < 0) return {0.0f, 0.0f};
            return w == 0 ? Returns<2>{1.0f, -1.0f} : Returns<2>{-1.0f, 1.0f};
        }

        template <class List>
        void legal_actions(List& out) const {
            if (is_terminal()) return;
            for (unsigned cells = empty(); cells; cells &= cells - 1)
                out.push_back(std::countr_zero(cells));
        }
        /// A legal action, all equally likely; the game is open.
        Action random_action(Rng& rng) const {
            const unsigned cells = empty();
            return grid::kNthBit[cells]
                                [rng.below(static_cast<std::uint32_t>(std::popcount(cells)))];
        }
        bool is_legal(Action a) const {
            return a >= 0 && a < kNumActions && !is_terminal() && (empty() >> a & 1);
        }
        void apply(Action a) { cells_[to_play()] |= static_cast<std::uint16_t>(1u << a); }

        std::uint64_t hash() const { return derive_seed(cells_[0], cells_[1]); }
        bool operator==(const State&) const = default;

        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int symmetry) const;
        std::string text() const;
        std::string pretty() const;

        /// kPackedBytes bytes: 9 bits of player 0's cells (2 bytes, bit i % 8 of byte i / 8), the
        /// same for player 1 (2 bytes), the side to move (1 byte).
        void pack(std::uint8_t* out) const;
        /// Throws std::invalid_argument if no such position exists.
        static State unpack(const std::uint8_t* packed);

        // What features, players and notation read: 9-bit sets, cell row * 3 + col.
        unsigned cells(int player) const { return cells_[player]; }
        unsigned empty() const { return 0x1ffu & ~static_cast<unsigned>(cells_[0] | cells_[1]); }
        int num_pieces() const { return std::popcount<unsigned>(cells_[0] | cells_[1]); }
        /// Player 0 or 1, or -1.
        int winner() const {
            return grid::kHasLine[cells_[0]] ? 0 : grid::kHasLine[cells_[1]] ? 1 : -1;
        }

        /// Throws std::invalid_argument if no such position exists.
        static State from_cells(unsigned player0, unsigned player1, int to_play);

      private:
        std::uint16_t cells_[2] = {};
    };

    static Action transform_action(Action a, int symmetry) {
        return grid::transform_cell(a, 3, symmetry);
    }

    /// Three rows from the top separated by '/', '.' 'X' 'O', then the side to move: `.../.X./..O
    /// X`.
    static State parse(std::string_view text);
    /// Column letter a..c and row 1..3 from the top: "b2" is the centre.
    static std::string action_to_text(const State& state, Action a);
    static Action action_from_text(const State& state, std::string_view text);
};

}  // namespace zerofleet
