// UCT with random rollouts (Kocsis and Szepesvari 2006): tree search that needs nothing but the
// rules. Its strength grows with the number of rollouts, which makes it a scale to measure by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"
#include "games/any_game.h"
#include "search/choose.h"

namespace zerofleet::search {

/// One searcher; one thread at a time.
class Uct {
  public:
    /// `num_simulations`: descents of each move, each ends in one rollout; at least 1. Throws
    /// std::invalid_argument.
    Uct(const AnyGame& game, int num_simulations);

    /// The most visited action; of equal ones the one with the larger mean, then the first in an
    /// order drawn by `seed`. Throws std::invalid_argument where nobody moves.
    ChosenAction choose(const void* state, std::uint64_t seed);

  private:
    // The children of a node lie side by side, in an order drawn when the node is expanded.
    struct Node {
        Action action;
        std::int32_t first = -1;  // of its children; -1: not expanded
        std::int32_t num_children = 0;
        std::int32_t visits = 0;
        double sum = 0.0;  // of the values seen, player 0's view
    };

    void simulate(const void* root);
    void expand(std::int32_t node, bool is_chance);
    std::int32_t select(const Node& node, int to_play) const;
    std::size_t draw_outcome();
    double rollout(Position position);
    Node& at(std::int32_t i) { return nodes_[static_cast<std::size_t>(i)]; }
    const Node& at(std::int32_t i) const { return nodes_[static_cast<std::size_t>(i)]; }

    const AnyGame* game_;
    int num_simulations_;
    AnyState state_;
    Choices choices_;
    std::vector<Node> nodes_;
    std::vector<std::int32_t> path_;
    Rng rng_{0};
};

/// `Uct::choose` of each state: search/choose.h.
std::vector<ChosenAction> choose_uct(const AnyGame& game, std::span<const AnyState> states,
                                     std::span<const std::uint64_t> seeds, int num_simulations,
                                     int threads);

}  // namespace zerofleet::search
