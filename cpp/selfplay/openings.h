// Random openings over distinct positions, each a pure function of (seed, game number).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/rng.h"
#include "games/game.h"
#include "games/play.h"

namespace zerofleet::selfplay {

/// Smallest hash over the symmetries: equal for positions that are the same but for a symmetry.
template <GameType Game>
std::uint64_t folded_hash(const typename Game::State& s) {
    std::uint64_t least = s.hash();
    for (int symmetry = 1; symmetry < Game::kNumSymmetries; ++symmetry)
        least = std::min(least, s.transformed(symmetry).hash());
    return least;
}

/// Openings of the games [first, first + count).
///
/// Game numbers form fixed blocks of kBlock. Within a block openings are drawn in number order, and
/// one whose position (symmetries folded) has come up in the block, or in which the game ends, is
/// drawn again. So an opening depends on its block alone, never on which games were asked for or by
/// whom. Where a game has too few positions for that, a repeated one is accepted after kAttempts.
template <GameType Game>
class Openings {
  public:
    static constexpr std::int64_t kBlock = 1024;
    static constexpr int kAttempts = 64;

    Openings(const typename Game::State& start, std::uint64_t seed, int num_plies,
             std::int64_t first, std::int64_t count)
        : start_(start),
          seed_(seed),
          num_plies_(num_plies),
          end_(first + count),
          first_block_(first / kBlock),
          blocks_(
              static_cast<std::size_t>(count == 0 ? 0 : (end_ - 1) / kBlock - first_block_ + 1)) {
        if (num_plies < 0 || num_plies >= Game::kMaxPlies)
            throw std::invalid_argument(
                "num_random_plies must be in 0.." + std::to_string(Game::kMaxPlies - 1) + " for " +
                std::string(Game::kName) + ", got " + std::to_string(num_plies));
    }

    /// Actions from `start`. Any thread may ask; a block is drawn when first needed.
    const std::vector<Action>& of_game(std::int64_t number) {
        const std::int64_t index = number / kBlock;
        Block& block = blocks_[static_cast<std::size_t>(index - first_block_)];
        std::call_once(block.drawn, [&] { draw(block, index * kBlock); });
        return block.actions[static_cast<std::size_t>(number % kBlock)];
    }

  private:
    struct Block {
        std::once_flag drawn;
        std::vector<std::vector<Action>> actions;  // [number % kBlock]
    };

    void draw(Block& block, std::int64_t first) {
        const std::int64_t count = std::min(kBlock, end_ - first);
        std::unordered_set<std::uint64_t> seen;
        for (std::int64_t i = 0; i < count; ++i)
            block.actions.push_back(
                draw_one(derive_seed(seed_, static_cast<std::uint64_t>(first + i)), seen));
    }

    std::vector<Action> draw_one(std::uint64_t seed, std::unordered_set<std::uint64_t>& seen) {
        // If every attempt ends the game, shorter openings are tried.
        for (int plies = num_plies_; plies > 0; --plies) {
            std::vector<Action> repeated;
            for (int attempt = 0; attempt < kAttempts; ++attempt) {
                Rng rng(derive_seed(seed, static_cast<std::uint64_t>(plies * kAttempts + attempt)));
                typename Game::State s = start_;
                std::vector<Action> actions;
                while (!s.is_terminal() && static_cast<int>(actions.size()) < plies) {
                    actions.push_back(random_action<Game>(s, rng));
                    s.apply(actions.back());
                }
                if (s.is_terminal()) continue;
                if (seen.insert(folded_hash<Game>(s)).second) return actions;
                if (repeated.empty()) repeated = std::move(actions);
            }
            if (!repeated.empty()) return repeated;
        }
        return {};
    }

    typename Game::State start_;
    std::uint64_t seed_;
    int num_plies_;
    std::int64_t end_, first_block_;
    std::deque<Block> blocks_;
};

}  // namespace zerofleet::selfplay
