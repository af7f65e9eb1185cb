// Measures how fast a network runs on this processor, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "games/play.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"

namespace zerofleet::nnue {

/// Rates in operations/s over states of random games, each measured for about `seconds`:
///   refresh     accumulators of a state from all its features
///   update      make a move and bring the accumulators up to date
///   evaluate    the layers on accumulators that are up to date
///   game        make, update, evaluate along whole games
///   siblings    make, update, evaluate each child of every state: what a search does at its leaves
template <class Game>
std::vector<std::pair<std::string, double>> benchmark(const Shape& shape, Simd level,
                                                      double seconds) {
    using State = typename Game::State;
    const Network network =
        Network::random(find_feature_set(Features<Game>::kName), shape, 1, level);
    Evaluator<Game> evaluator(network);

    // Whole games, so that every phase counts as it does in play.
    struct Played {
        std::vector<State> states;  // states[i + 1] follows actions[i]
        std::vector<Action> actions;
    };
    std::vector<Played> games(64);
    Rng rng(1);
    for (Played& g : games) {
        g.states.resize(1);
        while (!g.states.back().is_terminal()) {
            State s = g.states.back();
            g.actions.push_back(random_action<Game>(s, rng));
            s.apply(g.actions.back());
            g.states.push_back(s);
        }
    }

    std::int64_t sink = 0;
    const auto measure = [&](auto&& once) {  // once(game) -> operations done
        using Clock = std::chrono::steady_clock;
        std::int64_t done = 0;
        std::size_t i = 0;
        const auto start = Clock::now();
        double elapsed;
        do {
            done += once(games[i++ % games.size()]);
            elapsed = std::chrono::duration<double>(Clock::now() - start).count();
        } while (elapsed < seconds);
        return static_cast<double>(done) / elapsed;
    };
    const auto along = [&](const Played& g, bool evaluate, bool update) {
        State s = g.states[0];
        evaluator.reset(s);
        for (const Action a : g.actions) {
            const State before = s;
            s.apply(a);
            evaluator.push(before, a, s);
            if (update) evaluator.update();
            if (evaluate) sink += evaluator.evaluate(s);
        }
        return static_cast<std::int64_t>(g.actions.size());
    };

    std::vector<std::pair<std::string, double>> rates;
    rates.emplace_back("refresh", measure([&](const Played& g) {
                           for (const State& s : g.states) evaluator.reset(s);
                           return static_cast<std::int64_t>(g.states.size());
                       }));
    rates.emplace_back("update", measure([&](const Played& g) { return along(g, false, true); }));
    rates.emplace_back("evaluate", measure([&](const Played& g) {
                           const State& s = g.states[g.states.size() / 2];
                           evaluator.reset(s);
                           for (int k = 0; k < 100; ++k) sink += evaluator.evaluate(s);
                           return std::int64_t{100};
                       }));
    rates.emplace_back("game", measure([&](const Played& g) { return along(g, true, false); }));
    rates.emplace_back("siblings", measure([&](const Played& g) {
                           std::int64_t done = 0;
                           evaluator.reset(g.states[0]);
                           for (std::size_t i = 0; i < g.actions.size(); ++i) {
                               LegalActions<Game> actions;
                               g.states[i].legal_actions(actions);
                               for (const Action a : actions) {
                                   State child = g.states[i];
                                   child.apply(a);
                                   evaluator.push(g.states[i], a, child);
                                   sink += evaluator.evaluate(child);
                                   evaluator.pop();
                                   ++done;
                               }
                               evaluator.push(g.states[i], g.actions[i], g.states[i + 1]);
                           }
                           return done;
                       }));
    volatile std::int64_t keep = sink;
    static_cast<void>(keep);
    return rates;
}

}  // namespace zerofleet::nnue
