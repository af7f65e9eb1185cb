#include "search/expectimax.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "base/parallel.h"

namespace zerofleet::search {

namespace {
/// Values that differ by less are equal: far above the rounding of a mean, far below one point.
constexpr double kEqual = 1e-12;
}  // namespace

Expectimax::Expectimax(const AnyGame& game, int score_scalar, int num_moves)
    : game_(&game), score_scalar_(score_scalar), num_moves_(num_moves) {
    const GameInfo& info = game.info();
    if (info.num_players != 1)
        throw std::invalid_argument(info.spec + " has two players; expectimax plays games of one");
    if (score_scalar < 0 || score_scalar >= info.num_scalars)
        throw std::invalid_argument(info.spec + ": score_scalar must be one of its " +
                                    std::to_string(info.num_scalars) + " scalars, got " +
                                    std::to_string(score_scalar));
    if (num_moves < 1)
        throw std::invalid_argument("num_moves must be at least 1, got " +
                                    std::to_string(num_moves));
    planes_.resize((info.plane_bytes() + sizeof(float) - 1) / sizeof(float));
    scalars_.resize(static_cast<std::size_t>(info.num_scalars));
}

std::span<const double> Expectimax::evaluate(const void* state) {
    Level& root = level(0);
    root.state.assign(state);
    const Position position = game_->look(state, root.choices);
    if (position.terminal || position.chance)
        throw std::invalid_argument(game_->info().spec +
                                    ": nobody moves in the position: " + game_->text(state));
    const auto legal = root.choices.actions();
    actions_.assign(legal.begin(), legal.end());
    values_.clear();
    for (const Action action : actions_) {
        Level& next = level(1);
        next.state.assign(state);
        next.state.apply(action);
        values_.push_back(value(1, num_moves_ - 1));
    }
    return values_;
}

Action Expectimax::choose(const void* state) {
    const auto values = evaluate(state);
    const double best = *std::max_element(values.begin(), values.end());
    Action lowest = std::numeric_limits<Action>::max();
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] >= best - kEqual) lowest = std::min(lowest, actions_[i]);
    return lowest;
}

Expectimax::Level& Expectimax::level(std::size_t depth) {
    while (levels_.size() <= depth) levels_.push_back(std::make_unique<Level>(*game_));
    return *levels_[depth];
}

/// Of the state of level `depth`, after which `num_moves` more own moves are looked at.
double Expectimax::value(std::size_t depth, int num_moves) {
    Level& here = level(depth);
    const Position position = game_->look(here.state.get(), here.choices);
    if (position.terminal) return position.value;
    if (!position.chance && num_moves == 0) return score(here.state.get());
    Level& next = level(depth + 1);
    double best = -1e300, sum = 0.0, weight = 0.0;
    for (int i = 0; i < here.choices.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        next.state.assign(here.state.get());
        next.state.apply(here.choices.actions()[at]);
        if (position.chance) {
            const double probability = static_cast<double>(here.choices.probabilities()[at]);
            sum += probability * value(depth + 1, num_moves);
            weight += probability;  // of floats: 1 but for rounding, which would part equal moves
        } else {
            best = std::max(best, value(depth + 1, num_moves - 1));
        }
    }
    return position.chance ? sum / weight : best;
}

double Expectimax::score(const void* state) {
    game_->observe(state, reinterpret_cast<std::uint8_t*>(planes_.data()), scalars_.data());
    return static_cast<double>(scalars_[static_cast<std::size_t>(score_scalar_)]);
}

std::vector<Action> choose_expectimax(const AnyGame& game, std::span<const AnyState> states,
                                      int score_scalar, int num_moves, int threads) {
    std::vector<Action> out(states.size());
    share_indices(threads, static_cast<std::ptrdiff_t>(states.size()), [&](auto next) {
        Expectimax search(game, score_scalar, num_moves);
        for (auto i = next(); i >= 0; i = next()) {
            const auto at = static_cast<std::size_t>(i);
            out[at] = search.choose(states[at].get());
        }
    });
    return out;
}

}  // namespace zerofleet::search
