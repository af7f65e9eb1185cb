// The arrays of a shard as the core takes them.
#pragma once

#include <nanobind/stl/optional.h>

#include <optional>
#include <span>
#include <string>

#include "bind/arrays.h"
#include "selfplay/record.h"

namespace zerofleet::bind {

template <class T>
using MaybeArray = std::optional<ConstArray<T, 1>>;

template <class T, class Array>
std::span<const T> as_span(const Array& array) {
    return {array.data(), array.size()};
}

/// What is none is not checked, or means the start of the game. The arrays outlive the view.
/// Throws RecordError if `returns` is not [games, players].
inline GamesView games_view(
    const ConstArray<std::int64_t, 1>& game_start, const ConstArray<std::int32_t, 1>& action,
    const ConstArray<std::uint8_t, 1>& ply_flags, const ConstArray<float, 2>& returns,
    const ConstArray<std::uint8_t, 1>& termination, const MaybeArray<std::int64_t>& policy_start,
    const MaybeArray<std::int32_t>& policy_action, const MaybeArray<std::int64_t>& initial_start,
    const MaybeArray<std::uint8_t>& initial_text, int num_players) {
    if (returns.shape(0) != termination.shape(0) ||
        returns.shape(1) != static_cast<std::size_t>(num_players))
        throw RecordError("returns have shape (" + std::to_string(returns.shape(0)) + ", " +
                          std::to_string(returns.shape(1)) + "); expected (" +
                          std::to_string(termination.shape(0)) + ", " +
                          std::to_string(num_players) + ")");
    GamesView games{.game_start = as_span<std::int64_t>(game_start),
                    .action = as_span<std::int32_t>(action),
                    .ply_flags = as_span<std::uint8_t>(ply_flags),
                    .returns = as_span<float>(returns),
                    .termination = as_span<std::uint8_t>(termination),
                    .policy_start = {},
                    .policy_action = {},
                    .initial_start = {},
                    .initial_text = {}};
    if (policy_start) games.policy_start = as_span<std::int64_t>(*policy_start);
    if (policy_action) games.policy_action = as_span<std::int32_t>(*policy_action);
    if (initial_start) games.initial_start = as_span<std::int64_t>(*initial_start);
    if (initial_text)
        games.initial_text = {reinterpret_cast<const char*>(initial_text->data()),
                              initial_text->size()};
    return games;
}

}  // namespace zerofleet::bind
