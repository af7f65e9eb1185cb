// Threads that wait for short pieces of work, round after round, without being started each time.
//
// To wake a sleeping thread takes tens of microseconds, as long as a whole piece of a round may. So
// whoever waits looks again and again for a short while before it sleeps: steps of a round follow
// each other at once, and between rounds threads sleep. Whoever else wants the core meanwhile, the
// net's threads or another process, goes first.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/cache_line.h"

namespace zerofleet {

/// `size` threads, the caller of `run` being one of them. One `run` at a time.
class WorkerThreads {
  public:
    /// Throws std::system_error if there are no more threads to be had.
    explicit WorkerThreads(int size) : shares_(std::make_unique<Share[]>(count(size))) {
        size_ = static_cast<int>(count(size));
        try {
            for (int i = 1; i < size_; ++i) threads_.emplace_back([this, i] { wait_for_work(i); });
        } catch (...) {
            quit();  // those that have started would wait for ever
            throw;
        }
    }
    WorkerThreads(const WorkerThreads&) = delete;
    WorkerThreads& operator=(const WorkerThreads&) = delete;
    ~WorkerThreads() { quit(); }

    int size() const { return size_; }

    /// Calls `work(index, thread)` once for each index in 0 .. num_items - 1; `thread` in 0 .. size
    /// - 1 says whose scratch memory to use. An index goes to the same thread in every run of as
    /// many items, so that its data stay in that core's cache, unless a thread has nothing left to
    /// do. The first exception is thrown again here, after all threads are done; what was not begun
    /// then is not done.
    template <class Work>
    void run(std::ptrdiff_t num_items, Work&& work) {
        const auto call = [](void* context, std::ptrdiff_t index, int thread) {
            (*static_cast<std::remove_reference_t<Work>*>(context))(index, thread);
        };
        if (size_ == 1 || num_items <= 1) {
            for (std::ptrdiff_t i = 0; i < num_items; ++i) work(i, 0);
            return;
        }
        for (int t = 0; t < size_; ++t) {
            shares_[at(t)].next.store(num_items * t / size_, std::memory_order_relaxed);
            shares_[at(t)].end = num_items * (t + 1) / size_;
        }
        {
            const std::lock_guard lock(mutex_);
            task_ = {call, &work};
            open_ = true;
            ++generation_;
        }
        wake_.notify_all();
        take_part(0);
        look_for([&] { return num_active_ == 0; });
        std::unique_lock lock(mutex_);
        open_ = false;  // whoever wakes up now is too late
        idle_.wait(lock, [&] { return num_active_ == 0; });
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

  private:
    struct alignas(kCacheLine) Share {
        std::atomic<std::ptrdiff_t> next{0};
        std::ptrdiff_t end = 0;
    };
    struct Task {
        void (*call)(void*, std::ptrdiff_t, int) = nullptr;
        void* context = nullptr;
    };

    static std::size_t count(int size) { return static_cast<std::size_t>(std::max(size, 1)); }
    static std::size_t at(int thread) { return static_cast<std::size_t>(thread); }

    void quit() {
        {
            const std::lock_guard lock(mutex_);
            quit_ = true;
        }
        wake_.notify_all();
        threads_.clear();  // joins
    }

    /// Returns once `found()` holds, or after a while.
    template <class Found>
    static void look_for(const Found& found) {
        using Clock = std::chrono::steady_clock;
        const auto end = Clock::now() + std::chrono::microseconds(100);
        while (!found() && Clock::now() < end) {
            for (int i = 0; i < 16 && !found(); ++i) relax();
            if (!found()) std::this_thread::yield();
        }
    }
    /// Lets the processor's other thread of execution go first.
    static void relax() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }

    void wait_for_work(int thread) {
        std::uint64_t seen = 0;
        for (;;) {
            look_for([&] { return generation_ != seen || quit_; });
            std::unique_lock lock(mutex_);
            if (!open_) seen = generation_;  // too late for that one
            wake_.wait(lock, [&] { return quit_ || (open_ && generation_ != seen); });
            if (quit_) return;
            seen = generation_;
            ++num_active_;
            lock.unlock();
            take_part(thread);
            lock.lock();
            if (--num_active_ == 0) idle_.notify_one();
        }
    }

    /// Its own share first, then what others have left.
    void take_part(int thread) {
        try {
            for (int i = 0; i < size_; ++i) {
                Share& share = shares_[at((thread + i) % size_)];
                for (;;) {
                    const auto index = share.next.fetch_add(1, std::memory_order_relaxed);
                    if (index >= share.end) break;
                    task_.call(task_.context, index, thread);
                }
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!error_) error_ = std::current_exception();
            for (int i = 0; i < size_; ++i)
                shares_[at(i)].next.store(shares_[at(i)].end, std::memory_order_relaxed);
        }
    }

    int size_ = 1;
    std::unique_ptr<Share[]> shares_;
    Task task_;

    std::mutex mutex_;
    std::condition_variable wake_, idle_;
    // Written under the mutex; atomic for those who look without it.
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<int> num_active_{0};
    std::atomic<bool> quit_{false};
    bool open_ = false;
    std::exception_ptr error_;
    std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace zerofleet
