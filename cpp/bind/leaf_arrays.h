// Rows to be evaluated as numpy arrays: LeafBatch of the Python side.
#pragma once

#include <nanobind/nanobind.h>

#include <initializer_list>
#include <memory>

#include "bind/arrays.h"
#include "search/leaf_rows.h"

namespace zerofleet::bind {

/// (planes, scalars f32 [B, S], legal_start i64 [B + 1], legal_action i32 [L]); planes are u8
/// [B, C, ceil(H * W / 8)], or f32 [B, C, H, W] of games with real-valued observations. The arrays
/// share the memory of the rows, which lives as long as one of them; they are writable, as torch
/// asks for.
inline nanobind::tuple leaf_arrays(const GameInfo& info,
                                   const std::shared_ptr<const search::LeafRows>& rows) {
    using Rows = std::shared_ptr<const search::LeafRows>;
    const nanobind::capsule owner(new Rows(rows),
                                  [](void* p) noexcept { delete static_cast<Rows*>(p); });
    const auto view = [&]<class T>(const T* data, std::initializer_list<std::size_t> shape) {
        return nanobind::cast(
            NewArray<T>(const_cast<T*>(data), shape.size(), shape.begin(), owner));
    };
    const auto b = static_cast<std::size_t>(rows->size());
    const auto c = static_cast<std::size_t>(info.num_planes);
    const auto h = static_cast<std::size_t>(info.rows), w = static_cast<std::size_t>(info.cols);
    return nanobind::make_tuple(
        info.real_planes ? view(reinterpret_cast<const float*>(rows->planes()), {b, c, h, w})
                         : view(rows->planes(), {b, c, (h * w + 7) / 8}),
        view(rows->scalars(), {b, rows->num_scalars()}), view(rows->legal_start().data(), {b + 1}),
        view(rows->legal_action().data(), {rows->legal_action().size()}));
}

}  // namespace zerofleet::bind
