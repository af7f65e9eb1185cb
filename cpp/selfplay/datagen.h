// Training games by alpha-beta on many threads. A game depends on nothing but the model, the
// settings, the seed and its number, so the same batch has the same bytes on any number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "nnue/network.h"
#include "search/alphabeta.h"
#include "selfplay/game_log.h"

namespace zerofleet::selfplay {

struct DatagenSettings {
    search::AlphaBetaOptions search;
    /// Search depth of every ply, in plies.
    int depth = 8;
    /// Node limit of every ply; 0 = none. Exact, hence as deterministic as the depth.
    std::uint64_t nodes = 0;
    /// Uniformly random plies at the start (Openings).
    int num_random_plies = 8;
    /// Moves are drawn with probability proportional to exp(score / (512 temperature)), i.e. over
    /// logits of the win probability, for the first `temperature_plies` plies after the opening.
    double temperature = 0.0;
    int temperature_plies = 0;
    /// End a game when search has found a forced result and it has been proven again from the
    /// rules alone, within `proof_nodes` nodes. Off: every game is played to the end.
    bool adjudicate = true;
    std::int64_t proof_nodes = 20'000;

    /// Throws std::invalid_argument naming the field, its range and what came.
    void check() const;
};

/// What running threads publish and anybody may read or stop; relaxed atomics.
struct GamesProgress {
    std::atomic<std::int64_t> games{0};   // finished
    std::atomic<std::int64_t> plies{0};   // of finished games
    std::atomic<std::int64_t> quiet{0};   // quiet plies of finished games
    std::atomic<std::uint64_t> nodes{0};  // positions entered by search
    std::atomic<std::uint64_t> evaluations{0};
    std::atomic<std::uint64_t> expanded{0};  // positions whose moves were generated
    std::atomic<bool> stop{false};
};

/// Plays games [first_game, first_game + num_games) with `network`, or with the hand-written
/// heuristic if it is null; they come in order of their number and have no policies. When
/// `progress.stop` is set, games under way are dropped and what is finished comes back: not always
/// a contiguous range. Throws std::invalid_argument for unknown games, settings out of range, a
/// network of another game.
FinishedGames generate_games(std::string_view game, const nnue::Network* network,
                             const DatagenSettings& settings, std::uint64_t seed,
                             std::int64_t first_game, std::int64_t num_games, int num_threads,
                             GamesProgress& progress);

}  // namespace zerofleet::selfplay
