// Walking through a game tree: bulk perft and random play, for every game.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "games/game.h"

namespace zerofleet {

/// Number of sequences of exactly `depth` plies, chance outcomes included (games that end sooner do
/// not count). The last ply is counted without being played. A game may offer
/// `State::count_legal_actions()` where counting is cheaper than listing, or its own `perft`.
template <GameType G>
std::uint64_t perft(const typename G::State& state, int depth) {
    if (depth == 0) return 1;
    if constexpr (requires { G::perft(state, depth); }) return G::perft(state, depth);
    if constexpr (requires { state.count_legal_actions(); })
        if (depth == 1) return static_cast<std::uint64_t>(state.count_legal_actions());
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

/// What nature does at a chance node, with the probabilities of the game.
template <GameType G>
Action random_outcome(const typename G::State& state, Rng& rng) {
    ChanceOutcomes<G> outcomes;
    chance_outcomes<G>(state, outcomes);
    double point = rng.uniform();
    for (const ChanceOutcome& outcome : outcomes)
        if ((point -= static_cast<double>(outcome.probability)) < 0) return outcome.action;
    return outcomes[outcomes.size() - 1].action;  // rounding
}

/// A legal action, each with the same probability, or at a chance node an outcome with its own; the
/// state is not terminal. Games may offer `State::random_action(rng)` where picking is cheaper than
/// listing.
template <GameType G>
Action random_action(const typename G::State& state, Rng& rng) {
    if constexpr (requires { state.random_action(rng); }) {
        return state.random_action(rng);
    } else {
        if constexpr (max_chance_outcomes<G>() > 0)
            if (state.is_chance()) return random_outcome<G>(state, rng);
        LegalActions<G> actions;
        state.legal_actions(actions);
        return actions[rng.below(static_cast<std::uint32_t>(actions.size()))];
    }
}

/// What `random_play` did.
struct RandomPlay {
    std::uint64_t num_moves = 0;  // by players; nature's are not counted
    std::uint64_t num_games = 0;
    std::uint64_t signature = 0;  // of the last positions of all games: the same on every machine
};

/// Plays whole random games until at least `num_moves` moves are made: the benchmark of the rules.
/// `visit(state)` sees every position in which a player moves.
template <GameType G, class Visit>
RandomPlay random_play(std::uint64_t num_moves, std::uint64_t seed, Visit visit) {
    RandomPlay done;
    Rng rng(seed);
    while (done.num_moves < num_moves) {
        typename G::State state{};
        while (!state.is_terminal()) {
            if (is_chance(state)) {
                state.apply(random_action<G>(state, rng));
                continue;
            }
            visit(state);
            state.apply(random_action<G>(state, rng));
            ++done.num_moves;
        }
        ++done.num_games;
        done.signature = derive_seed(done.signature, state.hash());
    }
    return done;
}

template <GameType G>
RandomPlay random_play(std::uint64_t num_moves, std::uint64_t seed) {
    return random_play<G>(num_moves, seed, [](const auto&) {});
}

}  // namespace zerofleet
