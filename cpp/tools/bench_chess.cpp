// Speed of chess on one core: perft by each way of looking up sliders, random play, and what a
// search does at a leaf. In processor time, which other programs hardly disturb. Prints JSON, one
// object a line.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <vector>

#include "games/chess/chess.h"
#include "games/chess/perft.h"
#include "games/play.h"

namespace zerofleet {
namespace {

constexpr int kRepeats = 5;

/// Best of the repeats, units per second; `run` returns how many units it did.
template <class F>
double best_rate(F run) {
    double best = 0;
    for (int i = 0; i < kRepeats; ++i) {
        const std::clock_t start = std::clock();
        const auto units = static_cast<double>(run());
        const auto seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        best = std::max(best, units / seconds);
    }
    return best;
}

void print(const char* what, double per_second) {
    std::printf("{\"what\": \"%s\", \"per_second\": %.4g}\n", what, per_second);
    std::fflush(stdout);
}

void bench_perft(const char* name, const char* fen, int depth) {
    const auto p = chess::position_from_fen(fen);
    for (const auto lookup : chess::supported_lookups()) {
        const double rate = best_rate([&] {
            return chess::count_positions({p.board, p.rights()}, p.to_play() == 0, depth, lookup);
        });
        char what[100];
        std::snprintf(what, sizeof what, "perft %d of %s, %.*s", depth, name,
                      static_cast<int>(chess::lookup_name(lookup).size()),
                      chess::lookup_name(lookup).data());
        print(what, rate);
    }
}

void bench_play() {
    constexpr std::uint64_t kMoves = 1'000'000;
    std::uint64_t sink = 0;  // printed, so that nothing is optimised away
    print("random play, moves", best_rate([&] {
              const RandomPlay done = random_play<Chess>(kMoves, 1);
              sink += done.signature;
              return done.num_moves;
          }));
    print("random play through sorted actions, moves", best_rate([&] {
              Rng rng(1);
              std::uint64_t num_moves = 0;
              while (num_moves < kMoves) {
                  for (Chess::State s; !s.is_terminal(); ++num_moves) {
                      LegalActions<Chess> actions;
                      s.sorted_legal_actions(actions);
                      s.apply(actions[rng.below(static_cast<std::uint32_t>(actions.size()))]);
                  }
              }
              return num_moves;
          }));

    // A leaf of a search: copy the root, play the path, list the moves, write the planes.
    std::array<std::uint8_t, Chess::kNumPlanes * 8> planes{};
    std::array<float, Chess::kNumScalars> scalars{};
    Rng rng(2);
    Chess::State root, leaf;
    std::vector<Action> path;
    for (int i = 0; i < 30; ++i) root.apply(random_action<Chess>(root, rng));
    for (leaf = root; path.size() < 5 && !leaf.is_terminal();) {
        path.push_back(random_action<Chess>(leaf, rng));
        leaf.apply(path.back());
    }
    print("search leaf 5 plies deep, leaves", best_rate([&] {
              constexpr int kLeaves = 500'000;
              for (int i = 0; i < kLeaves; ++i) {
                  leaf = root;
                  leaf.apply_path(path);
                  LegalActions<Chess> actions;
                  leaf.legal_actions(actions);
                  leaf.observe(planes.data(), scalars.data());
                  sink += actions.size() + planes[static_cast<std::size_t>(i) % planes.size()];
              }
              return kLeaves;
          }));
    std::printf("{\"sink\": %llu}\n", static_cast<unsigned long long>(sink));
}

}  // namespace
}  // namespace zerofleet

int main() {
    using namespace zerofleet;
    bench_perft("the start", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", 6);
    bench_perft("Kiwipete", "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
                5);
    bench_play();
}
