// PUCT selection (Silver et al. 2017, 2018), first-play urgency, forced playouts and pruning of the
// policy target (Wu 2019, "Accelerating Self-Play Learning in Go", section 3).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "search/mcts_options.h"
#include "search/tree.h"

namespace zerofleet::search {

/// c(n) * sqrt(n) for n visits of the edges of a node: the factor of every exploration term.
/// c(n) = c_puct + log((1 + n + c_puct_base) / c_puct_base), or c_puct if c_puct_base is 0
/// (Schrittwieser et al. 2020, appendix B).
class Exploration {
  public:
    explicit Exploration(const MctsOptions& options)
        : c_puct_(options.c_puct), base_(options.c_puct_base) {
        if (base_ > 0)
            for (std::uint32_t n = 0; n < 4096; ++n) table_.push_back(compute(n));
    }
    double operator()(std::uint32_t n) const {
        if (base_ == 0) return c_puct_ * std::sqrt(static_cast<double>(n));
        return n < table_.size() ? table_[n] : compute(n);
    }

  private:
    double compute(std::uint32_t n) const {
        return (c_puct_ + std::log((1.0 + n + base_) / base_)) * std::sqrt(static_cast<double>(n));
    }
    double c_puct_, base_;
    std::vector<double> table_;
};

/// What a descent knows of the node it stands at.
struct Standing {
    std::uint32_t visits;  // of its edges, those in flight included
    double mean;           // of all values seen at the node, its own included; mover's view
};

/// Position of the edge to descend: the largest Q + c(n) sqrt(n) P / (1 + visits). Edges are
/// compared in the order of their first visit, the first of equals wins, an unvisited one has to be
/// better. An unvisited edge has Q = mean - fpu_reduction * sqrt(sum of P over visited edges). Each
/// descent in flight counts as a visit that lost by `virtual_loss`.
inline int select_puct(Node& node, const Standing& at, double exploration, double fpu_reduction,
                       double virtual_loss) {
    double best_score = -1e300, visited_prior = 0.0;
    int best = 0;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        const double n = static_cast<double>(c.visits + c.in_flight);
        const double q = (c.value_sum - virtual_loss * c.in_flight) / n;
        const double score = q + exploration * c.prior / (1.0 + n);
        visited_prior += c.prior;
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    if (node.num_children < node.num_edges) {
        const int next = next_edge(node);
        const double q = at.mean - fpu_reduction * std::sqrt(visited_prior);
        const double score = q + exploration * node.priors()[next];
        if (score > best_score) best = next;
    }
    return best;
}

/// Visits that a root edge is owed: sqrt(k P n) (Wu 2019, section 3.2).
inline double forced_visits(double k, double prior, std::uint32_t root_visits) {
    return std::sqrt(k * prior * root_visits);
}

/// The first visited root edge that has fewer visits than it is owed, or -1.
inline int select_forced(const Node& root, double k, std::uint32_t root_visits) {
    for (int i = 0; i < root.num_children; ++i) {
        const Child& c = root.children[i];
        if (c.visits + c.in_flight < forced_visits(k, c.prior, root_visits)) return i;
    }
    return -1;
}

/// Visits of the root's children without those that were only forced: from each child but the most
/// visited one, up to sqrt(k P n) are taken as long as its PUCT score stays below that one's; what
/// is left with a single visit gets none (Wu 2019, section 3.2).
inline void pruned_visits(const Node& root, double k, double exploration, std::uint32_t root_visits,
                          std::vector<std::uint32_t>& out) {
    out.clear();
    int best = 0;
    for (int i = 0; i < root.num_children; ++i) {
        out.push_back(root.children[i].visits);
        if (root.children[i].visits > root.children[best].visits) best = i;
    }
    if (out.empty()) return;
    const auto score = [&](const Child& c, double visits) {
        return c.q() + exploration * c.prior / (1.0 + visits);
    };
    const double limit = score(root.children[best], root.children[best].visits);
    for (int i = 0; i < root.num_children; ++i) {
        if (i == best) continue;
        const Child& c = root.children[i];
        const auto forced = static_cast<std::uint32_t>(forced_visits(k, c.prior, root_visits));
        std::uint32_t& visits = out[static_cast<std::size_t>(i)];
        const std::uint32_t least = c.visits - std::min(forced, c.visits);
        while (visits > least && score(c, visits - 1.0) < limit) --visits;
        if (visits <= 1 && c.visits > visits) visits = 0;
    }
}

}  // namespace zerofleet::search
