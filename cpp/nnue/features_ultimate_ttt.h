// Features of Ultimate Tic-Tac-Toe: 199 for each view.
#pragma once

#include <array>
#include <bit>

#include "games/ultimate_ttt.h"
#include "nnue/features.h"

namespace zerofleet::nnue {

template <>
struct Features<UltimateTtt> {
    using State = UltimateTtt::State;

    // Layout of the features, in the order of the weights:
    static constexpr int kMine = 0;         // 81 cells with a piece of mine, by action index
    static constexpr int kTheirs = 81;      // 81 cells with a piece of theirs
    static constexpr int kWonMine = 162;    // 9 small boards won by me
    static constexpr int kWonTheirs = 171;  // 9 won by them
    static constexpr int kDrawn = 180;      // 9 full without a line
    static constexpr int kActive = 189;     // 9: the one board that must be played in
    static constexpr int kAnyBoard = 198;   // any open board may be played in, or the game is over

    static constexpr std::string_view kName = "ultimate_ttt/1";
    static constexpr int kCount = 199;
    static constexpr int kMaxActive = 81 + 9 + 1;
    static constexpr int kBucketSpan = 72;
    static constexpr int kMaxPieces = 81;

    // Combined rows. Almost every move is a piece and a change of the active board, and both follow
    // from the action: it was made in board `board_of(a)` (or freely) and sends the opponent to
    // board `cell_of(a)` (or anywhere). So one row per (kind, piece, action) holds all of it:
    //
    //   row = kCount + kind * 162 + piece feature
    //   kind 0: forced -> forced   1: any -> forced   2: forced -> any   (any -> any: piece alone)
    static constexpr int kNumRows = kCount + 3 * 162;

    static std::vector<RowTerm> row_terms(int row) {
        const int kind = (row - kCount) / 162, piece = (row - kCount) % 162, a = piece % 81;
        const int from = kActive + UltimateTtt::board_of(a), to = kActive + UltimateTtt::cell_of(a);
        if (kind == 0 && from == to) return {{piece, 1}};
        return {{piece, 1}, {kind == 2 ? kAnyBoard : to, 1}, {kind == 1 ? kAnyBoard : from, -1}};
    }

    static MoveRows move_rows(const State& before, Action a, const State& after) {
        const bool was_any = before.active_board() == UltimateTtt::kAnyBoard;
        const bool now_any = after.active_board() == UltimateTtt::kAnyBoard;
        const int kind = now_any ? 2 : was_any;  // as above, but any -> any
        const int base = was_any && now_any ? 0 : kCount + kind * 162;
        const int me = before.to_play();
        const int mine = base + kMine + a, theirs = base + kTheirs + a;
        MoveRows rows;
        rows.add(me == 0 ? mine : theirs, me == 0 ? theirs : mine);
        if (after.closed_boards() != before.closed_boards()) {
            const int b = UltimateTtt::board_of(a);
            if (after.drawn_boards() != before.drawn_boards())
                rows.add(kDrawn + b, kDrawn + b);
            else
                rows.add((me == 0 ? kWonMine : kWonTheirs) + b,
                         (me == 0 ? kWonTheirs : kWonMine) + b);
        }
        return rows;
    }

    template <class F>
    static void for_each_active(const State& s, int view, F&& f) {
        for (int side = 0; side < 2; ++side)
            for (int b = 0; b < 9; ++b)
                for (unsigned m = s.cells(view ^ side, b); m; m &= m - 1)
                    f((side ? kTheirs : kMine) + UltimateTtt::action_of(b, std::countr_zero(m)));
        for (unsigned m = s.won_boards(view); m; m &= m - 1) f(kWonMine + std::countr_zero(m));
        for (unsigned m = s.won_boards(view ^ 1); m; m &= m - 1)
            f(kWonTheirs + std::countr_zero(m));
        for (unsigned m = s.drawn_boards(); m; m &= m - 1) f(kDrawn + std::countr_zero(m));
        f(s.active_board() == UltimateTtt::kAnyBoard ? kAnyBoard : kActive + s.active_board());
    }

    static int num_pieces(const State& s) { return s.num_pieces(); }

    static void encode(const State& s, int symmetry, std::uint8_t* stm, std::uint8_t* opp) {
        // Everything is a 9-bit set of the 3 x 3 grid, so one table does all eight symmetries.
        const auto& image = grid::kTransformSet[static_cast<std::size_t>(symmetry)];
        const int me = s.to_play();
        Bits81 cells[2];
        std::uint64_t won[2];
        for (int side = 0; side < 2; ++side) {
            const int player = me ^ side;
            Bits81 set{};
            for (int b = 0; b < 9; ++b) {
                const std::uint64_t m = image[s.cells(player, b)];
                const std::uint64_t spread = (m & 7) | (m & 56) << 6 | (m & 448) << 12;
                set.place(spread, kCorner[static_cast<std::size_t>(symmetry)][b]);
            }
            cells[side] = set;
            won[side] = image[s.won_boards(player)];
        }
        const int active = s.active_board();
        const std::uint64_t drawn = image[s.drawn_boards()];
        const std::uint64_t forced =
            active == UltimateTtt::kAnyBoard ? 1u << 9 : image[1u << active];
        for (int view = 0; view < 2; ++view) {
            const Bits81 &mine = cells[view], &theirs = cells[view ^ 1];
            const std::uint64_t boards =
                won[view] | won[view ^ 1] << 9 | drawn << 18 | forced << 27;  // 37 bits from 162
            const std::uint64_t words[4] = {mine.low, mine.high | theirs.low << 17,
                                            theirs.low >> 47 | theirs.high << 17 | boards << 34,
                                            boards >> 30};
            static_assert(kTheirs == 64 + 17 && kWonMine == 128 + 34 && kAnyBoard == kActive + 9);
            std::uint8_t* out = view ? opp : stm;
            for (int i = 0; i < 25; ++i)
                out[i] = static_cast<std::uint8_t>(words[i / 8] >> (i % 8 * 8));
        }
    }

  private:
    struct Bits81 {
        std::uint64_t low = 0, high = 0;  // bits 0..63 and 64..80
        void place(std::uint64_t bits, int at) {
            if (at < 64) {
                low |= bits << at;
                if (at > 43) high |= bits >> (64 - at);  // 21 bits reach beyond
            } else {
                high |= bits << (at - 64);
            }
        }
    };
    // [symmetry][board]: action index of the top left cell of the board's image
    static constexpr auto kCorner = [] {
        std::array<std::array<std::uint8_t, 9>, 8> table{};
        for (int s = 0; s < 8; ++s)
            for (int b = 0; b < 9; ++b) {
                const int image = grid::transform_cell(b, 3, s);
                table[s][b] = static_cast<std::uint8_t>(image / 3 * 27 + image % 3 * 3);
            }
        return table;
    }();
};

static_assert(HasFeatures<UltimateTtt>);

}  // namespace zerofleet::nnue
