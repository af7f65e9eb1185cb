// Monte Carlo tree search of one game being played: what a self-play pool has thousands of.
//
//     MctsShared shared(game, options);              // one per pool: rules, settings, node memory
//     MctsWorkspace work(game);                      // one per thread
//     LeafRows rows(game.info());                    // one per thread and round
//     Mcts tree(shared);                             // one per game
//
//     tree.new_game(state, seed);                    // a position where a player moves
//     tree.begin_move();                             // draws whether the search is full or fast
//     while (!tree.done()) {
//         rows.clear();
//         if (tree.collect(work, rows, cache) > 0)   // rows of this tree, contiguous
//             ... evaluate all rows ...              // rows of many trees make one batch
//             tree.give_back(priors, values, cache); // of its own rows, in their order
//     }
//     const MctsResult& r = tree.result();
//     tree.advance(r.action);                        // keeps the subtree; chance outcomes too
//
// A tree belongs to one thread at a time, any thread. Its results depend on the seed, the positions
// and the evaluations alone: not on threads, on the cache, or on what else is in a batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/cache_line.h"
#include "base/rng.h"
#include "games/any_game.h"
#include "search/eval_cache.h"
#include "search/gumbel.h"
#include "search/leaf_rows.h"
#include "search/mcts_options.h"
#include "search/node_memory.h"
#include "search/puct.h"
#include "search/tree.h"

namespace zerofleet::search {

/// How large a tree may grow. A kept subtree that leaves no room for the next search is forgotten
/// before it; a tree that reaches a limit during a search ends that search with the simulations
/// done, at least one. Both are facts of the tree alone, so games do not depend on what else is in
/// memory.
struct TreeLimits {
    std::size_t nodes;
    /// Of memory. When a search begins, a third is free. A descent that begins below the limit may
    /// pass it by at most two chunks.
    std::size_t bytes;
};

/// What the trees of a pool share; constant but for the free list of node memory. The game must
/// outlive it, and it its trees.
struct MctsShared {
    /// Throws std::invalid_argument if the options do not fit the game.
    MctsShared(const AnyGame& game, const MctsOptions& options);

    const AnyGame& game;
    const MctsOptions options;
    const Exploration exploration;
    NodeMemory memory;
    const int most_simulations;  // of a full or a fast search
    const TreeLimits limits;     // for so many

    /// For a search of so many simulations: where an option is 0, eight times the nodes it can add,
    /// and 4 KiB for each simulation or, if that is less, three times what it would add if all
    /// actions were legal everywhere; four chunks at least.
    TreeLimits limits_of(int num_simulations) const;
    /// What the memory of `num_trees` trees cannot exceed, `num_threads` of them being pruned.
    std::size_t memory_bound(std::size_t num_trees, std::size_t num_threads) const {
        return (num_trees + num_threads) * (limits.bytes + 2 * memory.chunk_bytes());
    }
};

/// Scratch of one thread.
struct alignas(kCacheLine) MctsWorkspace {
    explicit MctsWorkspace(const AnyGame& game)
        : state(game), choices(game.info()), numbers(game.info().max_choices() + 1u) {}

    AnyState state;
    Choices choices;
    LineVector<Action> path;
    LineVector<double> numbers;
};

/// What the search of one move found. The lists are parallel, one entry per legal action, in no
/// particular order.
struct MctsResult {
    Action action = -1;       // to play: most visited, or the winner of the Gumbel root
    float value = 0.0f;       // mean of all values seen, the root's own included; mover's view
    float net_value = 0.0f;   // the net's value of the root
    bool fast = false;        // a fast search of playout-cap randomisation: no policy target
    int num_simulations = 0;  // of this move
    bool cut_short = false;   // fewer than asked for: the tree has reached its limit
    std::uint32_t visits_kept = 0;  // simulations kept from earlier moves
    std::vector<Action> actions;
    std::vector<float> policy;  // the policy target, sums to 1; without search the net's
    std::vector<std::uint32_t> visits;
    std::vector<float> q;      // mover's view; NaN without visits
    std::vector<float> prior;  // the net's, without noise
};

class Mcts {
  public:
    explicit Mcts(MctsShared& shared);

    /// Forgets everything. `state`: a state of the game where a player moves. All random numbers of
    /// this game derive from `seed`. `root_actions`: the first move is one of these; none: any.
    /// They are legal there and differ.
    void new_game(const void* state, std::uint64_t seed, std::span<const Action> root_actions = {});

    /// Starts the search of the position. Without an argument, chance decides between a full and a
    /// fast search as `full_search_probability` says.
    void begin_move() { begin_move(!draw_full()); }
    /// `noise`: replaces the noise of this move, indexed by action: gumbels, or a point of the
    /// simplex for PUCT. `num_simulations` > 0 replaces that of the options.
    void begin_move(bool fast, std::span<const double> noise = {}, int num_simulations = 0);
    /// Ends a search in the middle and forgets the tree: after rows that nobody evaluates, and
    /// after a `collect` that threw, which leaves behind half a descent.
    void abandon();
    /// Goes on with the finished search of this move, by so many simulations. PUCT only: sequential
    /// halving plans for a number it knows before. Throws std::invalid_argument.
    void resume(int num_simulations);
    /// The move's simulations are finished and `result` may be asked.
    bool done() const { return searching_ && started_ == budget_ && pending_.empty() && ready_; }

