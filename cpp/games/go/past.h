// What a game of Go remembers: its moves, and every position that superko forbids.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "games/game.h"

namespace zerofleet::go {

/// Words of the filter: 1,024 bits up to 9 x 9, 4,096 at 19 x 19.
constexpr int filter_words(int num_points) {
    return num_points <= 81 ? 16 : num_points <= 169 ? 32 : 64;
}

/// The moves of a game and the key of the position after each. Copying costs a few hundred bytes
/// and a reference count, however long the game is: only the last plies lie inside, the others in
/// immutable blocks that all copies share, also between threads.
///
///   blocks_ -> [32 plies] -> [32 plies] -> null        the past, latest first
///   filter_    one bit pattern per key; no pattern, no such position
///   keys_, actions_    the plies since the last block
///
/// `FilterWords` is a power of two. A key sets two bits of one word; with at most 4 keys a word the
/// filter says "maybe" to about one position in seventy that has not been.
template <int FilterWords>
class Past {
  public:
    int size() const { return num_before_ + num_recent_; }

    /// Notes a position that no move led to: the first of the game.
    void add_first(std::uint64_t key) {
        first_key_ = key;
        note(key);
    }

    /// Notes a move and the position after it.
    void push(Action action, std::uint64_t key) {
        if (num_recent_ == kBlock) start_block();
        actions_[num_recent_] = static_cast<std::uint16_t>(action);
        keys_[num_recent_] = key;
        ++num_recent_;
        note(key);
    }

    /// Has this position been on the board?
    bool contains(std::uint64_t key) const {
        const std::uint64_t bits = pattern(key);
        return (filter_[word(key)] & bits) == bits && search(key);
    }

    /// The moves from the first to the last.
    std::vector<Action> actions() const {
        std::vector<Action> out(static_cast<std::size_t>(size()));
        auto end = out.begin() + num_before_;
        std::copy_n(actions_.begin(), num_recent_, end);
        for (const Block* b = blocks_.get(); b; b = b->before.get())
            std::copy_n(b->actions.begin(), kBlock, end -= kBlock);
        return out;
    }

  private:
    static constexpr int kBlock = 32;
    struct Block {
        std::shared_ptr<const Block> before;
        std::array<std::uint64_t, kBlock> keys;
        std::array<std::uint16_t, kBlock> actions;
    };

    static std::size_t word(std::uint64_t key) { return key >> 12 & (FilterWords - 1); }
    static std::uint64_t pattern(std::uint64_t key) {
        return std::uint64_t{1} << (key & 63) | std::uint64_t{1} << (key >> 6 & 63);
    }
    void note(std::uint64_t key) { filter_[word(key)] |= pattern(key); }

    [[gnu::noinline]] bool search(std::uint64_t key) const {
        for (int i = num_recent_; i-- > 0;)
            if (keys_[static_cast<std::size_t>(i)] == key) return true;
        for (const Block* b = blocks_.get(); b; b = b->before.get())
            for (const auto k : b->keys)
                if (k == key) return true;
        return key == first_key_;
    }

    [[gnu::noinline]] void start_block() {
        blocks_ = std::make_shared<const Block>(Block{std::move(blocks_), keys_, actions_});
        num_before_ += kBlock;
        num_recent_ = 0;
    }

    std::shared_ptr<const Block> blocks_;
    std::uint64_t first_key_ = 0;
    std::array<std::uint64_t, FilterWords> filter_{};
    std::array<std::uint64_t, kBlock> keys_{};
    std::array<std::uint16_t, kBlock> actions_{};
    std::int16_t num_before_ = 0;
    std::int16_t num_recent_ = 0;
};

}  // namespace zerofleet::go
