// One function per area; module.cpp calls them all.
#pragma once

#include <nanobind/nanobind.h>

namespace zerofleet::bind {

void bind_chess(nanobind::module_& m);
void bind_games(nanobind::module_& m);
void bind_mcts(nanobind::module_& m);
void bind_net_codec(nanobind::module_& m);
void bind_nnue(nanobind::module_& m);
void bind_players(nanobind::module_& m);
void bind_pool(nanobind::module_& m);
void bind_records(nanobind::module_& m);
void bind_samples(nanobind::module_& m);
void bind_search(nanobind::module_& m);
void bind_selfplay(nanobind::module_& m);

}  // namespace zerofleet::bind
