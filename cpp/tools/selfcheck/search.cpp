// Selfcheck of search and data generation: alpha-beta is minimax, proofs hold, two searches run
// side by side, games are the same on one and two threads and on every SIMD level.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "games/play.h"
#include "games/registry.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"
#include "search/alphabeta.h"
#include "search/greedy.h"
#include "search/minimax.h"
#include "selfplay/datagen.h"
#include "tools/selfcheck/pool.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

/// The scalar kernels under the thread sanitizer take seconds a game with the default sizes.
const nnue::Shape kSmallNet{32, 8, 8, 2};

/// Random open positions, of all stages of the game.
template <class Game>
std::vector<typename Game::State> open_positions(int count, std::uint64_t seed) {
    Rng rng(seed);
    std::vector<typename Game::State> positions;
    while (static_cast<int>(positions.size()) < count) {
        typename Game::State s;
        const auto plies = rng.below(Game::kMaxPlies * 4 / 5);
        for (std::uint32_t ply = 0; ply < plies; ++ply) {
            auto child = s;
            child.apply(random_action<Game>(s, rng));
            if (child.is_terminal()) break;
            s = child;
        }
        positions.push_back(s);
    }
    return positions;
}

/// Alpha-beta without reductions against plain minimax; with them, proven scores against proofs.
template <class Game, class Evaluator, class... EvaluatorArgs>
void check_alphabeta(int count, int deepest, const EvaluatorArgs&... args) {
    const std::string name(Game::kName);
    search::AlphaBetaOptions options;
    options.table_kib = 16;
    options.reductions = false;
    search::AlphaBeta<Game, Evaluator> plain(options, args...);
    options.reductions = true;
    search::AlphaBeta<Game, Evaluator> reduced(options, args...);
    Evaluator evaluator(args...);
    for (const auto& s : open_positions<Game>(count, 11)) {
        search::SearchLimits limits;
        for (limits.depth = 1; limits.depth <= deepest; ++limits.depth) {
            plain.new_game();
            evaluator.reset(s);
            const int expected = search::minimax<Game>(evaluator, s, limits.depth, true);
            const auto found = plain.search(s, limits);
            expect_true(found.score == expected,
                        name + ": alpha-beta " + std::to_string(found.score) + ", minimax " +
                            std::to_string(expected) + " at depth " + std::to_string(limits.depth) +
                            " in " + s.text());
        }
        const auto found = reduced.search(s, limits);
        if (!search::is_proven(found.score)) continue;
        std::int64_t budget = 1'000'000;
        const bool proven = found.score > 0
                                ? search::proves_win<Game>(s, search::kWin - found.score, budget)
                                : search::proves_loss<Game>(s, search::kWin + found.score, budget);
        expect_true(proven || budget < 0,
                    name + ": no proof of " + std::to_string(found.score) + " in " + s.text());
    }
}

template <class Game>
void check_datagen(int games) {
    const std::string name(Game::kName);
    selfplay::DatagenSettings settings;
    settings.depth = 2;
    settings.num_random_plies = 2;
    settings.temperature = 0.5;
    settings.temperature_plies = 2;
    selfplay::FinishedGames first;
    bool have_first = false;
    for (const nnue::Simd simd : nnue::supported_simd()) {
        const auto network = nnue::Network::random(
            nnue::find_feature_set(nnue::Features<Game>::kName), kSmallNet, 5, simd);
        for (const int threads : {1, 2}) {
            selfplay::GamesProgress progress;
            auto batch = selfplay::generate_games(Game::kName, &network, settings, 9, 1020, games,
                                                  threads, progress);
            expect_true(progress.games == games, name + ": not every game was finished");
            if (!have_first) first = batch;
            have_first = true;
            expect_same(first, batch,
                        name + " on " + std::string(nnue::simd_name(simd)) + " with " +
                            std::to_string(threads) + " threads");
        }
    }
}

/// Two searches side by side and one that is stopped while it runs.
void check_side_by_side() {
    using Game = UltimateTtt;
    const auto search_to = [](int depth, const std::atomic<bool>* stop) {
        search::AlphaBeta<Game, search::GreedyEvaluator<Game>> search(search::AlphaBetaOptions{});
        search::SearchLimits limits;
        limits.depth = depth;
        limits.stop = stop;
        return search.search(Game::State{}, limits);
    };
    const auto alone = search_to(6, nullptr);
    search::SearchResult results[2], stopped;
    std::atomic<bool> stop{false};
    {
        std::jthread a([&] { results[0] = search_to(6, nullptr); });
        std::jthread b([&] { results[1] = search_to(6, nullptr); });
        std::jthread endless([&] { stopped = search_to(Game::kMaxPlies, &stop); });
        a.join();
        b.join();
        stop = true;
    }
    expect_true(stopped.interrupted && stopped.action >= 0, "a stopped search has no move");
    for (const auto& result : results)
        expect_true(
            result.pv == alone.pv && result.score == alone.score && result.nodes == alone.nodes,
            "two searches side by side disturb each other");
}

/// A stop while games are generated: finished games come back, and only they.
void check_stop() {
    selfplay::DatagenSettings settings;
    settings.depth = 4;
    selfplay::GamesProgress progress;
    selfplay::FinishedGames batch;
    {
        std::jthread worker([&] {
            batch = selfplay::generate_games("ultimate_ttt", nullptr, settings, 1, 0, 100'000, 2,
                                             progress);
        });
        while (progress.games < 3) std::this_thread::yield();
        progress.stop = true;
    }
    expect_true(static_cast<std::int64_t>(batch.size()) == progress.games,
                "stopped generation lost or invented games");
}

}  // namespace

void selfcheck_search() {
    for_each_game([]<class Game>() {
        if constexpr (search::HasHeuristic<Game>) {
            const int deepest = Game::kMaxLegalActions > 9 ? 2 : 4;
            check_alphabeta<Game, search::GreedyEvaluator<Game>>(15, deepest);
            const auto network = nnue::Network::random(
                nnue::find_feature_set(nnue::Features<Game>::kName), kSmallNet, 3);
            check_alphabeta<Game, nnue::Evaluator<Game>>(6, deepest, network);
            check_datagen<Game>(4);
        }
    });
    check_side_by_side();
    check_stop();
}

}  // namespace zerofleet::selfcheck
