// Numpy arrays in and out of the core.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

namespace zerofleet::bind {

/// A C-contiguous argument of this type and number of dimensions. nanobind converts where numpy can
/// do so without loss of meaning; annotate the argument with `.noconvert()` to refuse instead.
template <class T, int NumDims>
using ConstArray =
    nanobind::ndarray<const T, nanobind::ndim<NumDims>, nanobind::c_contig, nanobind::device::cpu>;

template <class T>
using NewArray = nanobind::ndarray<nanobind::numpy, T>;

/// A new numpy array of this shape, whose elements are still to be written, and where they are.
template <class T>
std::pair<NewArray<T>, T*> make_uninitialised_array(std::initializer_list<std::size_t> shape) {
    std::size_t size = 1;
    for (const std::size_t n : shape) size *= n;
    T* data = new T[size + 1];  // never empty, so that the capsule has something to own
    nanobind::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return {NewArray<T>(data, shape.size(), shape.begin(), owner), data};
}

/// The same, zero-filled.
template <class T>
std::pair<NewArray<T>, T*> make_array(std::initializer_list<std::size_t> shape) {
    auto made = make_uninitialised_array<T>(shape);
    std::fill_n(made.second, made.first.size(), T{});
    return made;
}

/// Hands a vector to numpy without copying it; `shape` multiplies to its size.
template <class T>
NewArray<T> to_array(std::vector<T>&& values, std::initializer_list<std::size_t> shape) {
    auto* kept = new std::vector<T>(std::move(values));
    nanobind::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return NewArray<T>(kept->data(), shape.size(), shape.begin(), owner);
}

}  // namespace zerofleet::bind
