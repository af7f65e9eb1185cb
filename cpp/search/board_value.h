// Hand-written values of positions of chess, Othello and Go, for the players `greedy` and
// `minimax:N`, and for games that are stopped for their length. Mover's view, 512 a logit, within
// +-kMaxEval; not for finished games. Tactics are left to the plies that are looked ahead.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <string>
#include <vector>

#include "games/chess/chess.h"
#include "games/go/go.h"
#include "games/othello.h"
#include "search/score.h"

namespace zerofleet::search {

template <class Game>
struct BoardValue;

/// A game that has such a value.
template <class Game>
concept HasBoardValue = requires(const typename Game::State s) {
    { BoardValue<Game>::evaluate(s) } -> std::same_as<int>;
};

/// Material alone: pawn 1, knight and bishop 3, rook 5, queen 9. A pawn is worth 0.4 of a logit.
template <>
struct BoardValue<Chess> {
    static int evaluate(const Chess::State& s) {
        constexpr int kPieces[] = {1, 3, 3, 5, 9};
        const chess::Board& board = s.position().board;
        const int me = s.to_play();
        int lead = 0;
        for (int type = chess::kPawn; type <= chess::kQueen; ++type)
            lead += kPieces[type] *
                    (chess::count(board.of(me, type)) - chess::count(board.of(me ^ 1, type)));
        return std::clamp(lead * 205, -kMaxEval, kMaxEval);
    }
};

/// Corners, the cells that give them away while they are empty, and the number of moves.
template <int N>
struct BoardValue<Othello<N>> {
    using Cells = othello::Cells;
    static int evaluate(const typename Othello<N>::State& s) {
        const Cells mine = s.cells(s.to_play()), theirs = s.cells(s.to_play() ^ 1);
        int score = 0;
        for (const int row : {0, N - 1})
            for (const int col : {0, N - 1}) {
                const int in_row = row ? N - 2 : 1, in_col = col ? N - 2 : 1;
                const Cells corner = cell(row, col);
                score += 400 * lead(mine, theirs, corner);
                if ((mine | theirs) & corner) continue;
                score -= 200 * lead(mine, theirs, cell(in_row, in_col));
                score -= 80 * lead(mine, theirs, cell(row, in_col) | cell(in_row, col));
            }
        score += 40 * (std::popcount(othello::legal_cells(mine, theirs, kBoard)) -
                       std::popcount(othello::legal_cells(theirs, mine, kBoard)));
        // Discs count at the end, which may come soon: much where few cells are left.
        const int empty = N * N - std::popcount(mine | theirs);
        return score + 100 * (std::popcount(mine) - std::popcount(theirs)) / (empty + 1);
    }

  private:
    static constexpr Cells cell(int row, int col) { return Cells{1} << (8 * row + col); }
    static constexpr Cells kBoard = [] {
        Cells all = 0;
        for (int row = 0; row < N; ++row)
            for (int col = 0; col < N; ++col) all |= cell(row, col);
        return all;
    }();
    static int lead(Cells mine, Cells theirs, Cells where) {
        return std::popcount(mine & where) - std::popcount(theirs & where);
    }
};

/// Stones, and empty points next to stones of one side alone. An eye counts a little more than the
/// stone that would fill it.
template <int Size>
struct BoardValue<Go<Size>> {
    static int evaluate(const typename Go<Size>::State& s) {
        const auto& mine = s.stones(s.to_play());
        const auto& theirs = s.stones(s.to_play() ^ 1);
        int score = 60 * (mine.count() - theirs.count());
        s.empty().for_each([&](int p) {
            const int row = p / Size, col = p % Size;
            bool near_mine = false, near_theirs = false;
            const auto look = [&](int q) {
                near_mine |= mine.test(q);
                near_theirs |= theirs.test(q);
            };
            if (row > 0) look(p - Size);
            if (row + 1 < Size) look(p + Size);
            if (col > 0) look(p - 1);
            if (col + 1 < Size) look(p + 1);
            if (near_mine != near_theirs) score += near_mine ? 64 : -64;
        });
        return score;
    }
};

/// Names of the games that have a value.
std::vector<std::string> board_value_games();

/// Evaluates the states of one game behind `AnyGame`.
using EvaluateBoard = int (*)(const void* state);

/// By the game's canonical text; null if it has no value.
EvaluateBoard board_value_of(const std::string& spec);

}  // namespace zerofleet::search
