// Othello (Reversi) on 8 x 8 or 6 x 6 cells.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"
#include "games/grid.h"

namespace zerofleet {

/// Sets of discs. Whatever the size of the board, cell (row, col) is bit row * 8 + col, row 0 at
/// the top; the bits outside a smaller board stay zero.
namespace othello {

using Cells = std::uint64_t;

/// Where `mover` may put a disc: the empty cells that end a line of `other` discs begun by one of
/// `mover`. `board` are all cells.
Cells legal_cells(Cells mover, Cells other, Cells board);
/// The discs of `other` that turn when `mover` puts one on `cell`.
Cells flipped(Cells mover, Cells other, int cell);

}  // namespace othello

template <int N>
struct Othello {
    static_assert(N == 6 || N == 8);
    static constexpr std::string_view kName = "othello";
    static constexpr std::array kOptions = {
        GameOption{"size", 8, 6, 8, 2, "rows and columns of the board"}};
    static constexpr std::array kFixedOptions = {FixedOption{"size", N}};
    static constexpr int kRows = N;
    static constexpr int kCols = N;
    static constexpr Action kPass = N * N;
    static constexpr int kNumActions = N * N + 1;
    static constexpr int kNumPlayers = 2;
    static constexpr int kMaxLegalActions = N * N - 4;     // the centre is never empty
    static constexpr int kMaxPlies = 2 * (N * N - 4) - 1;  // a pass after every disc but the last
    static constexpr int kNumPlanes = 2;                   // mine, theirs
    static constexpr int kNumScalars = 0;
    static constexpr int kNumSymmetries = 8;
    static constexpr int kCellBytes = (N * N + 7) / 8;
    static constexpr int kPackedBytes = 2 * kCellBytes + 1;

    using Cells = othello::Cells;
    static constexpr int bit_of(Action cell) { return cell / N * 8 + cell % N; }
    static constexpr Action cell_of(int bit) { return bit / 8 * N + bit % 8; }

    class State {
      public:
        State() = default;

        int to_play() const { return to_play_; }
        bool is_terminal() const { return over_; }
        /// 1 for the side with more discs.
        Returns<2> returns() const {
            const int lead = std::popcount(cells(0)) - std::popcount(cells(1));
            const auto result = static_cast<float>((lead > 0) - (lead < 0));
            return {result, -result};
        }

        template <class List>
        void legal_actions(List& out) const {
            for (Cells open = legal_; open; open &= open - 1)
                out.push_back(cell_of(std::countr_zero(open)));
            if (legal_ == 0 && !over_) out.push_back(kPass);
        }
        int count_legal_actions() const { return legal_ ? std::popcount(legal_) : !over_; }
        /// A legal action, all equally likely; the game is open.
        Action random_action(Rng& rng) const {
            if (legal_ == 0) return kPass;
            Cells open = legal_;
            for (auto skip = rng.below(static_cast<std::uint32_t>(std::popcount(open))); skip;
                 --skip)
                open &= open - 1;
            return cell_of(std::countr_zero(open));
        }
        bool is_legal(Action a) const {
            if (a == kPass) return legal_ == 0 && !over_;
            return a >= 0 && a < kPass && (legal_ >> bit_of(a) & 1);
        }
        void apply(Action a) {
            Cells turned = 0;
            if (a != kPass) {
                turned = othello::flipped(mover_, other_, bit_of(a));
                turned |= Cells{1} << bit_of(a);
            }
            const Cells before = mover_;
            mover_ = other_ & ~turned;
            other_ = before | turned;
            to_play_ ^= 1;
            find_legal();
        }

        std::uint64_t hash() const {
            return derive_seed(mover_ + to_play_ * 0x9e37'79b9'7f4a'7c15, other_);
        }
        bool operator==(const State&) const = default;

        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int symmetry) const;
        std::string text() const;
        std::string pretty() const;

        /// kPackedBytes bytes: the discs of player 0 (cell row * N + col at bit i % 8 of byte
        /// i / 8; kCellBytes bytes), the same for player 1, the side to move (1 byte).
        void pack(std::uint8_t* out) const;
        /// Throws std::invalid_argument if no such position exists.
        static State unpack(const std::uint8_t* packed);

        // What features, players and notation read.
        Cells cells(int player) const { return player == to_play_ ? mover_ : other_; }

        /// Throws std::invalid_argument for two discs on a cell, one outside the board, or an empty
        /// cell in the centre.
        static State from_cells(Cells player0, Cells player1, int to_play);

      private:
        void find_legal() {
            legal_ = othello::legal_cells(mover_, other_, kBoard);
            over_ = legal_ == 0 && othello::legal_cells(other_, mover_, kBoard) == 0;
        }

        // The start: X (player 0, to move) on e4 and d5 of the 8 x 8 board, O on d4 and e5.
        Cells mover_ = kCentre & ~kCentreO;
        Cells other_ = kCentreO;
        Cells legal_ = kStartLegal;
        std::uint8_t to_play_ = 0;
        bool over_ = false;
    };

    static Action transform_action(Action a, int symmetry) {
        return a == kPass ? kPass : grid::transform_cell(a, N, symmetry);
    }

    /// N rows from the top separated by '/', '.' 'X' 'O', then the side to move.
    static State parse(std::string_view text);
    /// Column letter and row from the top, "f5", or "pass".
    static std::string action_to_text(const State& state, Action a);
    static Action action_from_text(const State& state, std::string_view text);

    static constexpr Cells kBoard = [] {
        Cells all = 0;
        for (Action cell = 0; cell < N * N; ++cell) all |= Cells{1} << bit_of(cell);
        return all;
    }();
    static constexpr int kMiddle = (N / 2 - 1) * 9;  // bit of d4 on the 8 x 8 board
    static constexpr Cells kCentreO = Cells{1} << kMiddle | Cells{1} << (kMiddle + 9);
    static constexpr Cells kCentre =
        kCentreO | Cells{1} << (kMiddle + 1) | Cells{1} << (kMiddle + 8);
    /// Where X may move at the start: d3, c4, f5, e6 of the 8 x 8 board.
    static constexpr Cells kStartLegal = Cells{1} << (kMiddle - 8) | Cells{1} << (kMiddle - 1) |
                                         Cells{1} << (kMiddle + 10) | Cells{1} << (kMiddle + 17);
};

extern template struct Othello<8>;
extern template struct Othello<6>;

}  // namespace zerofleet
