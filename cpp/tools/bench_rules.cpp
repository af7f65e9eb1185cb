// Speed of the rules on one core: moves of random games (chance outcomes are played but not
// counted), the same with the observation or the packed position of every state, and perft. Prints
// JSON, one object a line. Arguments are names of games, which are played with their standard
// options; none: every game.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "games/play.h"
#include "games/registry.h"

namespace zerofleet {
namespace {

constexpr std::uint64_t kMoves = 2'000'000;
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

/// A depth at which perft counts a few million sequences.
template <GameType G>
int perft_depth(const typename G::State& start) {
    int depth = 1;
    while (depth < 12 && perft<G>(start, depth) < 2'000'000) ++depth;
    return depth;
}

/// The type that `with_game(G::kName)` finds.
template <GameType G>
constexpr bool is_standard() {
    for (const FixedOption& fixed : fixed_options<G>())
        for (const GameOption& option : declared_options<G>())
            if (option.name == fixed.name && option.standard != fixed.value) return false;
    return true;
}

template <GameType G>
void bench() {
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
    const auto start = initial_state<G>(options_of<G>());
    const int depth = perft_depth<G>(start);
    const double counted = median_rate([&] { return perft<G>(start, depth); });
    std::printf(
        "{\"game\": \"%s\", \"random_moves_per_second\": %.4g, \"with_observation\": %.4g, "
        "\"with_packed\": %.4g, \"perft_per_second\": %.4g, \"sink\": %llu}\n",
        options_of<G>().spec().c_str(), plain, observed, with_packed, counted,
        static_cast<unsigned long long>(sink));
}

}  // namespace
}  // namespace zerofleet

int main(int argc, char** argv) {
    using namespace zerofleet;
    bool found = argc == 1;
    for_each_game([&]<class G>() {
        // One size of each game: the others would double the time to compile this.
        if constexpr (is_standard<G>()) {
            bool wanted = argc == 1;
            for (int i = 1; i < argc; ++i) wanted = wanted || G::kName == argv[i];
            found = found || wanted;
            if (wanted) bench<G>();
        }
    });
    if (found) return 0;
    std::fprintf(stderr, "bench_rules: no such game; known:");
    for (const auto& name : game_names()) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
}
