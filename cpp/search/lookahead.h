// Plain minimax over the values of board_value.h, for the games that alpha-beta does not play: what
// the players `greedy` and `minimax:N` are there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "games/any_game.h"
#include "search/board_value.h"
#include "search/choose.h"

namespace zerofleet::search {

/// One searcher; one thread at a time.
class Lookahead {
  public:
    /// `depth`: plies, at least 1. Throws std::invalid_argument, for a game without a value too.
    Lookahead(const AnyGame& game, int depth);

    /// The best action; of equal ones the first in an order drawn by `seed`. A win is the better
    /// the sooner it comes. Throws std::invalid_argument where nobody moves.
    ChosenAction choose(const void* state, std::uint64_t seed);

  private:
    struct Level {
        explicit Level(const AnyGame& game) : state(game), choices(game.info()) {}
        AnyState state;
        Choices choices;
        int to_play = 0;
    };

    int value(int ply, int alpha, int beta);

    const AnyGame* game_;
    int depth_;
    EvaluateBoard evaluate_;
    std::vector<std::unique_ptr<Level>> levels_;
};

/// `Lookahead::choose` of each state: search/choose.h.
std::vector<ChosenAction> choose_lookahead(const AnyGame& game, std::span<const AnyState> states,
                                           std::span<const std::uint64_t> seeds, int depth,
                                           int threads);

}  // namespace zerofleet::search
