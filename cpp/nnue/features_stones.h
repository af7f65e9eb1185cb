// Features of games that only put stones on cells: my cells, then theirs, in row-major order from
// the top left. Connect four has 84, tic-tac-toe 18.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "games/connect_four.h"
#include "games/tic_tac_toe.h"
#include "nnue/features.h"

namespace zerofleet::nnue {

/// `Cells::of(state, player)` is the set of a player's cells, cell i at bit i.
template <class Game, class Cells>
struct StoneFeatures {
    using State = typename Game::State;
    static constexpr int kCells = Game::kRows * Game::kCols;
    static_assert(kCells <= 64);

    static constexpr int kCount = 2 * kCells;
    static constexpr int kMaxActive = kCells;
    static constexpr int kBucketSpan = kCells;
    static constexpr int kMaxPieces = kCells;
    static constexpr int kNumRows = kCount;  // a move changes one feature: no combinations

    static std::vector<RowTerm> row_terms(int /*row*/) { return {}; }

    static MoveRows move_rows(const State& before, Action /*a*/, const State& after) {
        const int me = before.to_play();
        const int cell = std::countr_zero(Cells::of(before, me) ^ Cells::of(after, me));
        MoveRows rows;
        rows.add(me == 0 ? cell : kCells + cell, me == 0 ? kCells + cell : cell);
        return rows;
    }

    template <class F>
    static void for_each_active(const State& s, int view, F&& f) {
        for (int side = 0; side < 2; ++side)
            for (std::uint64_t m = Cells::of(s, view ^ side); m; m &= m - 1)
                f(side * kCells + std::countr_zero(m));
    }

    static int num_pieces(const State& s) { return s.num_pieces(); }

    static void encode(const State& s, int symmetry, std::uint8_t* stm, std::uint8_t* opp) {
        if (symmetry != 0) return encode(s.transformed(symmetry), 0, stm, opp);
        std::memset(stm, 0, (kCount + 7) / 8);
        std::memset(opp, 0, (kCount + 7) / 8);
        const auto set = [](std::uint8_t* bits, int f) {
            bits[f / 8] |= static_cast<std::uint8_t>(1u << (f % 8));
        };
        for_each_active(s, s.to_play(), [&](int f) {
            set(stm, f);
            set(opp, f < kCells ? f + kCells : f - kCells);
        });
    }
};

struct ConnectFourCells {
    static std::uint64_t of(const ConnectFour::State& s, int player) {
        return s.dense_cells(player);
    }
};
struct TicTacToeCells {
    static std::uint64_t of(const TicTacToe::State& s, int player) { return s.cells(player); }
};

template <>
struct Features<ConnectFour> : StoneFeatures<ConnectFour, ConnectFourCells> {
    static constexpr std::string_view kName = "connect_four/1";
};
template <>
struct Features<TicTacToe> : StoneFeatures<TicTacToe, TicTacToeCells> {
    static constexpr std::string_view kName = "tic_tac_toe/1";
};

static_assert(HasFeatures<ConnectFour> && HasFeatures<TicTacToe>);

}  // namespace zerofleet::nnue
