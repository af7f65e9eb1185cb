// What alpha-beta needs to know about a game beyond its rules: which moves are forcing, and in
// which order moves are worth trying. Ordering never changes a value, only the time it takes.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "base/fixed_list.h"
#include "games/game.h"
#include "games/grid.h"
#include "games/ultimate_ttt.h"

namespace zerofleet::search {

struct ScoredMove {
    std::int16_t action;
    bool tactical;  // searched by quiescence, never reduced
    std::int32_t order;
};

template <class Game>
using MoveList = FixedList<ScoredMove, Game::kMaxLegalActions>;

/// Brings the best of moves[i..] to position i: a search rarely needs more than the first few.
template <class List>
void pick_best(List& moves, std::size_t i) {
    std::size_t best = i;
    for (std::size_t j = i + 1; j < moves.size(); ++j)
        if (moves[j].order > moves[best].order) best = j;
    std::swap(moves[i], moves[best]);
}

/// The general case: the only forcing moves are those that win the game. Right for any two-player
/// game without chance; games with something better specialise it below.
template <GameType Game>
struct Tactics {
    using State = typename Game::State;
    /// False: a quiet position at depth 0 is one without a winning move.
    static constexpr bool kHasTacticalMoves = false;

    /// A move that wins the game at once, or -1.
    static Action winning_action(const State& s) {
        const int me = s.to_play();
        LegalActions<Game> actions;
        s.legal_actions(actions);
        for (const Action a : actions) {
            State child = s;
            child.apply(a);
            if (child.is_terminal() && child.returns()[static_cast<std::size_t>(me)] > 0) return a;
        }
        return -1;
    }

    /// True if `a` (legal) wins the game or, where the game has them, a small board.
    static bool is_tactical(const State& s, Action a) {
        State child = s;
        child.apply(a);
        return child.is_terminal() && child.returns()[static_cast<std::size_t>(s.to_play())] > 0;
    }

    /// Every legal move with its ordering score. `winning_action(s)` is known to be -1.
    static void moves(const State& s, MoveList<Game>& out) {
        LegalActions<Game> actions;
        s.legal_actions(actions);
        for (const Action a : actions) {
            // The middle of the board first.
            const int off = 2 * (a % Game::kCols) - (Game::kCols - 1);
            out.push_back({static_cast<std::int16_t>(a), false, -(off < 0 ? -off : off)});
        }
    }
    /// The tactical moves only; `winning_action(s)` is known to be -1.
    static void tactical_moves(const State&, MoveList<Game>&) {}

    /// No game from `s` is longer.
    static int max_remaining_plies(const State& s) {
        if constexpr (requires { s.num_pieces(); })
            return Game::kMaxPlies - s.num_pieces();
        else
            return Game::kMaxPlies;
    }
};

/// Ultimate Tic-Tac-Toe: moves that win a small board are tactical.
template <>
struct Tactics<UltimateTtt> {
    using State = UltimateTtt::State;
    static constexpr bool kHasTacticalMoves = true;

    /// [m]: the cells outside the 9-bit set m that complete a line of three with it.
    static constexpr std::array<std::uint16_t, 512> kCompletes = [] {
        std::array<std::uint16_t, 512> table{};
        for (unsigned m = 0; m < 512; ++m)
            for (const unsigned line : grid::kLinesOfThree) {
                const unsigned missing = line & ~m;
                if (std::has_single_bit(missing)) table[m] |= static_cast<std::uint16_t>(missing);
            }
        return table;
    }();

    /// The empty cells of `board` that win it for `player`.
    static unsigned winning_cells(const State& s, int player, int board) {
        return kCompletes[s.cells(player, board)] & s.empty_cells(board);
    }

    static Action winning_action(const State& s) {
        const int me = s.to_play();
        for (unsigned boards = kCompletes[s.won_boards(me)] & s.legal_boards(); boards;
             boards &= boards - 1) {
            const int b = std::countr_zero(boards);
            if (const unsigned cells = winning_cells(s, me, b))
                return UltimateTtt::action_of(b, std::countr_zero(cells));
        }
        return -1;
    }

    static bool is_tactical(const State& s, Action a) {
        const int b = UltimateTtt::board_of(a);
        return winning_cells(s, s.to_play(), b) >> UltimateTtt::cell_of(a) & 1;
    }

    static void moves(const State& s, MoveList<UltimateTtt>& out) {
        const int me = s.to_play(), opponent = me ^ 1;
        // Where the opponent is sent matters more than the cell: [cell] of any small board.
        int sends[9];
        const unsigned closed = s.closed_boards();
        for (int c = 0; c < 9; ++c)
            sends[c] = closed >> c & 1                      ? kSendsAnywhere
                       : winning_cells(s, opponent, c) != 0 ? kSendsToWin
                                                            : 0;
        for (unsigned boards = s.legal_boards(); boards; boards &= boards - 1) {
            const int b = std::countr_zero(boards);
            const unsigned wins = winning_cells(s, me, b);
            const unsigned blocks = winning_cells(s, opponent, b);
            for (unsigned cells = s.empty_cells(b); cells; cells &= cells - 1) {
                const int c = std::countr_zero(cells);
                const bool tactical = wins >> c & 1;
                out.push_back({static_cast<std::int16_t>(UltimateTtt::action_of(b, c)), tactical,
                               sends[c] + (tactical ? kWinsBoard : 0) +
                                   (blocks >> c & 1 ? kBlocksBoard : 0)});
            }
        }
    }

    static void tactical_moves(const State& s, MoveList<UltimateTtt>& out) {
        const int me = s.to_play();
        for (unsigned boards = s.legal_boards(); boards; boards &= boards - 1) {
            const int b = std::countr_zero(boards);
            for (unsigned cells = winning_cells(s, me, b); cells; cells &= cells - 1)
                out.push_back(
                    {static_cast<std::int16_t>(UltimateTtt::action_of(b, std::countr_zero(cells))),
                     true, 0});
        }
    }

    static int max_remaining_plies(const State& s) {
        int plies = 0;
        for (unsigned open = 0x1ff & ~s.closed_boards(); open; open &= open - 1)
            plies += std::popcount(s.empty_cells(std::countr_zero(open)));
        return plies;
    }

  private:
    // In units of history counts.
    static constexpr int kWinsBoard = 20000, kBlocksBoard = 600, kSendsToWin = -1500,
                         kSendsAnywhere = -3000;
};

}  // namespace zerofleet::search
