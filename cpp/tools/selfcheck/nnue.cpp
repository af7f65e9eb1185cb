// Selfcheck of the networks: all SIMD levels give the same bits, incremental accumulators equal
// fresh ones, files survive a round trip, damaged ones are refused. Run under the sanitizers.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "games/play.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"
#include "nnue/network.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

/// The same network at every level this processor runs.
std::vector<nnue::Network> networks_of_all_levels(const nnue::FeatureSet& features,
                                                  const nnue::Shape& shape, std::uint64_t seed) {
    std::vector<nnue::Network> networks;
    for (const nnue::Simd level : nnue::supported_simd())
        networks.push_back(nnue::Network::random(features, shape, seed, level));
    return networks;
}

/// Walks random games up and down, evaluating some of the states it meets, each at every level and
/// from scratch. Returns the number of comparisons.
template <class Game>
int check_nnue_paths(const nnue::Shape& shape, std::uint64_t seed, int num_walks) {
    const auto networks =
        networks_of_all_levels(nnue::find_feature_set(nnue::Features<Game>::kName), shape, seed);
    std::vector<nnue::Evaluator<Game>> walkers(networks.begin(), networks.end());
    nnue::Evaluator<Game> fresh(networks.front());
    Rng rng(seed);
    int compared = 0;
    for (int walk = 0; walk < num_walks; ++walk) {
        std::vector<typename Game::State> path(1);
        for (auto& w : walkers) w.reset(path[0]);
        for (int step = 0; step < 2 * Game::kMaxPlies; ++step) {
            if (path.back().is_terminal() || (path.size() > 1 && rng.below(4) == 0)) {
                path.pop_back();
                for (auto& w : walkers) w.pop();
            } else {
                const Action a = random_action<Game>(path.back(), rng);
                const auto before = path.back();
                path.push_back(before);
                path.back().apply(a);
                for (auto& w : walkers) w.push(before, a, path.back());
            }
            if (rng.below(3) == 0) continue;  // leave it to a later evaluation to catch up
            const auto& s = path.back();
            fresh.reset(s);
            const int expected = fresh.evaluate(s);
            for (std::size_t i = 0; i < walkers.size(); ++i) {
                const int found = walkers[i].evaluate(s);
                expect_true(found == expected, std::string(nnue::simd_name(networks[i].simd())) +
                                                   " gives " + std::to_string(found) +
                                                   ", scalar from scratch " +
                                                   std::to_string(expected) + " in " + s.text());
                expect_true(walkers[i].evaluate(s) == expected, "second evaluation differs");
                ++compared;
            }
        }
    }
    return compared;
}

template <class Game>
void check_nnue_game() {
    int compared = check_nnue_paths<Game>({}, 1, 40);
    const nnue::Shape others[] = {
        {32, 4, 4, 1}, {64, 32, 32, 8}, {96, 36, 64, 3}, {512, 16, 128, 2}};
    for (const nnue::Shape& shape : others) compared += check_nnue_paths<Game>(shape, 2, 4);
    std::printf("nnue: %d evaluations of %s agree on %zu levels\n", compared,
                std::string(Game::kName).c_str(), nnue::supported_simd().size());
}

void check_nnue_files() {
    const auto& features = nnue::find_feature_set("ultimate_ttt/1");
    const auto bytes = nnue::Network::random(features, {64, 8, 12, 3}, 5).to_bytes();
    expect_true(nnue::Network::from_bytes(bytes).to_bytes() == bytes,
                "round trip changes the file");
    const auto refuses = [](const std::vector<std::byte>& data) {
        try {
            nnue::Network::from_bytes(data);
        } catch (const std::invalid_argument&) {
            return true;
        }
        return false;
    };
    for (std::size_t n = 0; n < bytes.size(); n += n < 200 ? 1 : 997)
        expect_true(refuses({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)}),
                    "accepts a file cut to " + std::to_string(n) + " bytes");
    for (std::size_t n = 0; n < bytes.size(); n += n < 200 ? 1 : 997) {
        auto damaged = bytes;
        damaged[n] ^= std::byte{0x10};
        expect_true(refuses(damaged), "accepts a file damaged at byte " + std::to_string(n));
    }
}

}  // namespace

/// Evaluators share one network between threads.
void selfcheck_nnue_threads() {
    using Game = UltimateTtt;
    const auto network =
        nnue::Network::random(nnue::find_feature_set(nnue::Features<Game>::kName), {}, 9);
    std::vector<int> sums(4, 0);
    std::vector<std::thread> threads;
    for (int& sum : sums)
        threads.emplace_back([&network, &sum] {
            nnue::Evaluator<Game> evaluator(network);
            Game::State s;
            Rng rng(3);
            evaluator.reset(s);
            while (!s.is_terminal()) {
                const Action a = random_action<Game>(s, rng);
                const auto before = s;
                s.apply(a);
                evaluator.push(before, a, s);
                sum += evaluator.evaluate(s);
            }
        });
    for (auto& t : threads) t.join();
    for (const int sum : sums) expect_true(sum == sums[0], "threads differ");
}

void selfcheck_nnue() {
    check_nnue_game<UltimateTtt>();
    check_nnue_game<ConnectFour>();
    check_nnue_game<TicTacToe>();
    check_nnue_files();
}

}  // namespace zerofleet::selfcheck
