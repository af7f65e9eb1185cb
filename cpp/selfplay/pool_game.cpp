#include "selfplay/pool_game.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <sstream>
#include <stdexcept>

namespace zerofleet::selfplay {

namespace {

/// Streams of random numbers of one game; openings take those from kOpenings on.
enum Stream : std::uint64_t { kTree, kMoves, kOpenings };

constexpr int kOpeningAttempts = 64;

/// An index with probability proportional to its weight; weights are not all zero.
template <class Weights>
std::size_t draw(const Weights& weights, Rng& rng) {
    double total = 0.0;
    for (const auto w : weights) total += static_cast<double>(w);
    double point = rng.uniform() * total;
    std::size_t last = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (!(weights[i] > 0)) continue;
        last = i;
        if ((point -= static_cast<double>(weights[i])) < 0) break;
    }
    return last;
}

}  // namespace

void check_options(const PlayOptions& o) {
    const auto require = [](bool ok, const char* name, const char* expected, auto value) {
        if (ok) return;
        std::ostringstream message;
        message << name << " must be " << expected << ", got " << value;
        throw std::invalid_argument(message.str());
    };
    require(o.num_random_plies >= 0, "num_random_plies", "at least 0", o.num_random_plies);
    require(o.temperature >= 0 && o.temperature <= 100, "temperature", "in [0, 100]",
            o.temperature);
    require(o.temperature_plies >= 0, "temperature_plies", "at least 0", o.temperature_plies);
    require(o.final_temperature >= 0 && o.final_temperature <= 100, "final_temperature",
            "in [0, 100]", o.final_temperature);
    require(o.resign_below >= -1 && o.resign_below <= 0, "resign_below", "in [-1, 0]",
            o.resign_below);
    require(o.resign_moves >= 1, "resign_moves", "at least 1", o.resign_moves);
    require(o.resign_play_on >= 0 && o.resign_play_on <= 1, "resign_play_on", "in [0, 1]",
            o.resign_play_on);
    require(o.max_plies >= 0, "max_plies", "at least 0", o.max_plies);
}

void PoolGame::start(const void* initial, std::int64_t number, std::uint64_t seed,
                     PoolWorkspace& work) {
    rng_ = Rng(derive_seed(seed, kMoves));
    plays_on_ = rng_.uniform() < options_->resign_play_on;
    would_resign_ = -1;
    num_hopeless_[0] = num_hopeless_[1] = 0;
    num_moves_ = 0;
    num_counted_ = 0;
    over_ = false;
    // Where every attempt ends the game, shorter openings are tried.
    bool opened = false;
    for (int plies = options_->num_random_plies; !opened; --plies)
        for (int i = 0; !opened && i < kOpeningAttempts; ++i) {
            const auto attempt = static_cast<std::uint64_t>(plies) * kOpeningAttempts +
                                 static_cast<std::uint64_t>(i);
            opened = try_opening(initial, plies, Rng(derive_seed(seed, kOpenings + attempt)), work);
        }
    log_.game_number = number;
    tree_.new_game(work.search.state.get(), derive_seed(seed, kTree));
    proceed(work);
}

/// Plays so many moves of the players at random, in `work.search.state`; false if the game ends.
bool PoolGame::try_opening(const void* initial, int num_plies, Rng rng, PoolWorkspace& work) {
    const AnyGame& game = shared_->game;
    AnyState& state = work.search.state;
    Choices& choices = work.search.choices;
    state.assign(initial);
    log_.clear();
    while (num_plies > 0) {
        const Position position = game.look(state.get(), choices);
        if (position.terminal) return false;
        const auto picked =
            position.chance ? draw(choices.probabilities(), rng)
                            : std::size_t{rng.below(static_cast<std::uint32_t>(choices.size()))};
        const Action action = choices.actions()[picked];
        log_.add(action, position.chance ? kPlyChance : kPlyRandomOpening, GameLog::kNoValue);
        state.apply(action);
        num_plies -= !position.chance;
    }
    return log_.num_plies() == 0 || !game.look(state.get(), choices).terminal;
}

int PoolGame::collect(PoolWorkspace& work, search::LeafRows& rows, search::EvalCache* cache) {
    while (!over_) {
        const int count = tree_.collect(work.search, rows, cache);
        work.num_simulations += tree_.num_simulations() - num_counted_;
        num_counted_ = tree_.num_simulations();
        if (count > 0) return count;
        play_move(work);
    }
    return 0;
}

/// Lets nature move and begins the search of the next move, or ends the game.
void PoolGame::proceed(PoolWorkspace& work) {
    const AnyGame& game = shared_->game;
    Choices& choices = work.search.choices;
    for (;;) {
        const Position position = game.look(tree_.state().get(), choices);
        if (position.terminal)
            return end(position.length_bound ? Termination::kLengthBound : Termination::kPlayedOut,
                       true);
        const auto max_plies = static_cast<std::size_t>(options_->max_plies);
        if (max_plies > 0 && log_.num_plies() >= max_plies)
            return end(Termination::kLengthBound, false, ahead(position.to_play));
        if (!position.chance) {
            to_play_ = position.to_play;
            tree_.begin_move();
            return;
        }
        const Action outcome = choices.actions()[draw(choices.probabilities(), rng_)];
        log_.add(outcome, kPlyChance, GameLog::kNoValue);
        tree_.advance(outcome);
    }
}

