// Replays finished games and writes down what a net sees: from shards to training samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "games/any_game.h"
#include "selfplay/record.h"

namespace zerofleet::selfplay {

/// Plies where a player moved whose flags have all bits of `mask` and none of `without`.
struct PlyFilter {
    std::uint8_t mask = 0, without = 0;
    bool operator()(std::uint8_t flags) const {
        return (flags & mask) == mask && !(flags & (without | kPlyChance));
    }
};

/// Where the encoder writes: arrays of somebody else with a row for each position.
struct EncodedRows {
    std::uint8_t* planes;       // [N, plane_bytes], as AnyGame::observe; aligned for f32
    float* scalars;             // [N, num_scalars]
    std::int64_t* legal_start;  // [N + 1] into the legal actions
    std::int64_t* ply;          // [N] index into the arrays of the record
    std::uint8_t* to_play;      // [N]
};

/// Checks all games as `check_games` does and encodes the positions a filter chooses, in the order
/// of the record; threads share the games and change nothing.
class GameEncoder {
  public:
    /// Both arguments outlive the encoder. Throws RecordError for sizes that do not fit.
    GameEncoder(const AnyGame& game, const GamesView& games, PlyFilter filter);

    /// N.
    std::size_t num_rows() const { return num_rows_; }

    /// Fills `out` and returns the legal actions of all rows in the game's own order. Throws
    /// RecordError for the first game that has something wrong.
    std::vector<Action> encode(int threads, const EncodedRows& out) const;

  private:
    /// Games that a thread takes at once, and the rows they fill.
    struct Block {
        std::size_t first_game, last_game, first_row;
    };
    std::vector<Action> encode_block(const Block& block, const EncodedRows& out) const;

    const AnyGame* game_;
    const GamesView* games_;
    PlyFilter filter_;
    std::vector<Block> blocks_;
    std::size_t num_rows_ = 0;
};

}  // namespace zerofleet::selfplay
