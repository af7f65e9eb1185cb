// A bounded cache of evaluations, shared by all trees of a pool and by its threads.
//
// The key is a 128-bit hash of the very row that the evaluator would see (planes, scalars, legal
// actions in their order) and of the model version. An evaluation is a pure function of its row, so
// a hit gives back the bytes the net would have given: a cache changes the time a search takes and
// never its result, whoever filled it and whenever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/cache_line.h"
#include "base/zeroed_array.h"
#include "games/any_game.h"

namespace zerofleet::search {

struct RowKey {
    std::uint64_t low = 0, high = 0;
    bool operator==(const RowKey&) const = default;
};

/// Hash of a row as `LeafRows` keeps it.
RowKey row_key(std::span<const std::uint8_t> planes, std::span<const float> scalars,
               std::span<const Action> legal, std::uint64_t model_version);

class EvalCache {
  public:
    /// `bytes`: all the memory it will ever use, at least 1 MiB. `max_legal_actions` of the game.
    EvalCache(std::size_t bytes, int max_legal_actions);

    /// Rows evaluated by another model are other rows. Not while searches run.
    void set_model_version(std::uint64_t version) { model_version_ = version; }
    std::uint64_t model_version() const { return model_version_; }

    /// Copies the priors and the value of this row; false if it is not there.
    bool find(const RowKey& key, std::span<float> prior, float& value);
    void insert(const RowKey& key, std::span<const float> prior, float value);

    struct Stats {
        std::uint64_t lookups = 0, hits = 0;
        std::size_t bytes = 0;
    };
    Stats stats() const;

  private:
    // A shard is a ring of records, the oldest overwritten by the newest, and an index into it:
    //
    //   slots   [hash % num_slots], 4 of them tried -> position of a record + 1, counted from the
    //           start of the shard's life (48 bits: a petabyte), below 16 other bits of the hash,
    //           so that another row's record is hardly ever looked at; a record is alive while head
    //           - position <= ring size
    //   ring    | key 16 | num_priors 4 | value 4 | prior f32 ... | next record ...
    struct alignas(kCacheLine) Shard {
        std::mutex mutex;
        std::span<std::uint64_t> slots;
        std::span<std::uint32_t> ring;  // words of 4 bytes
        std::uint64_t head = 0;         // words written since the start
        std::uint64_t lookups = 0, hits = 0;
    };
    static constexpr std::size_t kNumShards = 64, kWays = 4, kHeaderWords = 6;
    static constexpr std::uint64_t kPosition = (std::uint64_t{1} << 48) - 1;  // bits of a slot

    Shard& shard_of(const RowKey& key) { return shards_[key.high % kNumShards]; }

    ZeroedArray<std::byte> memory_;  // slots of all shards, then their rings
    std::unique_ptr<Shard[]> shards_;
    std::uint64_t model_version_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace zerofleet::search
