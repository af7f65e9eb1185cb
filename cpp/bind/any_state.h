// From Python's games and states to those of the searches (games/any_game.h).
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "games/any_game.h"

namespace zerofleet::bind {

/// The rules of a `Game` object. Throws TypeError for anything else.
std::shared_ptr<const AnyGame> any_game_of(nanobind::handle game);

/// A copy of a `State` object of this game. Throws ValueError for states of other games.
AnyState any_state_of(const AnyGame& game, nanobind::handle state);

}  // namespace zerofleet::bind
