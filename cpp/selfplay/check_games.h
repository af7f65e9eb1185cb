// Replays finished games of any game, those written in Python too, and checks everything.
#pragma once

#include "games/any_game.h"
#include "selfplay/record.h"

namespace zerofleet::selfplay {

/// What `replay_games` checks, by the rules behind virtual calls. Throws RecordError at the first
/// thing that is wrong.
void check_games(const AnyGame& game, const GamesView& games);

}  // namespace zerofleet::selfplay
