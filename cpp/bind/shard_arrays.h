// Finished games as the arrays of a shard, for Python.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "bind/arrays.h"
#include "selfplay/game_log.h"

namespace zerofleet::bind {

/// All arrays but meta (docs/formats.md); every game begins as the rules say.
inline nanobind::dict shard_arrays(selfplay::FinishedGames&& games, std::size_t num_players) {
    const std::size_t g = games.size(), plies = games.action.size();
    const std::size_t entries = games.policy_action.size();
    nanobind::dict arrays;
    arrays["game_start"] = to_array(std::move(games.game_start), {g + 1});
    arrays["action"] = to_array(std::move(games.action), {plies});
    arrays["ply_flags"] = to_array(std::move(games.ply_flags), {plies});
    arrays["search_value"] = to_array(std::move(games.search_value), {plies});
    arrays["policy_start"] = to_array(std::move(games.policy_start), {plies + 1});
    arrays["policy_action"] = to_array(std::move(games.policy_action), {entries});
    arrays["policy_prob"] =
        nanobind::cast(to_array(std::move(games.policy_prob), {entries})).attr("view")("float16");
    arrays["returns"] = to_array(std::move(games.returns), {g, num_players});
    arrays["termination"] = to_array(std::move(games.termination), {g});
    arrays["game_number"] = to_array(std::move(games.game_number), {g});
    arrays["initial_text"] = make_array<std::uint8_t>({0}).first;
    arrays["initial_start"] = make_array<std::int64_t>({g + 1}).first;
    return arrays;
}

}  // namespace zerofleet::bind
