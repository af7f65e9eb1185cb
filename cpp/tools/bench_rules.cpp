// Speed of the rules on one core: moves of random games, the same with the observation or the
// packed position of every state, and perft. Prints JSON, one object a line.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "games/play.h"
#include "games/registry.h"

namespace zerofleet {
namespace {

constexpr std::uint64_t kMoves = 3'000'000;
constexpr int kRepeats = 7;

/// Median over the repeats of units per second; `run` returns how many units it did.
template <class F>
double median_rate(F run) {
    std::vector<double> rates;
    for (int i = 0; i < kRepeats; ++i) {
        const auto start = std::chrono::steady_clock::now();
        const auto units = static_cast<double>(run());
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        rates.push_back(units / seconds.count());
    }
    std::nth_element(rates.begin(), rates.begin() + kRepeats / 2, rates.end());
    return rates[kRepeats / 2];
}

template <GameType G>
void bench(int perft_depth) {
    constexpr int kPlaneBytes = (G::kRows * G::kCols + 7) / 8;
    std::array<std::uint8_t, G::kNumPlanes * kPlaneBytes> planes{};
    std::array<float, G::kNumScalars + 1> scalars{};
    std::array<std::uint8_t, G::kPackedBytes> packed{};
    std::uint64_t sink = 0;  // printed, so that nothing is optimised away

    const double plain = median_rate([&] {
        const RandomPlay done = random_play<G>(kMoves, 1);
        sink += done.signature;
        return done.num_moves;
    });
    const double observed = median_rate([&] {
        return random_play<G>(kMoves, 1,
                              [&](const auto& s) {
                                  s.observe(planes.data(), scalars.data());
                                  sink += planes[0];
                              })
            .num_moves;
    });
    const double with_packed = median_rate([&] {
        return random_play<G>(kMoves, 1,
                              [&](const auto& s) {
                                  s.pack(packed.data());
                                  sink += packed[0];
                              })
            .num_moves;
    });
    const double counted = median_rate([&] { return perft<G>(typename G::State{}, perft_depth); });
    std::printf(
        "{\"game\": \"%.*s\", \"random_moves_per_second\": %.4g, \"with_observation\": %.4g, "
        "\"with_packed\": %.4g, \"perft_per_second\": %.4g, \"sink\": %llu}\n",
        static_cast<int>(G::kName.size()), G::kName.data(), plain, observed, with_packed, counted,
        static_cast<unsigned long long>(sink));
}

}  // namespace
}  // namespace zerofleet

int main() {
    using namespace zerofleet;
    bench<TicTacToe>(9);
    bench<ConnectFour>(8);
    bench<UltimateTtt>(5);
    bench<Othello<8>>(9);
    bench<Twenty48<4>>(5);
}
