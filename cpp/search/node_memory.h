// Memory of search trees: chunks of one size, shared by all trees of a pool. A tree takes chunks as
// it grows and gives all of them back when it is pruned or forgotten, so nothing fragments and the
// total never exceeds what was once in use at the same time.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "base/zeroed_array.h"

namespace zerofleet::search {

/// The chunks. Safe to use from several threads; a lock is taken once per chunk, that is about once
/// in a hundred simulations. It outlives the trees.
class NodeMemory {
  public:
    using Chunk = std::byte*;

    /// `largest_block`: bytes of the largest block any tree will ask for.
    explicit NodeMemory(std::size_t largest_block)
        : chunk_bytes_(largest_block * 8 > kChunkBytes ? largest_block * 8 : kChunkBytes) {}
    NodeMemory(const NodeMemory&) = delete;
    NodeMemory& operator=(const NodeMemory&) = delete;

    std::size_t chunk_bytes() const { return chunk_bytes_; }
    /// Bytes of chunks that are or were in use. The system may give up to a large page more.
    std::size_t reserved_bytes() const {
        const std::lock_guard lock(mutex_);
        return num_chunks_ * chunk_bytes_;
    }

    /// Not cleared.
    Chunk take() {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            const Chunk chunk = free_.back();
            free_.pop_back();
            return chunk;
        }
        // A few trees are content with small pages; those of a pool are cut from large ones.
        if (left_ == 0) {
            const bool few = num_chunks_ * chunk_bytes_ < kLargePage;
            const std::size_t count =
                few || chunk_bytes_ > kLargePage ? 1 : kLargePage / chunk_bytes_;
            pages_.emplace_back(count * chunk_bytes_, few ? Pages::kSmall : Pages::kLarge);
            left_ = count;
        }
        ++num_chunks_;
        return pages_.back().data() + --left_ * chunk_bytes_;
    }
    void give_back(std::vector<Chunk>& chunks) {
        const std::lock_guard lock(mutex_);
        free_.insert(free_.end(), chunks.begin(), chunks.end());
        chunks.clear();
    }

  private:
    static constexpr std::size_t kChunkBytes = 16 * 1024;

    const std::size_t chunk_bytes_;  // read by all threads, all the time
    alignas(kCacheLine) mutable std::mutex mutex_;
    std::vector<ZeroedArray<std::byte>> pages_;
    std::vector<Chunk> free_;
    std::size_t left_ = 0;  // chunks at the start of the last pages that were never in use
    std::size_t num_chunks_ = 0;
};

/// The blocks of one tree: allocated one after the other, freed all at once.
class Arena {
  public:
    explicit Arena(NodeMemory& memory) : memory_(&memory) {}
    Arena(Arena&& other) noexcept { swap(other); }
    Arena& operator=(Arena&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Arena() { clear(); }

    /// Raw memory aligned to 16 bytes; at most the largest block of the NodeMemory.
    void* allocate(std::size_t bytes) {
        bytes = (bytes + 15) & ~std::size_t{15};
        if (static_cast<std::size_t>(end_ - next_) < bytes) {
            chunks_.push_back(memory_->take());
            next_ = chunks_.back();
            end_ = next_ + memory_->chunk_bytes();
        }
        void* block = next_;
        next_ += bytes;
        return block;
    }
    void clear() {
        if (memory_ != nullptr && !chunks_.empty()) memory_->give_back(chunks_);
        next_ = end_ = nullptr;
    }
    /// Forgets all blocks but keeps one chunk: for a tree that will grow again at once.
    void restart() {
        if (chunks_.empty()) return;
        const NodeMemory::Chunk first = chunks_.front();
        chunks_.front() = chunks_.back();
        chunks_.pop_back();
        if (!chunks_.empty()) memory_->give_back(chunks_);
        next_ = first;
        end_ = next_ + memory_->chunk_bytes();
        chunks_.push_back(first);
    }
    std::size_t reserved_bytes() const {
        return memory_ == nullptr ? 0 : chunks_.size() * memory_->chunk_bytes();
    }
    NodeMemory& memory() const { return *memory_; }

  private:
    void swap(Arena& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(chunks_, other.chunks_);
        std::swap(next_, other.next_);
        std::swap(end_, other.end_);
    }

    NodeMemory* memory_ = nullptr;
    std::vector<NodeMemory::Chunk> chunks_;
    std::byte* next_ = nullptr;
    std::byte* end_ = nullptr;
};

}  // namespace zerofleet::search