    /// Runs simulations until `leaves_per_round` leaves await their evaluation (fewer where the
    /// method needs values first or descents meet) or the search is done, and appends their rows.
    /// Returns how many; 0: `done()`. What the cache knows does not become a row.
    int collect(MctsWorkspace& work, LeafRows& rows, EvalCache* cache = nullptr);
    /// Takes the evaluations of the rows of the last `collect`: priors of their legal actions one
    /// row after the other, and mover's values. Throws std::runtime_error, naming the position, if
    /// they are no probabilities or no values in [-1, 1].
    void give_back(const float* prior, const float* value, EvalCache* cache = nullptr);

    /// Of the finished search. Valid until the next call.
    const MctsResult& result();
    /// The most visited line that begins with `first`; empty if that was never visited. It ends
    /// before nature moves.
    std::vector<Action> line(Action first) const;
    /// Plies of the descents of this move: their sum and the largest.
    std::uint64_t sum_depths() const { return sum_depths_; }
    int largest_depth() const { return largest_depth_; }

    /// Plays an action, or an outcome at a chance node, and keeps what the tree knows about it.
    void advance(Action action);
    const AnyState& state() const { return state_; }

    Rng& rng() { return rng_; }  // for choices the player makes with the result
    std::size_t num_nodes() const { return tree_.num_nodes(); }
    std::size_t reserved_bytes() const { return tree_.reserved_bytes(); }
    /// Of the search that was begun last.
    const TreeLimits& limits() const { return limits_; }
    /// Of all moves since `new_game`.
    std::uint64_t num_simulations() const { return total_simulations_; }

    // A thousand trees do not fit in a cache, and most of a simulation would be waiting for memory.
    // So a pool takes the trees of a group together: while memory answers one, it asks for others.

    /// Asks the processor for what `give_back` will touch, and the root. Each of the steps 0, 1 and
    /// 2 reads what the step before has asked for.
    void prefetch(int step) const;
    /// Begins the first descent of the next `collect`, which goes on with it: what it finds is the
    /// same. Nothing but `walk` and `collect` may be called until then.
    void begin_walk();
    /// Asks for what `walk` will read.
    void look_ahead() const;
    /// Goes one level down; false: it is all the way down.
    bool walk(MctsWorkspace& work);

  private:
    struct Step {
        Node* node;
        int edge;
    };
    /// Of a descent: the edge it takes next. No node: there is no descent under way.
    struct Walk {
        Node* node = nullptr;
        int edge = 0;
        std::size_t first_step = 0;  // of steps_
    };
    struct Pending {
        Node* leaf;
        std::size_t first_step, num_steps;  // of steps_
        bool has_row;
        RowKey key;  // with a cache
    };
    enum class Descent { kLeaf, kFinished, kCollision };

    bool draw_full();
    bool has_room() const;
    void set_root(Node* node);
    void prepare_root();
    void draw_noise(std::vector<double>& out);
    Pending* evaluate(Node* leaf, MctsWorkspace& work, LeafRows& rows, EvalCache* cache);
    void finish_round();
    int select_root();
    Descent descend(MctsWorkspace& work, LeafRows& rows, EvalCache* cache);
    Descent finish(std::size_t first_step, double value_p0);
    void back_up(std::span<const Step> steps, double value_p0);
    void check_evaluation(std::span<const float> prior, float value) const;

    MctsShared* shared_;
    AnyState state_;                    // at the root
    std::vector<Action> root_actions_;  // the only ones at this root, or empty
    Tree tree_;
    Rng rng_{0};

    // The root. Its visits and values include its own evaluation; mover's view.
    std::uint32_t root_visits_ = 0;
    double root_value_sum_ = 0.0;
    bool prepared_ = false;            // noise is drawn, raw_priors_ are saved
    std::vector<float> raw_priors_;    // by position of the root's edges
    std::vector<double> noise_;        // by position
    std::vector<double> given_noise_;  // by action; empty: drawn
    GumbelRoot gumbel_;

    // The move.
    bool searching_ = false, fast_ = false, ready_ = false, cut_short_ = false;
    TreeLimits limits_{};
    int budget_ = 0, started_ = 0;
    std::uint32_t in_flight_ = 0, visits_kept_ = 0;
    std::uint64_t total_simulations_ = 0;
    std::uint64_t sum_depths_ = 0;
    int largest_depth_ = 0;
    std::vector<Pending> pending_;
    std::vector<Step> steps_;
    Walk walk_;
    MctsResult result_;
};

}  // namespace zerofleet::search
