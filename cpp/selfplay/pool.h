// Many games of tree search at once, in one batch.
//
//     Pool pool(game, options, seed);
//     pool.add_games(0, 10'000);
//     while (!pool.is_done()) {
//         const auto rows = pool.collect(0);   // all threads search
//         ... evaluate all rows: prior of the legal actions, value from the mover's view ...
//         pool.receive(0, prior, value);
//         ... pool.take_games(finished) ...
//     }
//
// The games are dealt to one or two halves. While the rows of one half are with the device, the
// other one searches:
//
//     search   | collect 0 | collect 1 | receive 0, collect 0 | receive 1, collect 1 | ...
//     device               | ---- rows 0 ---- | ---- rows 1 ---- | ---- rows 0 ----  | ...
//
// A game is a function of the run's seed, its number, the settings and the evaluations. Finished
// games come out in the order in which their numbers were added. So neither threads, nor the cache,
// nor the number of games at once, nor the halves change what comes out. Without a cache the rows
// of every round are the same on any number of threads as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/cache_line.h"
#include "base/worker_threads.h"
#include "games/any_game.h"
#include "search/eval_cache.h"
#include "search/leaf_rows.h"
#include "search/mcts.h"
#include "selfplay/game_log.h"
#include "selfplay/play_options.h"
#include "selfplay/pool_game.h"

namespace zerofleet::selfplay {

struct PoolOptions {
    search::MctsOptions search;
    PlayOptions play;
    int num_games = 1024;  // at once
    int num_halves = 1;    // 1 or 2
    int num_threads = 1;
    std::size_t cache_bytes = 0;  // of the evaluation cache; 0: none
};

/// What a pool has done. Of finished games: those that were taken out.
struct PoolStats {
    std::uint64_t num_rounds = 0, num_rows = 0;  // batches handed out, and positions in them
    std::uint64_t num_simulations = 0;           // whose values are backed up
    std::uint64_t num_full_searches = 0, num_fast_searches = 0;
    std::uint64_t num_cut_searches = 0;  // of both, ended by their trees' limit
    std::uint64_t cache_lookups = 0, cache_hits = 0;

    std::int64_t num_games = 0, num_plies = 0;
    std::int64_t num_wins[2] = {}, num_draws = 0;          // of two players; resigned ones too
    double sum_returns = 0.0;                              // of player 0
    std::int64_t num_terminations[kNumTerminations] = {};  // by Termination
    /// Games in which somebody was to resign but that were played on, and those of them which the
    /// resigner did not lose: resignation's false positives.
    std::int64_t num_played_on = 0, num_false_resignations = 0;
    std::int64_t num_policies = 0;    // policy targets, and the mass they lost
    double dropped_mass = 0.0;        // of all of them
    float worst_dropped_mass = 0.0f;  // of one
};

/// Bytes a pool holds. It never shrinks.
struct PoolMemory {
    std::size_t nodes = 0;        // of search trees, in use or waiting for use
    std::size_t games = 0;        // states, and games as they are written down
    std::size_t rows = 0;         // batches
    std::size_t cache = 0;        // evaluation cache
    std::size_t finished = 0;     // games that wait to be taken, or for an earlier one
    std::size_t nodes_limit = 0;  // of `nodes`, whatever is played
};

class Pool {
  public:
    /// The game must outlive the pool. Throws std::invalid_argument naming a setting out of range.
    Pool(const AnyGame& game, const PoolOptions& options, std::uint64_t seed);

    /// Appends the numbers first .. first + count - 1 to those to be played. Seeds of games derive
    /// from the pool's seed and their number.
    void add_games(std::int64_t first, std::int64_t count);

    /// Searches with all threads until every game of the half awaits evaluations; games that end
    /// are replaced by the next numbers. The rows are overwritten by the half's next `collect`,
    /// unless somebody still holds them. No rows: nothing to evaluate this time, go on with the
    /// next call. Throws what a wrong evaluation deserves (Mcts::give_back) and what the rules of a
    /// Python game throw; the pool is of no use afterwards.
    std::shared_ptr<const search::LeafRows> collect(int half);
    /// Takes the evaluations of the rows of the last `collect` of this half: priors of the legal
    /// actions, row after row, and mover's values. Copies them.
    void receive(int half, std::span<const float> prior, std::span<const float> value);

    /// All games added so far are finished; nothing is under way.
    bool is_done() const;
    /// Moves out finished games, at most `limit`, in the order in which their numbers were added: a
    /// game waits for all before it. With `gaps` all that are finished, for a pool that is stopped.
    void take_games(FinishedGames& out, std::size_t limit, bool gaps = false);
    /// Games that `take_games` would give without gaps.
    std::size_t num_ready() const;
    std::size_t num_under_way() const;

    /// Evaluations from now on are another net's: none of the cache's are used.
    void set_model_version(std::uint64_t version);

    const PoolOptions& options() const { return options_; }
    PoolStats stats() const;
    PoolMemory memory() const;

  private:
    struct Slot {
        Slot(search::MctsShared& shared, const PlayOptions& play, search::EvaluateBoard evaluate)
            : game(shared, play, evaluate) {}
        PoolGame game;
        std::int64_t order = -1;  // of its number among all that were added; -1: idle
        int num_rows = 0;         // awaiting their evaluation
        std::size_t first_row = 0, first_legal = 0;  // in its chunk
    };
    /// Neighbouring slots, searched one after the other by one thread.
    struct alignas(kCacheLine) Chunk {
        Chunk(const GameInfo& info, std::size_t first, std::size_t last)
            : first_slot(first), last_slot(last), rows(info) {}
        std::size_t first_slot, last_slot;
        search::LeafRows rows;
        std::size_t first_row = 0, first_legal = 0;  // in the batch
        std::vector<std::size_t> idle;               // slots without rows: over, or never begun
        std::vector<std::size_t> refilled;           // those of them that begin a game
    };
    struct Half {
        std::vector<Chunk> chunks;
        std::shared_ptr<search::LeafRows> batch;
        std::vector<float> prior, value;  // of the batch
        bool waits = false;               // rows are out and not yet evaluated
    };
    struct Range {
        std::int64_t first, count;
    };
    struct Finished {
        GameLog log;
        std::int8_t would_resign = -1;
        bool played_on = false;
    };

    void continue_chunk(Half& half, Chunk& chunk, PoolWorkspace& work);
    void continue_group(Half& half, Chunk& chunk, std::span<Slot* const> group,
                        PoolWorkspace& work);
    void collect_slot(Slot& slot, Chunk& chunk, PoolWorkspace& work);
    bool refill(Half& half);
    void gather(Half& half);
    void finish(Slot& slot);
    void count(const Finished& game);
    Half& half_at(int half);
    void check_usable() const;

    const AnyGame& game_;
    const PoolOptions options_;
    const std::uint64_t seed_;
    search::MctsShared shared_;
    std::unique_ptr<search::EvalCache> cache_;
    AnyState initial_;
    std::vector<Slot> slots_;
    std::vector<Half> halves_;
    std::vector<PoolWorkspace> workspaces_;  // [thread]
    WorkerThreads threads_;

    mutable std::mutex mutex_;  // of everything below and of `collect`: one call at a time
    std::deque<Range> to_play_;
    std::int64_t num_added_ = 0, num_begun_ = 0, num_finished_ = 0;
    std::int64_t first_waiting_ = 0;                // order of finished_[0]
    std::deque<std::optional<Finished>> finished_;  // by order
    PoolStats stats_;
    bool failed_ = false;
};

}  // namespace zerofleet::selfplay