void PoolGame::play_move(PoolWorkspace& work) {
    const search::MctsResult& result = tree_.result();
    ++(result.fast ? work.num_fast : work.num_full);
    work.num_cut += result.cut_short;

    // Ascending by action, as records are.
    work.order.resize(result.actions.size());
    std::iota(work.order.begin(), work.order.end(), std::size_t{0});
    std::sort(work.order.begin(), work.order.end(),
              [&](std::size_t a, std::size_t b) { return result.actions[a] < result.actions[b]; });
    work.actions.clear();
    work.policy.clear();
    for (const std::size_t i : work.order) {
        work.actions.push_back(result.actions[i]);
        work.policy.push_back(result.policy[i]);
    }

    const bool searched = shared_->options.selection != search::Selection::kNone;
    if (!searched) temper(work.policy);
    const std::size_t chosen =
        searched ? choose(result, work.actions, work.policy) : draw(work.policy, rng_);
    const Action action = work.actions[chosen];
    const unsigned flags = result.fast ? kPlyFastSearch : kPlyPolicyTarget | kPlyValueTarget;
    // Means of values in [-1, 1] may be off by their rounding.
    log_.add(action, flags, std::clamp(result.value, -1.0f, 1.0f));
    if (!result.fast) log_.add_policy(work.actions, work.policy);
    ++num_moves_;

    const bool resigns = wants_to_resign(result, result.q[work.order[chosen]]);
    tree_.advance(action);
    // The move that was found is played first, so that its search is part of the record.
    if (resigns && !shared_->game.look(tree_.state().get(), work.search.choices).terminal)
        return end(Termination::kResigned, false, 1 - to_play_);
    proceed(work);
}

double PoolGame::temperature() const {
    const PlayOptions& o = *options_;
    if (num_moves_ >= o.temperature_plies) return o.final_temperature;
    if (!o.temperature_falls) return o.temperature;
    return o.temperature + (o.final_temperature - o.temperature) * num_moves_ / o.temperature_plies;
}

void PoolGame::temper(std::vector<float>& policy) const {
    // What learns from the move has to know how probable it was, so what records leave out is not
    // played either.
    const double t = temperature();
    const float most = *std::max_element(policy.begin(), policy.end());
    double total = 0.0;
    bool has_best = false;  // the first of equals
    for (float& p : policy) {
        if (t > 0) {
            p = static_cast<float>(std::pow(static_cast<double>(p) / most, 1.0 / t));
            if (p < kLeastOfLargest) p = 0.0f;
        } else {
            p = p == most && !has_best ? 1.0f : 0.0f;
            has_best = has_best || p > 0;
        }
        total += static_cast<double>(p);
    }
    for (float& p : policy) p = static_cast<float>(p / total);
}

std::size_t PoolGame::choose(const search::MctsResult& result, std::span<const Action> actions,
                             std::span<const float> policy) {
    const double t = temperature();
    if (t <= 0)
        return static_cast<std::size_t>(
            std::lower_bound(actions.begin(), actions.end(), result.action) - actions.begin());
    if (t == 1.0) return draw(policy, rng_);
    const float most = *std::max_element(policy.begin(), policy.end());
    std::vector<double> weights;
    for (const float p : policy)
        weights.push_back(p > 0 ? std::pow(static_cast<double>(p) / most, 1.0 / t) : 0.0);
    return draw(weights, rng_);
}

bool PoolGame::wants_to_resign(const search::MctsResult& result, float value_played) {
    const double below = options_->resign_below;
    if (below <= -1.0 || shared_->game.info().num_players != 2) return false;
    // NaN, a move without a visit, is no reason to go on.
    const bool hopeless = result.value < below && !(value_played >= below);
    int& in_a_row = num_hopeless_[to_play_];
    in_a_row = hopeless ? in_a_row + 1 : 0;
    if (in_a_row < options_->resign_moves || would_resign_ >= 0) return false;
    would_resign_ = to_play_;
    return !plays_on_;
}

int PoolGame::ahead(int to_play) const {
    if (evaluate_ == nullptr) return -1;
    const int score = evaluate_(tree_.state().get());
    if (std::abs(score) < search::kEvalPerLogit) return -1;
    return score > 0 ? to_play : 1 - to_play;
}

void PoolGame::end(Termination why, bool by_the_rules, int winner) {
    over_ = true;
    log_.termination = why;
    const AnyGame& game = shared_->game;
    log_.returns.clear();
    if (by_the_rules || game.info().num_players == 1)
        return game.returns(tree_.state().get(), log_.returns);
    log_.returns.assign(2, 0.0f);
    if (winner < 0) return;
    log_.returns[static_cast<std::size_t>(winner)] = 1.0f;
    log_.returns[static_cast<std::size_t>(1 - winner)] = -1.0f;
}

}  // namespace zerofleet::selfplay
