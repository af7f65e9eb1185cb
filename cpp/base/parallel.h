// Running the same function on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace zerofleet {

/// Calls `work()` on `num_threads` threads (the caller is one of them) and returns when all have.
/// `on_error()` is called as soon as one throws or cannot be started, so that the others can be
/// told to stop; the first exception is thrown again here.
template <class Work, class OnError>
void run_on_threads(int num_threads, Work&& work, OnError&& on_error) {
    std::exception_ptr first;
    std::mutex mutex;
    const auto guarded = [&] {
        try {
            work();
        } catch (...) {
            {
                const std::lock_guard lock(mutex);
                if (!first) first = std::current_exception();
            }
            on_error();
        }
    };
    std::vector<std::jthread> others;
    try {
        for (int i = 1; i < num_threads; ++i) others.emplace_back(guarded);
    } catch (...) {
        on_error();
        throw;  // joins
    }
    guarded();
    others.clear();  // joins
    if (first) std::rethrow_exception(first);
}

/// Calls `work(next)` on `num_threads` threads, but no more than there are indices, where `next()`
/// hands out 0, 1, 2, ... `count` - 1, each once, then -1. Exceptions as above.
template <class Work>
void share_indices(int num_threads, std::ptrdiff_t count, Work&& work) {
    std::atomic<std::ptrdiff_t> counter{0};
    const auto next = [&]() -> std::ptrdiff_t {
        const std::ptrdiff_t i = counter.fetch_add(1, std::memory_order_relaxed);
        return i < count ? i : -1;
    };
    run_on_threads(
        static_cast<int>(std::min<std::ptrdiff_t>(num_threads, count)), [&] { work(next); },
        [&] { counter.store(count, std::memory_order_relaxed); });
}

}  // namespace zerofleet
