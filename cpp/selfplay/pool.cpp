#include "selfplay/pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <utility>

namespace zerofleet::selfplay {

namespace {

/// Slots of a chunk: few enough that threads finish together, and enough that handing them out
/// costs nothing.
constexpr std::size_t kMostSlotsOfChunk = 32;
constexpr std::size_t kChunksPerThread = 8;
/// Games searched together: enough to keep memory busy, and few enough for the first cache.
constexpr std::size_t kSlotsOfGroup = 16;

void require(bool ok, const char* name, const char* expected, std::int64_t value) {
    if (!ok)
        throw std::invalid_argument(std::string(name) + " must be " + expected + ", got " +
                                    std::to_string(value));
}

const PoolOptions& checked(const AnyGame& game, const PoolOptions& o) {
    check_options(o.play);
    require(o.num_games >= 1 && o.num_games <= 1'000'000, "num_games", "in 1..1,000,000",
            o.num_games);
    require(o.num_halves == 1 || o.num_halves == 2, "num_halves", "1 or 2", o.num_halves);
    require(o.num_threads >= 1 && o.num_threads <= 1024, "num_threads", "in 1..1024",
            o.num_threads);
    require(o.play.num_random_plies < game.info().max_plies, "num_random_plies",
            "less than the plies of a game", o.play.num_random_plies);
    if (o.play.adjudicates_length && search::board_value_of(game.info().spec) == nullptr)
        throw std::invalid_argument("length_result must be draw in " + game.info().spec +
                                    ", whose boards have no hand-written value; got board_value");
    return o;
}

}  // namespace

Pool::Pool(const AnyGame& game, const PoolOptions& options, std::uint64_t seed)
    : game_(game),
      options_(checked(game, options)),
      seed_(seed),
      shared_(game, options.search),
      initial_(game),
      threads_(options.num_threads) {
    const GameInfo& info = game.info();
    Choices choices(info);
    if (game.look(initial_.get(), choices).terminal)
        throw std::invalid_argument(info.spec + ": its initial state is the end of the game");
    if (options.cache_bytes > 0)
        cache_ = std::make_unique<search::EvalCache>(options.cache_bytes, info.max_legal_actions);
    const auto num_slots = static_cast<std::size_t>(options.num_games);
    const auto num_halves = std::min(static_cast<std::size_t>(options.num_halves), num_slots);
    slots_.reserve(num_slots);
    const search::EvaluateBoard evaluate =
        options.play.adjudicates_length ? search::board_value_of(info.spec) : nullptr;
    for (std::size_t i = 0; i < num_slots; ++i)
        slots_.emplace_back(shared_, options_.play, evaluate);
    for (int i = 0; i < options.num_threads; ++i) workspaces_.emplace_back(game);
    for (std::size_t h = 0; h < num_halves; ++h) {
        Half& half = halves_.emplace_back();
        half.batch = std::make_shared<search::LeafRows>(info);
        const std::size_t begin = num_slots * h / num_halves,
                          end = num_slots * (h + 1) / num_halves;
        const std::size_t per_thread =
            (end - begin) / (kChunksPerThread * static_cast<std::size_t>(options.num_threads));
        const std::size_t size = std::clamp<std::size_t>(per_thread, 1, kMostSlotsOfChunk);
        for (std::size_t i = begin; i < end; i += size)
            half.chunks.emplace_back(info, i, std::min(i + size, end));
    }
}

void Pool::add_games(std::int64_t first, std::int64_t count) {
    require(first >= 0, "first", "at least 0", first);
    require(count >= 0 && count <= (std::int64_t{1} << 62) - first, "count",
            "at least 0, with numbers below 2^62", count);
    const std::lock_guard lock(mutex_);
    if (count > 0) to_play_.push_back({first, count});
    num_added_ += count;
}

Pool::Half& Pool::half_at(int half) {
    if (half < 0 || static_cast<std::size_t>(half) >= halves_.size())
        throw std::invalid_argument("half must be in 0.." + std::to_string(halves_.size() - 1) +
                                    ", got " + std::to_string(half));
    return halves_[static_cast<std::size_t>(half)];
}

void Pool::check_usable() const {
    if (failed_) throw std::logic_error("this pool has failed before; make a new one");
}

std::shared_ptr<const search::LeafRows> Pool::collect(int number) {
    const std::lock_guard lock(mutex_);
    check_usable();
    Half& half = half_at(number);
    if (half.waits)
        throw std::logic_error("collect(" + std::to_string(number) + ") before its receive");
    failed_ = true;  // unless all of this succeeds
    threads_.run(std::ssize(half.chunks), [&](std::ptrdiff_t i, int thread) {
        continue_chunk(half, half.chunks[static_cast<std::size_t>(i)],
                       workspaces_[static_cast<std::size_t>(thread)]);
    });
    // Numbers are given to slots in their order and by one thread: not by who is first.
    if (refill(half)) {
        std::vector<Chunk*> refilled;
        for (Chunk& chunk : half.chunks)
            if (!chunk.refilled.empty()) refilled.push_back(&chunk);
        threads_.run(std::ssize(refilled), [&](std::ptrdiff_t i, int thread) {
            Chunk& chunk = *refilled[static_cast<std::size_t>(i)];
            PoolWorkspace& work = workspaces_[static_cast<std::size_t>(thread)];
            for (const std::size_t s : chunk.refilled) {
                PoolGame& game = slots_[s].game;
                const std::int64_t game_number = game.log().game_number;
                game.start(initial_.get(), game_number,
                           derive_seed(seed_, static_cast<std::uint64_t>(game_number)), work);
                collect_slot(slots_[s], chunk, work);
            }
        });
    }
    gather(half);
    half.waits = half.batch->size() > 0;
    stats_.num_rounds += half.waits;
    stats_.num_rows += static_cast<std::uint64_t>(half.batch->size());
    failed_ = false;
    return half.batch;
}

/// Hands the evaluations to the games of a chunk and searches on, a group of games at a time, so
/// that a tree is looked at once a round, and one tree waits for memory while others do not.
void Pool::continue_chunk(Half& half, Chunk& chunk, PoolWorkspace& work) {
    chunk.rows.clear();
    chunk.idle.clear();
    for (std::size_t first = chunk.first_slot; first < chunk.last_slot; first += kSlotsOfGroup) {
        const std::size_t last = std::min(first + kSlotsOfGroup, chunk.last_slot);
        std::array<Slot*, kSlotsOfGroup> group;
        std::size_t size = 0;
        for (std::size_t i = first; i < last; ++i)
            if (slots_[i].num_rows > 0) group[size++] = &slots_[i];
        continue_group(half, chunk, {group.data(), size}, work);
        for (std::size_t i = first; i < last; ++i)
            if (slots_[i].num_rows == 0) chunk.idle.push_back(i);
    }
}

void Pool::continue_group(Half& half, Chunk& chunk, std::span<Slot* const> group,
                          PoolWorkspace& work) {
    for (int step = 0; step < 3; ++step)
        for (Slot* slot : group) slot->game.tree().prefetch(step);
    for (Slot* slot : group) {
        slot->game.give_back(half.prior.data() + chunk.first_legal + slot->first_legal,
                             half.value.data() + chunk.first_row + slot->first_row, cache_.get());
        slot->game.tree().begin_walk();
    }
    for (bool under_way = true; under_way;) {
        for (Slot* slot : group) slot->game.tree().look_ahead();
        under_way = false;
        for (Slot* slot : group) under_way |= slot->game.tree().walk(work.search);
    }
    for (Slot* slot : group) collect_slot(*slot, chunk, work);
}

void Pool::collect_slot(Slot& slot, Chunk& chunk, PoolWorkspace& work) {
    slot.first_row = static_cast<std::size_t>(chunk.rows.size());
    slot.first_legal = chunk.rows.legal_action().size();
    slot.num_rows = slot.game.collect(work, chunk.rows, cache_.get());
}

/// Takes finished games out of their slots and gives the next numbers to idle slots.
bool Pool::refill(Half& half) {
    bool any = false;
    for (Chunk& chunk : half.chunks) {
        chunk.refilled.clear();
        for (const std::size_t i : chunk.idle) {
            Slot& slot = slots_[i];
            if (slot.order >= 0) finish(slot);
            if (to_play_.empty()) continue;
            Range& next = to_play_.front();
            slot.game.log().game_number = next.first;
            slot.order = num_begun_++;
            finished_.emplace_back();
            ++next.first;
            if (--next.count == 0) to_play_.pop_front();
            chunk.refilled.push_back(i);
            any = true;
        }
    }
    return any;
}

void Pool::finish(Slot& slot) {
    Finished& to = finished_[static_cast<std::size_t>(slot.order - first_waiting_)].emplace();
    to.log = slot.game.log();
    to.would_resign = static_cast<std::int8_t>(slot.game.would_resign());
    to.played_on = slot.game.is_played_on();
    slot.order = -1;
    ++num_finished_;
}

/// Puts the rows of all chunks one after the other.
void Pool::gather(Half& half) {
    std::size_t num_rows = 0, num_legal = 0;
    for (Chunk& chunk : half.chunks) {
        chunk.first_row = num_rows;
        chunk.first_legal = num_legal;
        num_rows += static_cast<std::size_t>(chunk.rows.size());
        num_legal += chunk.rows.legal_action().size();
    }
    // Whoever keeps the rows of a round keeps them as they were.
    if (half.batch.use_count() > 1) half.batch = std::make_shared<search::LeafRows>(game_.info());
#ifndef __SANITIZE_THREAD__                               // which knows no fences
    std::atomic_thread_fence(std::memory_order_acquire);  // their last reader is done with them
#endif
    half.batch->resize(num_rows, num_legal);
    threads_.run(std::ssize(half.chunks), [&](std::ptrdiff_t i, int) {
        const Chunk& chunk = half.chunks[static_cast<std::size_t>(i)];
        half.batch->copy_rows(chunk.first_row, chunk.first_legal, chunk.rows);
    });
}

void Pool::receive(int number, std::span<const float> prior, std::span<const float> value) {
    const std::lock_guard lock(mutex_);
    check_usable();
    Half& half = half_at(number);
    if (!half.waits)
        throw std::logic_error("receive(" + std::to_string(number) +
                               ") without rows of a collect that wait for it");
    half.batch->check_evaluation(prior.size(), value.size());
    half.prior.resize(prior.size());
    half.value.resize(value.size());
    threads_.run(std::ssize(half.chunks), [&](std::ptrdiff_t i, int) {
        const Chunk& chunk = half.chunks[static_cast<std::size_t>(i)];
        const auto rows = static_cast<std::size_t>(chunk.rows.size());
        std::copy_n(prior.data() + chunk.first_legal, chunk.rows.legal_action().size(),
                    half.prior.data() + chunk.first_legal);
        std::copy_n(value.data() + chunk.first_row, rows, half.value.data() + chunk.first_row);
    });
    half.waits = false;
}

bool Pool::is_done() const {
    const std::lock_guard lock(mutex_);
    return num_finished_ == num_added_;
}

std::size_t Pool::num_ready() const {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    while (n < finished_.size() && finished_[n]) ++n;
    return n;
}

std::size_t Pool::num_under_way() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(num_begun_ - num_finished_);
}

