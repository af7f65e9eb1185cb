#include "search/uct.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace zerofleet::search {

namespace {
/// C in q + C sqrt(ln N / n) with values in [-1, 1]: 0.7 on the scale of [0, 1], half of the
/// sqrt(2) with which UCB1's bounds hold for any rewards.
constexpr double kExploration = 1.4;
}  // namespace

Uct::Uct(const AnyGame& game, int num_simulations)
    : game_(&game), num_simulations_(num_simulations), state_(game), choices_(game.info()) {
    if (num_simulations < 1)
        throw std::invalid_argument("num_simulations must be at least 1, got " +
                                    std::to_string(num_simulations));
}

ChosenAction Uct::choose(const void* state, std::uint64_t seed) {
    rng_ = Rng(mix64(seed));
    nodes_.assign(1, Node{-1});
    const Position root = game_->look(state, choices_);
    if (root.terminal || root.chance)
        throw std::invalid_argument(game_->info().spec +
                                    ": nobody moves in the position: " + game_->text(state));
    expand(0, false);
    for (int i = 0; i < num_simulations_; ++i) simulate(state);
    const double sign = root.to_play == 1 ? -1.0 : 1.0;
    const auto mean = [&](const Node& n) { return n.visits ? sign * n.sum / n.visits : -2.0; };
    const Node& top = at(0);
    const Node* best = &at(top.first);
    for (std::int32_t i = 1; i < top.num_children; ++i) {
        const Node& child = at(top.first + i);
        if (child.visits > best->visits ||
            (child.visits == best->visits && mean(child) > mean(*best)))
            best = &child;
    }
    return {best->action, static_cast<float>(mean(*best))};
}

/// One descent: to a node that was never visited or ends the game, and from there at random.
void Uct::simulate(const void* root) {
    state_.assign(root);
    path_.assign(1, 0);
    std::int32_t node = 0;
    double value;
    while (true) {
        const Position position = game_->look(state_.get(), choices_);
        if (position.terminal) {
            value = static_cast<double>(position.value);
            break;
        }
        if (at(node).first < 0) {
            if (at(node).visits == 0) {
                value = rollout(position);
                break;
            }
            expand(node, position.chance);
        }
        node = position.chance ? at(node).first + static_cast<std::int32_t>(draw_outcome())
                               : select(at(node), position.to_play);
        path_.push_back(node);
        state_.apply(at(node).action);
    }
    for (const std::int32_t i : path_) {
        ++at(i).visits;
        at(i).sum += value;
    }
}

/// Gives a node its children: the actions of `choices_` in an order drawn here, or its outcomes in
/// the order of their probabilities.
void Uct::expand(std::int32_t node, bool is_chance) {
    const auto actions = choices_.actions();
    const auto first = static_cast<std::int32_t>(nodes_.size());
    at(node).first = first;
    at(node).num_children = static_cast<std::int32_t>(actions.size());
    for (const Action action : actions) nodes_.push_back(Node{action});
    if (is_chance) return;
    for (std::int32_t i = at(node).num_children; i > 1; --i)
        std::swap(at(first + i - 1),
                  at(first + static_cast<std::int32_t>(rng_.below(static_cast<std::uint32_t>(i)))));
}

/// The child with the largest upper confidence bound; those never visited come first.
std::int32_t Uct::select(const Node& node, int to_play) const {
    const double sign = to_play == 1 ? -1.0 : 1.0;
    const double log_visits = std::log(static_cast<double>(std::max(1, node.visits)));
    std::int32_t best = node.first;
    double best_bound = -std::numeric_limits<double>::infinity();
    for (std::int32_t i = node.first; i < node.first + node.num_children; ++i) {
        const Node& child = at(i);
        if (child.visits == 0) return i;
        const double bound =
            sign * child.sum / child.visits + kExploration * std::sqrt(log_visits / child.visits);
        if (bound > best_bound) {
            best_bound = bound;
            best = i;
        }
    }
    return best;
}

/// Which of the outcomes in `choices_`, by their probabilities.
std::size_t Uct::draw_outcome() {
    double point = rng_.uniform();
    const auto probabilities = choices_.probabilities();
    std::size_t i = 0;
    for (; i + 1 < probabilities.size(); ++i)
        if ((point -= static_cast<double>(probabilities[i])) < 0) break;
    return i;
}

/// The value at the end of random play from `state_`, of which `position` and `choices_` are known.
double Uct::rollout(Position position) {
    while (!position.terminal) {
        const auto actions = choices_.actions();
        const std::size_t i = position.chance
                                  ? draw_outcome()
                                  : rng_.below(static_cast<std::uint32_t>(actions.size()));
        state_.apply(actions[i]);
        position = game_->look(state_.get(), choices_);
    }
    return static_cast<double>(position.value);
}

std::vector<ChosenAction> choose_uct(const AnyGame& game, std::span<const AnyState> states,
                                     std::span<const std::uint64_t> seeds, int num_simulations,
                                     int threads) {
    return choose_each<Uct>(game, states, seeds, threads, num_simulations);
}

}  // namespace zerofleet::search
