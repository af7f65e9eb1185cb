// The root of a tree: noise, root selection, and what a search found.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "search/mcts.h"
#include "search/noise.h"

namespace zerofleet::search {

/// Adds the noise of the move to the root, which is evaluated.
void Mcts::prepare_root() {
    const MctsOptions& options = shared_->options;
    Node& root = *tree_.root();
    const auto n = static_cast<std::size_t>(root.num_edges);
    if (prepared_) {  // searched before: its edges carry the noise of that search
        std::copy(raw_priors_.begin(), raw_priors_.end(), root.priors());
        for (int i = 0; i < root.num_children; ++i)
            root.children[i].prior = raw_priors_[static_cast<std::size_t>(i)];
    } else {
        raw_priors_.assign(root.priors(), root.priors() + n);
    }
    prepared_ = ready_ = true;
    draw_noise(noise_);
    if (options.selection == Selection::kGumbel) {
        gumbel_.start(root, raw_priors_, noise_, options.max_considered_actions, budget_);
        return;
    }
    root.num_ordered = 0;
    if (noise_.empty()) return;
    const double weight = options.dirichlet_weight;
    for (std::size_t i = 0; i < n; ++i)
        root.priors()[i] = static_cast<float>((1.0 - weight) * raw_priors_[i] + weight * noise_[i]);
    for (int i = 0; i < root.num_children; ++i) root.children[i].prior = root.priors()[i];
}

/// By position of the root's edges; empty if there is none (PUCT).
void Mcts::draw_noise(std::vector<double>& out) {
    const MctsOptions& options = shared_->options;
    const Node& root = *tree_.root();
    out.clear();
    if (!given_noise_.empty()) {
        for (int i = 0; i < root.num_edges; ++i) out.push_back(given_noise_.at(root.actions()[i]));
    } else if (options.selection == Selection::kGumbel) {
        draw_gumbels(rng_, options.gumbel_scale, root.num_edges, out);
    } else if (options.selection == Selection::kPuct && !fast_ && options.dirichlet_weight > 0) {
        const double alpha = options.dirichlet_alpha > 0 ? options.dirichlet_alpha
                                                         : options.dirichlet_total / root.num_edges;
        draw_dirichlet(rng_, alpha, root.num_edges, out);
    }
}

int Mcts::select_root() {
    const MctsOptions& options = shared_->options;
    Node& root = *tree_.root();
    if (options.selection == Selection::kGumbel) return gumbel_.select(root, options);
    const std::uint32_t visits = root_visits_ - 1 + in_flight_;
    if (options.forced_playouts > 0 && !fast_) {
        const int forced = select_forced(root, options.forced_playouts, visits);
        if (forced >= 0) return forced;
    }
    if (root.num_ordered == 0 && root.num_children < root.num_edges)
        order_edges(root, raw_priors_.data());
    const Standing at{visits, root_value_sum_ / root_visits_};
    return select_puct(root, at, shared_->exploration(visits), options.root_fpu_reduction,
                       options.virtual_loss);
}

const MctsResult& Mcts::result() {
    if (!done()) throw std::logic_error("Mcts::result before the search is done");
    const MctsOptions& options = shared_->options;
    const Node& root = *tree_.root();
    MctsResult& r = result_;
    const auto n = static_cast<std::size_t>(root.num_edges);
    r.value = static_cast<float>(root_value_sum_ / root_visits_);
    r.net_value = root.value;
    r.fast = fast_;
    r.num_simulations = budget_;
    r.cut_short = cut_short_;
    r.visits_kept = visits_kept_;
    r.actions.assign(root.actions(), root.actions() + n);
    r.prior = raw_priors_;
    r.visits.assign(n, 0);
    r.q.assign(n, std::numeric_limits<float>::quiet_NaN());
    int best = 0;
    for (int i = 0; i < root.num_children; ++i) {
        const Child& c = root.children[i];
        r.visits[static_cast<std::size_t>(i)] = c.visits;
        r.q[static_cast<std::size_t>(i)] = static_cast<float>(c.q());
        if (c.visits > root.children[best].visits) best = i;
    }
    if (options.selection == Selection::kGumbel) {
        best = gumbel_.best(root, options);
        gumbel_.policy(root, raw_priors_, options, r.policy);
    } else if (options.selection == Selection::kNone) {
        r.policy = raw_priors_;
        best =
            static_cast<int>(std::max_element(r.policy.begin(), r.policy.end()) - r.policy.begin());
    } else {
        std::vector<std::uint32_t>& counts = r.visits;
        std::vector<std::uint32_t> pruned;
        if (options.forced_playouts > 0 && !fast_) {
            pruned_visits(root, options.forced_playouts, shared_->exploration(root_visits_ - 1),
                          root_visits_ - 1, pruned);
            pruned.resize(n, 0);
        }
        const auto& used = pruned.empty() ? counts : pruned;
        double total = 0.0;
        for (const std::uint32_t v : used) total += v;
        r.policy.clear();
        for (const std::uint32_t v : used) r.policy.push_back(static_cast<float>(v / total));
    }
    r.action = root.actions()[best];
    return r;
}

std::vector<Action> Mcts::line(Action first) const {
    std::vector<Action> out;
    const Node* node = tree_.root();
    const Child* next = nullptr;
    for (int i = 0; node != nullptr && i < node->num_children; ++i)
        if (node->children[i].action == first && node->children[i].visits > 0)
            next = &node->children[i];
    while (next != nullptr) {
        out.push_back(next->action);
        node = next->node;
        next = nullptr;
        if (node->kind == NodeKind::kChance) break;
        std::uint32_t most = 0;
        for (int i = 0; i < node->num_children; ++i) {
            if (node->children[i].visits <= most) continue;
            most = node->children[i].visits;
            next = &node->children[i];
        }
    }
    return out;
}

}  // namespace zerofleet::search
