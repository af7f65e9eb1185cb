// Memory that no two threads write to at once: a processor moves whole lines between its cores.
//
// Scratch of threads is many small blocks, allocated one after the other: two of them in a line,
// used by two threads, halve the speed of both.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace zerofleet {

inline constexpr std::size_t kCacheLine = 64;

/// Blocks that share no cache line with others.
template <class T>
struct LineAllocator {
    using value_type = T;

    LineAllocator() = default;
    template <class U>
    LineAllocator(const LineAllocator<U>&) {}

    static constexpr std::align_val_t kAlignment{alignof(T) > kCacheLine ? alignof(T) : kCacheLine};
    static std::size_t bytes(std::size_t count) {
        return (count * sizeof(T) + kCacheLine - 1) / kCacheLine * kCacheLine;
    }
    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(bytes(count), kAlignment));
    }
    void deallocate(T* block, std::size_t) { ::operator delete(block, kAlignment); }

    bool operator==(const LineAllocator&) const = default;
};

template <class T>
using LineVector = std::vector<T, LineAllocator<T>>;

}  // namespace zerofleet
