// Walking through a game tree: bulk perft and random play, for every game.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "games/game.h"

namespace zerofleet {

/// Number of move sequences of exactly `depth` plies (games that end sooner do not count). The last
/// ply is counted without being played.
template <GameType G>
std::uint64_t perft(const typename G::State& state, int depth) {
    if (depth == 0) return 1;
    LegalActions<G> actions;
    state.legal_actions(actions);
    if (depth == 1) return actions.size();
    std::uint64_t total = 0;
    for (const Action a : actions) {
        typename G::State child = state;
        child.apply(a);
        total += perft<G>(child, depth - 1);
    }
    return total;
}

/// A legal action, each with the same probability; the state is not terminal. Games may offer
/// `State::random_action(rng)` where picking is cheaper than listing.
template <GameType G>
Action random_action(const typename G::State& state, Rng& rng) {
    if constexpr (requires { state.random_action(rng); }) {
        return state.random_action(rng);
    } else {
        LegalActions<G> actions;
        state.legal_actions(actions);
        return actions[rng.below(static_cast<std::uint32_t>(actions.size()))];
    }
}

}  // namespace zerofleet
