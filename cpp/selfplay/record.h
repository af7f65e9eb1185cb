// Finished games as the shard keeps them: flat arrays over all plies, and the check that they are
// games at all. docs/formats.md describes the file; this is the meaning of its bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "games/game.h"

namespace zerofleet {

/// What is known about one ply, a bit set. Bits 6 and 7 are zero.
enum PlyFlag : std::uint8_t {
    kPlyPolicyTarget = 1,   // bit 0: the improved policy is a target; it has entries
    kPlyValueTarget = 2,    // bit 1: the position is trained on
    kPlyChance = 4,         // bit 2: nature moved; the action is the outcome; no targets
    kPlyRandomOpening = 8,  // bit 3: played at random, before the players chose
    kPlyFastSearch = 16,    // bit 4: searched with fewer simulations than the rest
    kPlyQuiet = 32,         // bit 5: no tactics pending, so that a static evaluation can be right
};
constexpr std::uint8_t kPlyFlagBits = kPlyPolicyTarget | kPlyValueTarget | kPlyChance |
                                      kPlyRandomOpening | kPlyFastSearch | kPlyQuiet;
static_assert(kPlyFlagBits == 0x3f, "six flags, one bit each, no gaps");

/// Why a game ended.
enum class Termination : std::uint8_t {
    kPlayedOut = 0,    // the rules ended it, not for its length: the last position is terminal
    kAdjudicated = 1,  // search proved the result: not terminal, each return -1, 0 or 1
    kResigned = 2,     // one side of two gave up: not terminal, each return -1 or 1
    kLengthBound = 3,  // ended for its length: by the rules, which give the result of this terminal
                       // position, or by the settings: not terminal
};
constexpr int kNumTerminations = 4;
static_assert(static_cast<int>(Termination::kLengthBound) == kNumTerminations - 1);

/// G games of P plies in all, as arrays owned by somebody else.
struct GamesView {
    std::span<const std::int64_t> game_start;   // [G+1] first ply of each game; last is P
    std::span<const std::int32_t> action;       // [P]
    std::span<const std::uint8_t> ply_flags;    // [P] PlyFlag bits
    std::span<const float> returns;             // [G * players]
    std::span<const std::uint8_t> termination;  // [G] Termination
    // Improved policies, for the legality of their actions; all three empty: not checked.
    std::span<const std::int64_t> policy_start;   // [P+1] into policy_action
    std::span<const std::int32_t> policy_action;  // [K] strictly ascending within a ply
    // Start positions in the game's text; both empty: every game starts as the rules say.
    std::span<const std::int64_t> initial_start;  // [G+1] into initial_text; no characters: normal
    std::string_view initial_text;

    std::size_t num_games() const { return termination.size(); }
    std::size_t num_plies() const { return action.size(); }
};

/// Thrown for records that are no games; says which game and ply, and the position.
struct RecordError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// Checks that sizes agree and that offsets stay inside their arrays, so that replaying cannot read
/// outside. Games have at least one ply. Throws RecordError.
void check_sizes(const GamesView& games, int num_players);

/// How the last position of a record ends its game by the rules.
enum class LastPosition : std::uint8_t { kOpen, kPlayedOut, kLengthBound };

inline LastPosition last_position(bool is_terminal, bool at_length_bound) {
    if (!is_terminal) return LastPosition::kOpen;
    return at_length_bound ? LastPosition::kLengthBound : LastPosition::kPlayedOut;
}

/// Checks what the record says about the end of game `g` against its last position.
/// `final_returns` are the game's returns of a terminal position. Throws RecordError.
void check_ending(const GamesView& games, std::size_t g, LastPosition last,
                  std::span<const float> final_returns, const std::string& position);

/// What is wrong with the flags of one ply, or null: unknown bits, no chance bit where nature moves
/// or one where a player does, a target at a chance node.
inline const char* flags_error(std::uint8_t flags, bool is_chance) {
    if (flags & ~kPlyFlagBits) return "unknown bits";
    if (!is_chance) return flags & kPlyChance ? "chance, but a player moves" : nullptr;
    if (!(flags & kPlyChance)) return "nature moves here: expected 4, chance";
    return flags & (kPlyPolicyTarget | kPlyValueTarget) ? "a target where nature moves" : nullptr;
}

/// The error of one ply: `game 3, ply 12: <what> in <position>`.
RecordError ply_error(std::size_t game, std::int64_t ply, const std::string& what,
                      const std::string& position);

}  // namespace zerofleet
