// UCB1 (Auer et al. 2002) below every node, priors only for the order of first visits. The toy
// search rule of tests/test_contributing.py.
#pragma once

#include <cmath>

#include "search/puct.h"

namespace zerofleet::search {

inline int select_ucb(Node& node, const Standing& at, const MctsOptions& options) {
    if (node.num_children < node.num_edges) return next_edge(node);
    double best_score = -1e300;
    int best = 0;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        const double n = static_cast<double>(c.visits + c.in_flight);
        const double q = (c.value_sum - options.virtual_loss * c.in_flight) / n;
        const double score = q + options.c_puct * std::sqrt(std::log(1.0 + at.visits) / n);
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

}  // namespace zerofleet::search
