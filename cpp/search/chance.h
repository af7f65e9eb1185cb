// Explicit chance nodes. Outcomes are visited so that their visits stay closest to their
// probabilities (stratified sampling: no random numbers), and the value of a chance node is the
// probability-weighted mean of what its visited outcomes are worth, so that a node all of whose
// outcomes are solved has its exact expectation, whatever the visits.
#pragma once

#include <cstdint>

#include "search/tree.h"

namespace zerofleet::search {

/// Position of the outcome that lags most behind its probability; `visits` of the node so far.
inline int select_outcome(Node& node, std::uint32_t visits) {
    double best_lag = -1e300;
    int best = 0;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        const double lag = c.prior * (visits + 1.0) - (c.visits + c.in_flight);
        if (lag > best_lag) {
            best_lag = lag;
            best = i;
        }
    }
    if (node.num_children < node.num_edges) {
        const int next = next_edge(node);
        if (node.priors()[next] * (visits + 1.0) > best_lag) best = next;
    }
    return best;
}

/// Sum of probability * value over the visited outcomes, divided by their probability.
inline double chance_value(const Node& node) {
    double sum = 0.0, probability = 0.0;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        if (c.visits == 0) continue;
        sum += c.prior * c.q();
        probability += c.prior;
    }
    return sum / probability;
}

}  // namespace zerofleet::search
