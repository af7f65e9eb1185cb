// Hand-written evaluations, one per game: what the players `greedy` and `minimax:N` see, and what
// search and self-play run on without a net. Same scale and same interface as nnue::Evaluator.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "games/connect_four.h"
#include "games/grid.h"
#include "games/registry.h"
#include "games/tic_tac_toe.h"
#include "games/ultimate_ttt.h"
#include "search/score.h"
#include "search/tactics.h"

namespace zerofleet::search {

/// `evaluate(state)`: mover's view, 512 steps a logit, within +-kMaxEval; not for finished games.
template <class Game>
struct Heuristic;

/// A game that alpha-beta plays: one with such an evaluation.
template <class Game>
concept HasHeuristic = requires(const typename Game::State s) {
    { Heuristic<Game>::evaluate(s) } -> std::same_as<int>;
};

/// Names of the games that alpha-beta plays.
std::vector<std::string> alphabeta_games();

/// What a game that alpha-beta does not play throws.
[[noreturn]] void throw_no_heuristic(std::string_view game);

/// Calls `f.template operator()<Game>(options)` for a game that alpha-beta plays. Throws
/// std::invalid_argument for any other.
template <class F>
auto with_alphabeta_game(std::string_view spec, F&& f) {
    using Result = decltype(detail::call_with_game<TicTacToe>(GameOptions(""), f));
    return with_game(spec, [&]<class Game>(const GameOptions& options) -> Result {
        if constexpr (HasHeuristic<Game>)
            return detail::call_with_game<Game>(options, f);
        else
            throw_no_heuristic(options.spec());
    });
}

/// Open lines: a line without opposing pieces counts more the more of ours it has.
template <>
struct Heuristic<TicTacToe> {
    static int evaluate(const TicTacToe::State& s) {
        const int me = s.to_play();
        int score = 60;  // the tempo
        for (const unsigned line : grid::kLinesOfThree) {
            const int mine = std::popcount(s.cells(me) & line);
            const int theirs = std::popcount(s.cells(me ^ 1) & line);
            if (theirs == 0) score += kOpenLine[mine];
            if (mine == 0) score -= kOpenLine[theirs];
        }
        return score;
    }

  private:
    static constexpr int kOpenLine[4] = {0, 60, 240, 0};
};

/// Every window of four cells that only one side can still fill, by the number already filled.
template <>
struct Heuristic<ConnectFour> {
    static int evaluate(const ConnectFour::State& s) {
        const int me = s.to_play();
        const ConnectFour::Cells mine = s.cells(me), theirs = s.cells(me ^ 1);
        int score = 30;  // the tempo
        for (const ConnectFour::Cells window : kWindows) {
            const int a = std::popcount(mine & window), b = std::popcount(theirs & window);
            if (b == 0) score += kOpenWindow[a];
            if (a == 0) score -= kOpenWindow[b];
        }
        return score;
    }

  private:
    static constexpr int kOpenWindow[5] = {0, 12, 60, 260, 0};
    static constexpr int kNumWindows = 24 + 21 + 12 + 12;  // across, down, two diagonals
    static constexpr std::array<ConnectFour::Cells, kNumWindows> kWindows = [] {
        std::array<ConnectFour::Cells, kNumWindows> windows{};
        std::size_t n = 0;
        constexpr int kStep[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
        for (const auto& step : kStep)
            for (int row = 0; row < ConnectFour::kRows; ++row)
                for (int col = 0; col < ConnectFour::kCols; ++col) {
                    const int last_row = row + 3 * step[0], last_col = col + 3 * step[1];
                    if (last_row >= ConnectFour::kRows || last_col < 0 ||
                        last_col >= ConnectFour::kCols)
                        continue;
                    for (int i = 0; i < 4; ++i)
                        windows[n] |= ConnectFour::Cells{1}
                                      << ConnectFour::bit_of(row + i * step[0], col + i * step[1]);
                    ++n;
                }
        return windows;
    }();
};

/// Each small board has a chance of being won by either side, read off its open lines; a line of
/// three boards is worth the product of its chances. So local lines count by the macro lines they
/// serve, a drawn board spoils its lines for both, and centre and corners need no table of their
/// own: they lie on more lines.
template <>
struct Heuristic<UltimateTtt> {
    static int evaluate(const UltimateTtt::State& s) {
        const int me = s.to_play(), opponent = me ^ 1;
        int mine[9], theirs[9];  // chances in 1/64
        const unsigned my_boards = s.won_boards(me), their_boards = s.won_boards(opponent);
        const unsigned drawn = s.drawn_boards(), active = s.legal_boards();
        for (int b = 0; b < 9; ++b) {
            mine[b] = my_boards >> b & 1 ? kCertain : 0;
            theirs[b] = their_boards >> b & 1 ? kCertain : 0;
            if ((my_boards | their_boards | drawn) >> b & 1) continue;
            const auto& chance = kChance[kBase3[s.cells(me, b)] + 2 * kBase3[s.cells(opponent, b)]];
            mine[b] = chance.mine;
            theirs[b] = chance.theirs;
            // The mover may win here at once.
            if ((active >> b & 1) && Tactics<UltimateTtt>::winning_cells(s, me, b) != 0) {
                mine[b] = (mine[b] + 3 * kCertain) / 4;
                theirs[b] /= 4;
            }
        }
        int lines = 0;
        for (const auto& [a, b, c] : kLines)
            lines += mine[a] * mine[b] * mine[c] - theirs[a] * theirs[b] * theirs[c];
        const int tempo = std::has_single_bit(active) ? kTempo : kTempoAnywhere;
        return std::clamp(lines / kLineScale + tempo, -kMaxEval, kMaxEval);
    }

  private:
    static constexpr int kCertain = 64;
    static constexpr int kLineScale = 96;  // two boards won and an even third: about 2 logits
    static constexpr int kTempo = 40, kTempoAnywhere = 160;
    static constexpr std::uint8_t kLines[8][3] = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6},
                                                  {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}};
    struct Chance {
        std::uint8_t mine, theirs;
    };
    /// [m]: the 9-bit set m read as digits 0 and 1 in base 3.
    static constexpr std::array<std::uint16_t, 512> kBase3 = [] {
        std::array<std::uint16_t, 512> table{};
        for (unsigned m = 0; m < 512; ++m)
            for (unsigned c = 0, power = 1; c < 9; ++c, power *= 3)
                if (m >> c & 1) table[m] = static_cast<std::uint16_t>(table[m] + power);
        return table;
    }();
    /// [base 3 cells: 0 empty, 1 mine, 2 theirs]: chances to win an open small board.
    static const std::array<Chance, 19683> kChance;
};

/// The heuristic of a game behind the evaluator interface of the search.
template <class Game>
class GreedyEvaluator {
  public:
    using State = typename Game::State;
    void reset(const State&) {}
    void push(const State&, Action, const State&) {}
    void pop() {}
    int evaluate(const State& s) { return Heuristic<Game>::evaluate(s); }
};

}  // namespace zerofleet::search