void Pool::take_games(FinishedGames& out, std::size_t limit, bool gaps) {
    const std::lock_guard lock(mutex_);
    while (limit > 0 && !finished_.empty()) {
        std::optional<Finished>& game = finished_.front();
        if (!game) break;
        if (game->log.num_plies() > 0) {  // else it was taken before
            out.append(game->log);
            count(*game);
            --limit;
        }
        finished_.pop_front();
        ++first_waiting_;
    }
    if (!gaps) return;
    // Those behind a game under way keep their place, emptied.
    for (std::optional<Finished>& game : finished_) {
        if (limit == 0) return;
        if (!game || game->log.num_plies() == 0) continue;
        out.append(game->log);
        count(*game);
        game->log = {};
        --limit;
    }
}

void Pool::count(const Finished& game) {
    const GameLog& log = game.log;
    ++stats_.num_games;
    stats_.num_plies += static_cast<std::int64_t>(log.num_plies());
    ++stats_.num_terminations[static_cast<std::size_t>(log.termination)];
    stats_.sum_returns += log.returns[0];
    if (log.returns.size() == 2) {
        if (log.returns[0] == log.returns[1])
            ++stats_.num_draws;
        else
            ++stats_.num_wins[log.returns[1] > log.returns[0]];
    }
    if (game.played_on && game.would_resign >= 0) {
        ++stats_.num_played_on;
        stats_.num_false_resignations +=
            log.returns[static_cast<std::size_t>(game.would_resign)] >= 0;
    }
    for (const std::int32_t n : log.num_policy) stats_.num_policies += n > 0;
    stats_.dropped_mass += log.dropped_mass;
    stats_.worst_dropped_mass = std::max(stats_.worst_dropped_mass, log.worst_dropped_mass);
}

