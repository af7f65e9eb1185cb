#include "search/lookahead.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/rng.h"
#include "search/score.h"

namespace zerofleet::search {

Lookahead::Lookahead(const AnyGame& game, int depth)
    : game_(&game), depth_(depth), evaluate_(board_value_of(game.info().spec)) {
    if (evaluate_ == nullptr)
        throw std::invalid_argument(game.info().spec + " has no hand-written value of a position");
    if (depth < 1)
        throw std::invalid_argument("depth must be at least 1 ply, got " + std::to_string(depth));
    for (int i = 0; i <= depth; ++i) levels_.push_back(std::make_unique<Level>(game));
}

ChosenAction Lookahead::choose(const void* state, std::uint64_t seed) {
    Level& root = *levels_[0];
    root.state.assign(state);
    const Position position = game_->look(state, root.choices);
    if (position.terminal || position.chance)
        throw std::invalid_argument(game_->info().spec +
                                    ": nobody moves in the position: " + game_->text(state));
    root.to_play = position.to_play;
    const auto legal = root.choices.actions();
    std::vector<Action> actions(legal.begin(), legal.end());
    Rng rng(mix64(seed));
    for (std::size_t i = actions.size(); i > 1; --i)
        std::swap(actions[i - 1], actions[rng.below(static_cast<std::uint32_t>(i))]);
    int best = -kInfinite;
    Action chosen = actions[0];
    for (const Action action : actions) {
        levels_[1]->state.assign(state);
        levels_[1]->state.apply(action);
        // Later moves have to be better, so that equal ones are chosen by the order alone.
        const int score = -value(1, -kInfinite, -best);
        if (score > best) {
            best = score;
            chosen = action;
        }
    }
    return {chosen, value_of(best)};
}

/// Of the state of a level, mover's view, exact between alpha and beta.
int Lookahead::value(int ply, int alpha, int beta) {
    Level& here = *levels_[static_cast<std::size_t>(ply)];
    const Position position = game_->look(here.state.get(), here.choices);
    if (position.terminal) {
        const int mover = levels_[static_cast<std::size_t>(ply) - 1]->to_play;
        const float result = mover == 0 ? position.value : -position.value;
        return result > 0 ? -win_in(ply) : result < 0 ? -loss_in(ply) : 0;
    }
    here.to_play = position.to_play;
    if (ply == depth_) return evaluate_(here.state.get());
    int best = -kInfinite;
    Level& next = *levels_[static_cast<std::size_t>(ply) + 1];
    for (const Action action : here.choices.actions()) {
        next.state.assign(here.state.get());
        next.state.apply(action);
        best = std::max(best, -value(ply + 1, -beta, -std::max(alpha, best)));
        if (best >= beta) break;
    }
    return best;
}

std::vector<ChosenAction> choose_lookahead(const AnyGame& game, std::span<const AnyState> states,
                                           std::span<const std::uint64_t> seeds, int depth,
                                           int threads) {
    return choose_each<Lookahead>(game, states, seeds, threads, depth);
}

}  // namespace zerofleet::search
