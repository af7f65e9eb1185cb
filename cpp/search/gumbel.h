// Gumbel search (Danihelka et al. 2022, "Policy improvement by planning with Gumbel"): completed
// Q-values, the deterministic choice inside the tree, and sequential halving at the root.
// Arithmetic and defaults are those of mctx, which tests compare with.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "search/mcts_options.h"
#include "search/tree.h"

namespace zerofleet::search {

/// The transformed completed Q-values of a node: sigma(q) of its visited edges and of all others.
struct CompletedQ {
    double shift, factor;  // sigma(q) = (q - shift) * factor
    double mixed;          // the q of every unvisited edge: v_mix, appendix D
    double unvisited_prior;

    double sigma(double q) const { return (q - shift) * factor; }
    double of(const Child& c) const { return sigma(c.visits > 0 ? c.q() : mixed); }
};

/// sigma is (c_visit + largest visit count) * c_scale * q; with `rescale_q`, q is first mapped to
/// [0, 1] by the smallest and the largest of the node's completed values. Shifted so that the
/// largest is 0, which no use of it notices.
inline CompletedQ complete_q(const Node& node, const MctsOptions& options) {
    double weighted = 0.0, visited_prior = 0.0, low = 1e300, high = -1e300;
    std::uint32_t visits = 0, most = 0;
    int visited = 0;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        if (c.visits == 0) continue;
        const double q = c.q();
        ++visited;
        visits += c.visits;
        if (c.visits > most) most = c.visits;
        weighted += c.prior * q;
        visited_prior += c.prior;
        if (q < low) low = q;
        if (q > high) high = q;
    }
    CompletedQ out;
    out.mixed = node.value;
    if (visited_prior > 0)
        out.mixed = (node.value + visits * (weighted / visited_prior)) / (visits + 1.0);
    out.unvisited_prior = 0.0;
    if (visited < node.num_edges) {
        out.unvisited_prior = visited_prior < 1.0 ? 1.0 - visited_prior : 0.0;
        if (out.mixed < low) low = out.mixed;
        if (out.mixed > high) high = out.mixed;
    } else {
        out.mixed = high;  // stands for nothing; far from the others its exponential would overflow
    }
    const double spread = high - low;
    out.factor = (options.c_visit + most) * options.c_scale;
    if (options.rescale_q) out.factor /= spread > 1e-8 ? spread : 1e-8;
    out.shift = high;
    return out;
}

/// Position of the edge whose visits lag most behind the improved policy,
/// argmax pi'(a) - n(a) / (1 + sum n) with pi' = softmax(logits + sigma(completed q)) (section 5).
/// Equals are decided as in `select_puct`. `scratch` holds a number for each child.
inline int select_gumbel_interior(Node& node, std::uint32_t visits, const MctsOptions& options,
                                  double* scratch) {
    if (node.num_children == 0) return next_edge(node);
    const CompletedQ q = complete_q(node, options);
    const double unvisited = std::exp(q.sigma(q.mixed));
    double total = q.unvisited_prior * unvisited;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        if (c.visits > 0) {
            scratch[i] = c.prior * std::exp(q.sigma(c.q()));
            total += scratch[i];
        } else {
            scratch[i] = c.prior * unvisited;  // part of unvisited_prior
        }
    }
    double best_score = -1e300;
    int best = 0;
    for (int i = 0; i < node.num_children; ++i) {
        const Child& c = node.children[i];
        const double score = scratch[i] / total - (c.visits + c.in_flight) / (1.0 + visits);
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    if (node.num_children < node.num_edges) {
        const int next = next_edge(node);
        if (node.priors()[next] * unvisited / total > best_score) best = next;
    }
    return best;
}

/// The visit count that the next simulation's root action must have (Karnin et al. 2013): sweeps
/// over the considered actions, of which the better half stays after each phase.
class SequentialHalving {
  public:
    void start(int num_considered, int num_simulations) {
        num_considered_ = num_considered;
        num_simulations_ = num_simulations;
        rounds_ = std::bit_width(static_cast<unsigned>(num_considered - 1));  // ceil(log2)
        visits_ = position_ = 0;
        sweeps_ = sweeps_of_phase();
    }
    std::uint32_t considered_visits() const { return visits_; }
    /// Counts a simulation; true if it ended a phase, so that the next one must know all values.
    bool advance() {
        if (num_considered_ <= 1) {
            ++visits_;
            return false;
        }
        if (++position_ < num_considered_) return false;
        position_ = 0;
        ++visits_;
        if (--sweeps_ > 0) return false;
        num_considered_ = std::max(2, num_considered_ / 2);
        sweeps_ = sweeps_of_phase();
        return true;
    }

  private:
    int sweeps_of_phase() const {
        return num_considered_ <= 1 ? 0
                                    : std::max(1, num_simulations_ / (rounds_ * num_considered_));
    }
    int num_considered_ = 0, num_simulations_ = 0, rounds_ = 0, position_ = 0, sweeps_ = 0;
    std::uint32_t visits_ = 0;
};

/// What Gumbel search adds to the root for one move. Arrays are by position of the edge.
class GumbelRoot {
  public:
    /// Chooses the `max_considered_actions` edges of largest gumbel + logit and reorders the
    /// unvisited edges (and `raw_priors` with them) so that they come in that order.
    /// `gumbel`: by position.
    void start(Node& root, std::vector<float>& raw_priors, std::vector<double>& gumbel,
               int max_considered, int num_simulations);
    /// Position of the root edge to descend.
    int select(const Node& root, const MctsOptions& options) const;
    /// Counts a simulation; true if the descents in flight must be finished before the next.
    bool advance() { return halving_.advance(); }
    /// The edge to play: of the most visited ones, the largest gumbel + logit + sigma(q).
    int best(const Node& root, const MctsOptions& options) const;
    /// Asks the processor for what `select` reads.
    void prefetch() const;
    /// softmax(logits + sigma(completed q)) of all edges: the policy target.
    void policy(const Node& root, const std::vector<float>& raw_priors, const MctsOptions& options,
                std::vector<float>& out) const;

  private:
    template <class Considered>
    int largest(const Node& root, const MctsOptions& options, Considered considered) const;
    std::uint32_t new_visits(const Node& root, int i) const;

    SequentialHalving halving_;
    std::vector<double> score_;              // gumbel + logit
    std::vector<std::uint32_t> old_visits_;  // kept from earlier moves
    std::vector<int> considered_;            // positions, ascending
};

}  // namespace zerofleet::search