void Pool::set_model_version(std::uint64_t version) {
    const std::lock_guard lock(mutex_);
    if (cache_) cache_->set_model_version(version);
}

PoolStats Pool::stats() const {
    const std::lock_guard lock(mutex_);
    PoolStats stats = stats_;
    for (const PoolWorkspace& work : workspaces_) {
        stats.num_simulations += work.num_simulations;
        stats.num_full_searches += work.num_full;
        stats.num_fast_searches += work.num_fast;
        stats.num_cut_searches += work.num_cut;
    }
    if (cache_) {
        const search::EvalCache::Stats cache = cache_->stats();
        stats.cache_lookups = cache.lookups;
        stats.cache_hits = cache.hits;
    }
    return stats;
}

PoolMemory Pool::memory() const {
    const std::lock_guard lock(mutex_);
    PoolMemory memory;
    memory.nodes = shared_.memory.reserved_bytes();
    memory.nodes_limit = shared_.memory_bound(slots_.size(), workspaces_.size());
    for (const Slot& slot : slots_)
        memory.games += sizeof(Slot) + game_.info().state_bytes + slot.game.bytes();
    for (const Half& half : halves_) {
        memory.rows += half.batch->bytes() + (half.prior.capacity() + half.value.capacity()) * 4;
        for (const Chunk& chunk : half.chunks) memory.rows += chunk.rows.bytes();
    }
    if (cache_) memory.cache = cache_->stats().bytes;
    for (const std::optional<Finished>& game : finished_)
        memory.finished += sizeof game + (game ? game->log.bytes() : 0);
    return memory;
}

}  // namespace zerofleet::selfplay
