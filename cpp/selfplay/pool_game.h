// One of the games of a pool: its tree, what was played, and the rules of self-play around the
// search: random openings, temperature, resignation, length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "search/board_value.h"
#include "search/mcts.h"
#include "selfplay/game_log.h"
#include "selfplay/play_options.h"

namespace zerofleet::selfplay {

/// Scratch of one thread, and what it has counted.
struct PoolWorkspace {
    explicit PoolWorkspace(const AnyGame& game) : search(game) {}

    search::MctsWorkspace search;
    std::vector<std::size_t> order;
    std::vector<Action> actions;
    std::vector<float> policy;
    std::uint64_t num_simulations = 0;
    std::uint64_t num_full = 0, num_fast = 0;  // finished searches
    std::uint64_t num_cut = 0;                 // of both, that ended early
};

/// All of it is a function of the seed, the settings and the evaluations.
class PoolGame {
  public:
    /// `evaluate` gives the result of a game that `max_plies` stops; null: it is a draw.
    PoolGame(search::MctsShared& shared, const PlayOptions& options, search::EvaluateBoard evaluate)
        : shared_(&shared), options_(&options), evaluate_(evaluate), tree_(shared) {}

    /// Begins a game. `initial`: a state that is not terminal.
    void start(const void* initial, std::int64_t number, std::uint64_t seed, PoolWorkspace& work);
    /// Plays until rows await their evaluation; returns how many. 0: the game is over.
    int collect(PoolWorkspace& work, search::LeafRows& rows, search::EvalCache* cache);
    /// Takes the evaluations of those rows, as `Mcts::give_back`.
    void give_back(const float* prior, const float* value, search::EvalCache* cache) {
        tree_.give_back(prior, value, cache);
    }

    const GameLog& log() const { return log_; }
    GameLog& log() { return log_; }
    /// The player who would have resigned in a game that was played on to measure how often that
    /// is a mistake; -1: nobody.
    int would_resign() const { return would_resign_; }
    bool is_played_on() const { return plays_on_; }

    /// Its search is taken down its tree together with those of other games: Mcts::begin_walk.
    search::Mcts& tree() { return tree_; }
    std::size_t bytes() const { return log_.bytes(); }

  private:
    bool try_opening(const void* initial, int num_plies, Rng rng, PoolWorkspace& work);
    void play_move(PoolWorkspace& work);
    /// Of the next move.
    double temperature() const;
    /// Without search: makes the net's policy the one the move is drawn from.
    void temper(std::vector<float>& policy) const;
    /// Index into `actions` of the move to play.
    std::size_t choose(const search::MctsResult& result, std::span<const Action> actions,
                       std::span<const float> policy);
    bool wants_to_resign(const search::MctsResult& result, float value_played);
    void proceed(PoolWorkspace& work);
    /// `winner` counts unless the rules say the result; -1: a draw.
    void end(Termination why, bool by_the_rules, int winner = -1);
    /// The player who is ahead where `max_plies` stops the game; -1: nobody.
    int ahead(int to_play) const;

    search::MctsShared* shared_;
    const PlayOptions* options_;
    search::EvaluateBoard evaluate_;
    search::Mcts tree_;
    GameLog log_;
    Rng rng_{0};
    std::uint64_t num_counted_ = 0;  // simulations
    int to_play_ = 0;
    int num_moves_ = 0;         // of the players, opening excluded
    int num_hopeless_[2] = {};  // moves in a row
    int would_resign_ = -1;
    bool plays_on_ = false, over_ = true;
};

}  // namespace zerofleet::selfplay
