// Memory of search trees: chunks of one size, shared by all trees of a pool. A tree takes chunks as
// it grows and gives all of them back when it is pruned or forgotten, so nothing fragments and the
// total never exceeds what was once in use at the same time.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace zerofleet::search {

/// The chunks. Safe to use from several threads; a lock is taken once per chunk, that is about once
/// in a hundred simulations.
class NodeMemory {
  public:
    using Chunk = std::unique_ptr<std::byte[]>;

    /// `largest_block`: bytes of the largest block any tree will ask for.
    explicit NodeMemory(std::size_t largest_block)
        : chunk_bytes_(largest_block * 8 > kChunkBytes ? largest_block * 8 : kChunkBytes) {}
    NodeMemory(const NodeMemory&) = delete;
    NodeMemory& operator=(const NodeMemory&) = delete;

    std::size_t chunk_bytes() const { return chunk_bytes_; }
    /// Bytes taken from the system, in use by trees or waiting for them.
    std::size_t reserved_bytes() const {
        const std::lock_guard lock(mutex_);
        return num_chunks_ * chunk_bytes_;
    }

    Chunk take() {
        {
            const std::lock_guard lock(mutex_);
            if (!free_.empty()) {
                Chunk chunk = std::move(free_.back());
                free_.pop_back();
                return chunk;
            }
            ++num_chunks_;
        }
        return Chunk(new std::byte[chunk_bytes_]);  // not cleared
    }
    void give_back(std::vector<Chunk>& chunks) {
        const std::lock_guard lock(mutex_);
        for (Chunk& chunk : chunks) free_.push_back(std::move(chunk));
        chunks.clear();
    }

  private:
    static constexpr std::size_t kChunkBytes = 16 * 1024;

    const std::size_t chunk_bytes_;
    mutable std::mutex mutex_;
    std::vector<Chunk> free_;
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
            next_ = chunks_.back().get();
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
        NodeMemory::Chunk first = std::move(chunks_.front());
        chunks_.front() = std::move(chunks_.back());
        chunks_.pop_back();
        if (!chunks_.empty()) memory_->give_back(chunks_);
        next_ = first.get();
        end_ = next_ + memory_->chunk_bytes();
        chunks_.push_back(std::move(first));
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
