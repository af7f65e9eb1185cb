// The transposition table: small, owned by one search, cleared for every game, so that a game
// depends on nothing that was searched before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/cache_line.h"
#include "search/score.h"

namespace zerofleet::search {

enum class Bound : std::uint8_t { kNone = 0, kLower = 1, kUpper = 2, kExact = 3 };
constexpr bool has(Bound bound, Bound part) {
    return static_cast<unsigned>(bound) & static_cast<unsigned>(part);
}

// One position, 16 bytes; four share a cache line (a cluster), chosen by the low bits of the hash.
//   key 64 | score 16 | action 16 | depth 8 | bound 8 | age 16
// The key is the whole plain hash: folding symmetric positions together would change results
// unless the evaluation is folded the same way, and a net's is not.
struct TableEntry {
    std::uint64_t key = 0;
    std::int16_t score = 0;  // of the position itself: proven scores count plies from here
    std::int16_t action = -1;
    std::int8_t depth = 0;
    Bound bound = Bound::kNone;
    std::uint16_t age = 0;
};
static_assert(sizeof(TableEntry) == 16);

class TranspositionTable {
  public:
    /// `kibibytes` is rounded down to a power of two, at least 1.
    explicit TranspositionTable(std::size_t kibibytes) {
        std::size_t clusters = 1024 / sizeof(Cluster);
        while (clusters * 2 * sizeof(Cluster) <= kibibytes * 1024) clusters *= 2;
        clusters_.resize(clusters);
    }

    void clear() {
        clusters_.assign(clusters_.size(), Cluster{});
        age_ = 0;
    }
    /// Entries of earlier searches of this game stay useful but are replaced first.
    void new_search() { ++age_; }

    void prefetch(std::uint64_t hash) const { __builtin_prefetch(&cluster(hash)); }

    const TableEntry* probe(std::uint64_t hash) const {
        for (const TableEntry& e : cluster(hash).entry)
            if (e.key == hash && e.bound != Bound::kNone) return &e;
        return nullptr;
    }

    /// `action` < 0 keeps the best action known for this position.
    void store(std::uint64_t hash, int score, Bound bound, int depth, int action) {
        Cluster& c = cluster(hash);
        TableEntry* victim = &c.entry[0];
        int lowest = 1 << 20;
        for (TableEntry& e : c.entry) {
            if (e.key == hash && e.bound != Bound::kNone) {
                if (action < 0) action = e.action;
                victim = &e;
                break;
            }
            const int worth = e.bound == Bound::kNone ? -1000 : e.depth + (e.age == age_ ? 64 : 0);
            if (worth < lowest) {
                lowest = worth;
                victim = &e;
            }
        }
        *victim = {hash,
                   static_cast<std::int16_t>(score),
                   static_cast<std::int16_t>(action),
                   static_cast<std::int8_t>(depth),
                   bound,
                   age_};
    }

    // A proven score counts plies from the root of the search; in the table it counts from the
    // position, so that it is right wherever the position is met again.
    static int to_table(int score, int ply) {
        return score > kMaxEval ? score + ply : score < -kMaxEval ? score - ply : score;
    }
    static int from_table(int score, int ply) {
        return score > kMaxEval ? score - ply : score < -kMaxEval ? score + ply : score;
    }

  private:
    struct alignas(kCacheLine) Cluster {
        TableEntry entry[4];
    };
    const Cluster& cluster(std::uint64_t hash) const {
        return clusters_[hash & (clusters_.size() - 1)];
    }
    Cluster& cluster(std::uint64_t hash) { return clusters_[hash & (clusters_.size() - 1)]; }

    std::vector<Cluster> clusters_;
    std::uint16_t age_ = 0;
};

}  // namespace zerofleet::search
