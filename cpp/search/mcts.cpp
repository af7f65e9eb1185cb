#include "search/mcts.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "search/chance.h"

namespace zerofleet::search {

namespace {
/// Nodes a simulation adds: a leaf, and on the way perhaps a chance node.
std::size_t nodes_per_simulation(const AnyGame& game) {
    return game.info().max_chance_outcomes > 0 ? 2 : 1;
}

constexpr std::size_t kBytesPerSimulation = 4096;
constexpr std::size_t kLeastChunks = 4;
}  // namespace

MctsShared::MctsShared(const AnyGame& the_game, const MctsOptions& the_options)
    : game(the_game),
      options((check_options(the_options), the_options)),
      exploration(the_options),
      memory(largest_block(the_game.info())),
      most_simulations(
          std::max(simulations_of(the_options, false), simulations_of(the_options, true))),
      limits(limits_of(most_simulations)) {
    const std::size_t least =
        static_cast<std::size_t>(most_simulations) * nodes_per_simulation(game) + 2;
    if (limits.nodes < least)
        throw std::invalid_argument("max_nodes must be at least " + std::to_string(least) +
                                    " for " + std::to_string(most_simulations) +
                                    " simulations of " + game.info().spec + ", got " +
                                    std::to_string(options.max_nodes));
    const std::size_t least_bytes = kLeastChunks * memory.chunk_bytes();
    if (limits.bytes < least_bytes)
        throw std::invalid_argument(
            "max_tree_kib must be at least " + std::to_string((least_bytes + 1023) / 1024) +
            " for " + game.info().spec + ", got " + std::to_string(options.max_tree_kib));
}

TreeLimits MctsShared::limits_of(int num_simulations) const {
    const auto simulations = static_cast<std::size_t>(num_simulations);
    const std::size_t nodes = simulations * nodes_per_simulation(game) + 2;
    TreeLimits out{static_cast<std::size_t>(options.max_nodes),
                   static_cast<std::size_t>(options.max_tree_kib) * 1024};
    if (options.max_nodes == 0) out.nodes = 8 * nodes;
    if (options.max_tree_kib > 0) return out;
    // A node is a child of its parent; blocks of children double as they grow, so that no more than
    // four are reserved for one in use; up to an eighth of a chunk is left at its end.
    const std::size_t of_node =
        Node::bytes(static_cast<std::size_t>(game.info().max_choices())) + 4 * sizeof(Child);
    out.bytes = std::max(kLeastChunks * memory.chunk_bytes(),
                         std::min(3 * nodes * of_node * 8 / 7, simulations * kBytesPerSimulation));
    return out;
}

Mcts::Mcts(MctsShared& shared) : shared_(&shared), state_(shared.game), tree_(shared.memory) {}

void Mcts::new_game(const void* state, std::uint64_t seed, std::span<const Action> root_actions) {
    state_.assign(state);
    root_actions_.assign(root_actions.begin(), root_actions.end());
    rng_ = Rng(seed);
    total_simulations_ = 0;
    abandon();
}

void Mcts::abandon() {
    tree_.clear();
    set_root(nullptr);
    searching_ = false;
}

/// A new root without what only roots have.
void Mcts::set_root(Node* node) {
    tree_.set_root(node);
    prepared_ = false;
    if (node == nullptr) {
        root_visits_ = 0;
        root_value_sum_ = 0.0;
    }
    pending_.clear();
    steps_.clear();
    walk_ = {};
    in_flight_ = 0;
}

bool Mcts::draw_full() {
    if (shared_->options.selection == Selection::kNone) return true;
    const double p = shared_->options.full_search_probability;
    return p >= 1.0 || rng_.uniform() < p;
}

void Mcts::begin_move(bool fast, std::span<const double> noise, int num_simulations) {
    const MctsOptions& options = shared_->options;
    if (tree_.root() != nullptr && tree_.root()->kind != NodeKind::kDecision)
        throw std::logic_error("Mcts::begin_move where nature moves");
    fast_ = fast;
    budget_ = simulations_of(options, fast);
    if (num_simulations > 0 && options.selection != Selection::kNone) budget_ = num_simulations;
    given_noise_.assign(noise.begin(), noise.end());
    started_ = 0;
    searching_ = true;
    ready_ = false;
    cut_short_ = false;
    sum_depths_ = 0;
    largest_depth_ = 0;
    // Makes room: memory is bounded, whatever was kept.
    limits_ = budget_ > shared_->most_simulations ? shared_->limits_of(budget_) : shared_->limits;
    const std::size_t needed =
        static_cast<std::size_t>(budget_) * nodes_per_simulation(shared_->game) + 1;
    if (tree_.root() != nullptr && (tree_.num_nodes() + needed > limits_.nodes ||
                                    tree_.reserved_bytes() > limits_.bytes / 3 * 2)) {
        tree_.clear();
        set_root(nullptr);
    }
    visits_kept_ = root_visits_ > 0 ? root_visits_ - 1 : 0;
    if (tree_.root() != nullptr) prepare_root();
}

void Mcts::resume(int num_simulations) {
    if (shared_->options.selection == Selection::kGumbel)
        throw std::invalid_argument("a search by Gumbel selection cannot go on; use puct");
    if (shared_->options.selection == Selection::kNone)
        throw std::invalid_argument("without search nothing can go on; use puct");
    if (!done()) throw std::invalid_argument("Mcts::resume before the search is done");
    if (num_simulations > std::numeric_limits<int>::max() - budget_)
        throw std::invalid_argument("Mcts::resume: too many simulations");
    budget_ += num_simulations;
    cut_short_ = false;
}

/// For one more descent.
bool Mcts::has_room() const {
    // The first descent always has: a third of the memory is free, and `max_nodes` is no less than
    // what the options need. A caller who asks for more simulations than that gets fewer.
    return tree_.num_nodes() + nodes_per_simulation(shared_->game) <= limits_.nodes &&
           tree_.reserved_bytes() < limits_.bytes;
}

int Mcts::collect(MctsWorkspace& work, LeafRows& rows, EvalCache* cache) {
    if (!searching_) throw std::logic_error("Mcts::collect before begin_move");
    if (!pending_.empty()) throw std::logic_error("Mcts::collect before give_back");
    const int first_row = rows.size();
    if (tree_.root() == nullptr) {
        work.state.assign(state_.get());
        const Position position = shared_->game.visit(work.state.get(), {}, work.choices,
                                                      rows.next_planes(), rows.next_scalars());
        if (position.to_play < 0)
            throw std::invalid_argument(shared_->game.info().spec +
                                        ": nobody moves in the position to be searched: " +
                                        shared_->game.text(state_.get()));
        if (!root_actions_.empty()) work.choices.assign(root_actions_.data(), root_actions_.size());
        set_root(tree_.add(NodeKind::kPending, position.to_play, work.choices.actions()));
        evaluate(tree_.root(), work, rows, cache);
        if (rows.size() > first_row) return 1;
        finish_round();
    }
    while (started_ < budget_) {
        int leaves = 0;
        while (started_ < budget_ && leaves < shared_->options.leaves_per_round) {
            if (!has_room()) {
                budget_ = started_;
                cut_short_ = true;
                break;
            }
            const Descent descent = descend(work, rows, cache);
            if (descent == Descent::kCollision) break;
            ++started_;
            leaves += descent == Descent::kLeaf;
            if (shared_->options.selection == Selection::kGumbel && gumbel_.advance() && leaves > 0)
                break;
        }
        if (rows.size() > first_row) return rows.size() - first_row;
        finish_round();
    }
    return 0;
}

/// Makes a pending leaf, whose state was just visited into the next row, a row, unless it is known.
Mcts::Pending* Mcts::evaluate(Node* leaf, MctsWorkspace& work, LeafRows& rows, EvalCache* cache) {
    pending_.push_back({leaf, 0, steps_.size(), true, {}});
    Pending& pending = pending_.back();
    if (cache != nullptr) {
        pending.key = row_key({rows.next_planes(), rows.plane_bytes()},
                              {rows.next_scalars(), rows.num_scalars()}, work.choices.actions(),
                              cache->model_version());
        pending.has_row = !cache->find(pending.key, {leaf->priors(), leaf->num_edges}, leaf->value);
    }
    if (pending.has_row) rows.commit(work.choices.actions());
    return &pending;
}

void Mcts::give_back(const float* prior, const float* value, EvalCache* cache) {
    for (const Pending& p : pending_) {
        if (!p.has_row) continue;
        const std::span<const float> priors(prior, p.leaf->num_edges);
        check_evaluation(priors, *value);
        std::copy(priors.begin(), priors.end(), p.leaf->priors());
        p.leaf->value = *value;
        if (cache != nullptr) cache->insert(p.key, priors, *value);
        prior += p.leaf->num_edges;
        ++value;
    }
    finish_round();
}

void Mcts::check_evaluation(std::span<const float> prior, float value) const {
    // Four at a time, so that nothing waits for the one before it.
    float sums[4] = {}, least[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= prior.size(); i += 4)
        for (std::size_t j = 0; j < 4; ++j) {
            sums[j] += prior[i + j];
            least[j] = prior[i + j] < least[j] ? prior[i + j] : least[j];
        }
    for (; i < prior.size(); ++i) {
        sums[0] += prior[i];
        least[0] = prior[i] < least[0] ? prior[i] : least[0];
    }
    const float sum = sums[0] + sums[1] + (sums[2] + sums[3]);
    const float smallest = *std::min_element(least, least + 4);
    if (sum > 0.99f && sum < 1.01f && smallest >= 0.0f && value >= -1.001f && value <= 1.001f)
        return;
    throw std::runtime_error(
        shared_->game.info().spec + ": an evaluation of " + std::to_string(prior.size()) +
        " priors that sum to " + std::to_string(sum) + ", smallest " + std::to_string(smallest) +
        ", and value " + std::to_string(value) +
        "; expected probabilities of the legal actions and a value in [-1, 1]; searched from " +
        shared_->game.text(state_.get()));
}

/// Backs up the leaves of a round, all of which are evaluated, in the order of their descents.
void Mcts::finish_round() {
    for (const Pending& p : pending_) {
        Node& leaf = *p.leaf;
        leaf.kind = NodeKind::kDecision;
        const double value_p0 = leaf.to_play == 0 ? leaf.value : -leaf.value;
        back_up({steps_.data() + p.first_step, p.num_steps}, value_p0);
    }
    pending_.clear();
    steps_.clear();
    if (!ready_) prepare_root();
}

/// Adds a value to all edges of a path, from the leaf up. Passing a chance node it becomes the
/// change of the node's probability-weighted value, so that sums stay sums of what is known now.
void Mcts::back_up(std::span<const Step> steps, double value_p0) {
    const Node* root = tree_.root();
    for (std::size_t i = steps.size(); i-- > 0;) {
        Node& node = *steps[i].node;
        Child& child = node.children[steps[i].edge];
        child.value_sum += node.to_play == 0 ? value_p0 : -value_p0;
        ++child.visits;
        --child.in_flight;
        if (node.kind != NodeKind::kChance) continue;
        const Child& above = steps[i - 1].node->children[steps[i - 1].edge];
        const double mean_p0 = node.to_play == 0 ? chance_value(node) : -chance_value(node);
        const double sum_p0 = steps[i - 1].node->to_play == 0 ? above.value_sum : -above.value_sum;
        value_p0 = mean_p0 * (above.visits + 1.0) - sum_p0;
    }
    ++root_visits_;
    root_value_sum_ += root->to_play == 0 ? value_p0 : -value_p0;
    if (!steps.empty()) {
        --in_flight_;
        ++total_simulations_;
        sum_depths_ += steps.size();
        largest_depth_ = std::max(largest_depth_, static_cast<int>(steps.size()));
    }
}

Mcts::Descent Mcts::descend(MctsWorkspace& work, LeafRows& rows, EvalCache* cache) {
    const AnyGame& game = shared_->game;

    // 1. Select edges down to one that was never visited, to the end of a game, or to a leaf that
    //    another descent of this round waits for.
    if (walk_.node == nullptr) walk_ = {tree_.root(), select_root(), steps_.size()};
    while (walk(work)) {
    }
    auto [node, edge, first_step] = std::exchange(walk_, {});
    if (edge < node->num_children) {
        Child& child = node->children[edge];
        if (child.node->kind == NodeKind::kPending) {
            for (std::size_t i = first_step; i < steps_.size(); ++i)
                --steps_[i].node->children[steps_[i].edge].in_flight;
            steps_.resize(first_step);
            return Descent::kCollision;
        }
        ++child.in_flight;
        steps_.push_back({node, edge});
        return finish(first_step, child.node->value);
    }

    // 2. Play the path and make a node of what is there; at a chance node go on with an outcome.
    work.state.assign(state_.get());
    work.path.clear();
    for (std::size_t i = first_step; i < steps_.size(); ++i)
        work.path.push_back(steps_[i].node->children[steps_[i].edge].action);
    for (;;) {
        Child& child = tree_.add_child(*node);
        ++child.in_flight;
        steps_.push_back({node, edge});
        work.path.push_back(child.action);
        const Position position = game.visit(work.state.get(), work.path, work.choices,
                                             rows.next_planes(), rows.next_scalars());
        if (position.terminal) {
            child.node = tree_.add(NodeKind::kTerminal, -1, {});
            child.node->value = position.value;
            return finish(first_step, position.value);
        }
        if (!position.chance) {
            child.node = tree_.add(NodeKind::kPending, position.to_play, work.choices.actions());
            ++in_flight_;
            Pending* pending = evaluate(child.node, work, rows, cache);
            pending->first_step = first_step;
            pending->num_steps = steps_.size() - first_step;
            return Descent::kLeaf;
        }
        Node* chance = tree_.add(NodeKind::kChance, node->to_play, work.choices.actions());
        std::copy_n(work.choices.probabilities().data(), chance->num_edges, chance->priors());
        chance->salt = static_cast<std::uint32_t>(mix64(game.hash(work.state.get())));
        child.node = chance;
        work.path.clear();  // the state is there already
        node = chance;
        edge = next_edge(*chance);
    }
}

/// Backs up a descent that has met the end of a game.
Mcts::Descent Mcts::finish(std::size_t first_step, double value_p0) {
    ++in_flight_;
    back_up({steps_.data() + first_step, steps_.size() - first_step}, value_p0);
    steps_.resize(first_step);
    return Descent::kFinished;
}

void Mcts::advance(Action action) {
    if (!pending_.empty() || walk_.node != nullptr)
        throw std::logic_error("Mcts::advance in the middle of a round");
    searching_ = false;
    root_actions_.clear();
    const Node* root = tree_.root();
    const Child* kept = nullptr;
    if (root != nullptr && shared_->options.reuse_subtree)
        for (int i = 0; i < root->num_children; ++i)
            if (root->children[i].action == action) kept = &root->children[i];
    state_.apply(action);
    if (kept == nullptr || kept->node->kind == NodeKind::kTerminal) {
        tree_.clear();
        set_root(nullptr);
        return;
    }
    // At a chance node the values are from the view of the player who moved into it.
    const bool same_view = kept->node->to_play == root->to_play;
    root_visits_ = kept->visits;
    root_value_sum_ = same_view ? kept->value_sum : -kept->value_sum;
    tree_.prune_to(kept->node);
    set_root(tree_.root());
}

}  // namespace zerofleet::search
