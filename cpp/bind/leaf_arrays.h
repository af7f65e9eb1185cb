// Rows to be evaluated as numpy arrays: LeafBatch of the Python side.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstring>

#include "bind/arrays.h"
#include "search/leaf_rows.h"

namespace zerofleet::bind {

/// (planes, scalars f32 [B, S], legal_start i64 [B + 1], legal_action i32 [L]); planes are u8
/// [B, C, ceil(H * W / 8)], or f32 [B, C, H, W] of games with real-valued observations. Copies.
inline nanobind::tuple leaf_arrays(const GameInfo& info, const search::LeafRows& rows) {
    const auto b = static_cast<std::size_t>(rows.size());
    const auto c = static_cast<std::size_t>(info.num_planes);
    const auto h = static_cast<std::size_t>(info.rows), w = static_cast<std::size_t>(info.cols);
    nanobind::object planes;
    if (info.real_planes) {
        auto [array, data] = make_array<float>({b, c, h, w});
        std::memcpy(data, rows.planes(), b * rows.plane_bytes());
        planes = nanobind::cast(array);
    } else {
        auto [array, data] = make_array<std::uint8_t>({b, c, (h * w + 7) / 8});
        std::memcpy(data, rows.planes(), b * rows.plane_bytes());
        planes = nanobind::cast(array);
    }
    auto [scalars, scalar_data] = make_array<float>({b, rows.num_scalars()});
    std::copy_n(rows.scalars(), b * rows.num_scalars(), scalar_data);
    auto [start, start_data] = make_array<std::int64_t>({b + 1});
    std::copy(rows.legal_start().begin(), rows.legal_start().end(), start_data);
    auto [action, action_data] = make_array<std::int32_t>({rows.legal_action().size()});
    std::copy(rows.legal_action().begin(), rows.legal_action().end(), action_data);
    return nanobind::make_tuple(planes, scalars, start, action);
}

}  // namespace zerofleet::bind
