// Games of a pool with a fake net, which the sections pool, samples and search compare.
#pragma once

#include <cstdint>
#include <string>

#include "games/any_game.h"
#include "selfplay/pool.h"

namespace zerofleet::selfcheck {

/// `num_games` games played to their end, taken one by one while others are played.
selfplay::FinishedGames play_pool(const AnyGame& game, const selfplay::PoolOptions& options,
                                  std::int64_t num_games);

/// Throws unless both hold the same games in the same order, byte for byte.
void expect_same(const selfplay::FinishedGames& a, const selfplay::FinishedGames& b,
                 const std::string& where);

}  // namespace zerofleet::selfcheck
