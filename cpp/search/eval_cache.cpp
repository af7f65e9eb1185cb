#include "search/eval_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/rng.h"

namespace zerofleet::search {

namespace {

/// High and low half of a product, folded: the mixing step of multiply-based hashes.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Two independent 64-bit hashes of the same bytes.
struct Hasher {
    std::uint64_t low, high;

    void word(std::uint64_t x) {
        low = fold(low ^ x, 0x9e3779b97f4a7c15ULL);
        high = fold(high + x, 0xd1b54a32d192ed03ULL) ^ x;
    }
    void bytes(const void* data, std::size_t size) {
        const auto* p = static_cast<const std::uint8_t*>(data);
        for (; size >= 8; p += 8, size -= 8) {
            std::uint64_t x;
            std::memcpy(&x, p, 8);
            word(x);
        }
        if (size > 0) {
            std::uint64_t x = size;
            for (std::size_t i = 0; i < size; ++i) x = x << 8 | p[i];
            word(x);
        }
    }
};

}  // namespace

RowKey row_key(std::span<const std::uint8_t> planes, std::span<const float> scalars,
               std::span<const Action> legal, std::uint64_t model_version) {
    Hasher h{0x243f6a8885a308d3ULL ^ model_version, 0x13198a2e03707344ULL + model_version};
    h.bytes(planes.data(), planes.size());
    h.bytes(scalars.data(), scalars.size_bytes());
    h.word(legal.size());
    h.bytes(legal.data(), legal.size_bytes());
    return {mix64(h.low), mix64(h.high)};
}

EvalCache::EvalCache(std::size_t bytes, int max_legal_actions)
    : shards_(std::make_unique<Shard[]>(kNumShards)) {
    const std::size_t largest = kHeaderWords + static_cast<std::size_t>(max_legal_actions);
    const std::size_t least =
        std::max<std::size_t>(std::size_t{1} << 20, kNumShards * 4 * (16 * largest + 64));
    if (bytes < least)
        throw std::invalid_argument("the evaluation cache needs at least " + std::to_string(least) +
                                    " bytes for this game, got " + std::to_string(bytes));
    // A slot for every 16 words of the ring: records have 10 words or more.
    const std::size_t per_shard = bytes / kNumShards;
    const std::size_t num_slots = std::bit_floor(per_shard / 16 / sizeof(std::uint64_t));
    const std::size_t words = (per_shard - num_slots * sizeof(std::uint64_t)) / 8 * 2;
    bytes_ = kNumShards * (num_slots * sizeof(std::uint64_t) + words * 4);
    memory_ = ZeroedArray<std::byte>(bytes_, Pages::kLarge);
    auto* const slots = reinterpret_cast<std::uint64_t*>(memory_.data());
    auto* const rings = reinterpret_cast<std::uint32_t*>(slots + kNumShards * num_slots);
    for (std::size_t i = 0; i < kNumShards; ++i) {
        shards_[i].slots = {slots + i * num_slots, num_slots};
        shards_[i].ring = {rings + i * words, words};
    }
}

bool EvalCache::find(const RowKey& key, std::span<float> prior, float& value) {
    Shard& shard = shard_of(key);
    const std::size_t mask = shard.slots.size() - 1, ring = shard.ring.size();
    const std::lock_guard lock(shard.mutex);
    ++shard.lookups;
    for (std::size_t way = 0; way < kWays; ++way) {
        const std::uint64_t entry = shard.slots[(key.low + way) & mask];
        const std::uint64_t slot = entry & kPosition;
        if (slot == 0 || (entry ^ key.low) > kPosition) continue;  // empty, or of another row
        if (shard.head - (slot - 1) > ring) continue;              // overwritten
        const std::uint32_t* record = shard.ring.data() + (slot - 1) % ring;
        if (std::memcmp(record, &key, sizeof key) != 0 || record[4] != prior.size()) continue;
        value = std::bit_cast<float>(record[5]);
        std::memcpy(prior.data(), record + kHeaderWords, prior.size_bytes());
        ++shard.hits;
        return true;
    }
    return false;
}

void EvalCache::insert(const RowKey& key, std::span<const float> prior, float value) {
    Shard& shard = shard_of(key);
    const std::size_t mask = shard.slots.size() - 1, ring = shard.ring.size();
    const std::size_t words = kHeaderWords + prior.size();
    if (words > ring) return;
    const std::lock_guard lock(shard.mutex);
    // A record does not wrap around: what is left at the end of the ring is skipped.
    if (shard.head % ring + words > ring) shard.head += ring - shard.head % ring;
    std::uint32_t* record = shard.ring.data() + shard.head % ring;
    std::memcpy(record, &key, sizeof key);
    record[4] = static_cast<std::uint32_t>(prior.size());
    record[5] = std::bit_cast<std::uint32_t>(value);
    std::memcpy(record + kHeaderWords, prior.data(), prior.size_bytes());
    // The oldest of the ways makes place; an empty one is older than any.
    std::uint64_t* oldest = &shard.slots[key.low & mask];
    for (std::size_t way = 1; way < kWays; ++way) {
        std::uint64_t& slot = shard.slots[(key.low + way) & mask];
        if ((slot & kPosition) < (*oldest & kPosition)) oldest = &slot;
    }
    *oldest = (key.low & ~kPosition) | (shard.head + 1);
    shard.head += words;
}

EvalCache::Stats EvalCache::stats() const {
    Stats stats;
    for (std::size_t i = 0; i < kNumShards; ++i) {
        const std::lock_guard lock(shards_[i].mutex);
        stats.lookups += shards_[i].lookups;
        stats.hits += shards_[i].hits;
    }
    stats.bytes = bytes_;
    return stats;
}

}  // namespace zerofleet::search
