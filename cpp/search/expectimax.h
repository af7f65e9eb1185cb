// Expectimax to a fixed number of own moves, for games of one player that tell the score reached so
// far: the largest mean over what nature does. It knows nothing but the score, which makes it the
// greedy opponent that such games are measured against.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "games/any_game.h"

namespace zerofleet::search {

class Expectimax {
  public:
    /// `score_scalar`: the scalar of an observation that holds the search value of the score so
    /// far. `num_moves`: own moves looked ahead, at least 1; nature's answer to the last is
    /// averaged as well. Throws std::invalid_argument.
    Expectimax(const AnyGame& game, int score_scalar, int num_moves);

    /// The value of each action of `actions()`, on the scale of search. Throws
    /// std::invalid_argument where nobody moves.
    std::span<const double> evaluate(const void* state);
    std::span<const Action> actions() const { return actions_; }

    /// The best action; of equal ones the lowest.
    Action choose(const void* state);

  private:
    /// What one ply of the recursion works on.
    struct Level {
        explicit Level(const AnyGame& game) : state(game), choices(game.info()) {}
        AnyState state;
        Choices choices;
    };

    Level& level(std::size_t depth);
    double value(std::size_t depth, int num_moves);
    double score(const void* state);

    const AnyGame* game_;
    int score_scalar_, num_moves_;
    std::vector<std::unique_ptr<Level>> levels_;
    std::vector<Action> actions_;
    std::vector<double> values_;
    std::vector<float> planes_, scalars_;  // of an observation
};

/// `Expectimax::choose` of each state; `threads` change nothing but the time it takes.
std::vector<Action> choose_expectimax(const AnyGame& game, std::span<const AnyState> states,
                                      int score_scalar, int num_moves, int threads);

}  // namespace zerofleet::search
