#include "search/gumbel.h"

#include <cfloat>
#include <numeric>

namespace zerofleet::search {

void GumbelRoot::start(Node& root, std::vector<float>& raw_priors, std::vector<double>& gumbel,
                       int max_considered, int num_simulations) {
    const int n = root.num_edges;
    const int num_considered = std::min(max_considered, n);
    score_.resize(static_cast<std::size_t>(n));
    const auto at = [](int i) { return static_cast<std::size_t>(i); };
    for (int i = 0; i < n; ++i)
        score_[at(i)] = gumbel[at(i)] + std::log(double{std::max(raw_priors[at(i)], FLT_MIN)});

    // The unvisited edges that may be considered come first, in order; ties go to the lower action.
    float* priors = root.priors();
    std::uint16_t* actions = root.actions();
    const int last = std::min(n, root.num_children + num_considered);
    for (int i = root.num_children; i < last; ++i) {
        int best = i;
        for (int j = i + 1; j < n; ++j)
            if (score_[at(j)] > score_[at(best)] ||
                (score_[at(j)] == score_[at(best)] && actions[j] < actions[best]))
                best = j;
        std::swap(priors[i], priors[best]);
        std::swap(actions[i], actions[best]);
        std::swap(raw_priors[at(i)], raw_priors[at(best)]);
        std::swap(score_[at(i)], score_[at(best)]);
    }
    root.num_ordered = static_cast<std::uint16_t>(n - root.num_children);

    considered_.resize(at(last));
    std::iota(considered_.begin(), considered_.end(), 0);
    const auto better = [&](int a, int b) {
        return score_[at(a)] != score_[at(b)] ? score_[at(a)] > score_[at(b)]
                                              : actions[a] < actions[b];
    };
    std::partial_sort(considered_.begin(), considered_.begin() + num_considered, considered_.end(),
                      better);
    considered_.resize(at(num_considered));
    std::sort(considered_.begin(), considered_.end());

    old_visits_.clear();
    for (int i = 0; i < root.num_children; ++i) old_visits_.push_back(root.children[i].visits);
    halving_.start(num_considered, num_simulations);
}

std::uint32_t GumbelRoot::new_visits(const Node& root, int i) const {
    if (i >= root.num_children) return 0;
    const auto at = static_cast<std::size_t>(i);
    const Child& c = root.children[i];
    return c.visits + c.in_flight - (at < old_visits_.size() ? old_visits_[at] : 0);
}

template <class Considered>
int GumbelRoot::largest(const Node& root, const MctsOptions& options, Considered considered) const {
    const CompletedQ q = complete_q(root, options);
    double best_score = -1e300;
    int best = -1;
    for (const int i : considered_) {
        if (!considered(new_visits(root, i))) continue;
        const double sigma = i < root.num_children ? q.of(root.children[i]) : q.sigma(q.mixed);
        const double score = score_[static_cast<std::size_t>(i)] + sigma;
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

void GumbelRoot::prefetch() const {
    __builtin_prefetch(considered_.data());
    __builtin_prefetch(score_.data());
    __builtin_prefetch(old_visits_.data());
}

int GumbelRoot::select(const Node& root, const MctsOptions& options) const {
    const std::uint32_t wanted = halving_.considered_visits();
    return largest(root, options, [&](std::uint32_t n) { return n == wanted; });
}

int GumbelRoot::best(const Node& root, const MctsOptions& options) const {
    std::uint32_t most = 0;
    for (const int i : considered_) most = std::max(most, new_visits(root, i));
    return largest(root, options, [&](std::uint32_t n) { return n == most; });
}

void GumbelRoot::policy(const Node& root, const std::vector<float>& raw_priors,
                        const MctsOptions& options, std::vector<float>& out) const {
    const CompletedQ q = complete_q(root, options);
    std::vector<double> weight(root.num_edges);
    double total = 0.0;
    for (int i = 0; i < root.num_edges; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double sigma = i < root.num_children ? q.of(root.children[i]) : q.sigma(q.mixed);
        weight[at] = raw_priors[at] * std::exp(sigma);
        total += weight[at];
    }
    out.clear();
    for (const double w : weight) out.push_back(static_cast<float>(w / total));
}

}  // namespace zerofleet::search
