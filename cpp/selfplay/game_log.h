// A game as it is written down while it is played, and finished games as the arrays of a shard
// (docs/formats.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "selfplay/record.h"

namespace zerofleet::selfplay {

/// Entries of a policy below this share of its largest are not kept (docs/formats.md).
constexpr float kLeastOfLargest = 1.0f / 1024.0f;

/// One game. Memory is kept from game to game.
class GameLog {
  public:
    static constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

    std::vector<Action> action;            // [P] chance outcomes included
    std::vector<std::uint8_t> ply_flags;   // [P] PlyFlag bits
    std::vector<float> search_value;       // [P] mover's view, in [-1, 1]; NaN where none
    std::vector<std::int32_t> num_policy;  // [P] entries of the two below
    std::vector<std::int32_t> policy_action;
    std::vector<std::uint16_t> policy_prob;  // bits of half-precision numbers
    std::vector<float> returns;              // one per player, at the end
    Termination termination = Termination::kPlayedOut;
    std::int64_t game_number = 0;
    double dropped_mass = 0.0;        // of all policies, by leaving out what is tiny
    float worst_dropped_mass = 0.0f;  // of one policy

    void clear();
    std::size_t num_plies() const { return action.size(); }
    void add(Action played, unsigned flags, float value);
    /// The policy target of the last ply: entries below 1/1024 of the largest are left out, the
    /// others are scaled to sum to 1 and rounded. `actions` ascend.
    void add_policy(std::span<const Action> actions, std::span<const float> policy);
    std::size_t bytes() const;
};

/// Finished games, one after the other. G games, P plies, K policy entries, N players.
struct FinishedGames {
    std::vector<std::int64_t> game_start{0};    // [G + 1]
    std::vector<Action> action;                 // [P]
    std::vector<std::uint8_t> ply_flags;        // [P]
    std::vector<float> search_value;            // [P]
    std::vector<std::int64_t> policy_start{0};  // [P + 1]
    std::vector<std::int32_t> policy_action;    // [K]
    std::vector<std::uint16_t> policy_prob;     // [K] bits of half-precision numbers
    std::vector<float> returns;                 // [G, N]
    std::vector<std::uint8_t> termination;      // [G]
    std::vector<std::int64_t> game_number;      // [G]

    std::size_t size() const { return game_number.size(); }
    void append(const GameLog& game);
};

}  // namespace zerofleet::selfplay
