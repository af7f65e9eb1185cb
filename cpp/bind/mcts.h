// Settings of tree search from Python.
#pragma once

#include <nanobind/nanobind.h>

#include "search/mcts_options.h"

namespace zerofleet::bind {

/// From the fields of MctsConfig as a dict, all of them. Throws ValueError naming a missing or
/// impossible one.
search::MctsOptions mcts_options(const nanobind::dict& values);

}  // namespace zerofleet::bind
