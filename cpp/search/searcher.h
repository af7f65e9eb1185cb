// Alpha-beta with the game and the evaluator chosen at run time: what Python and match play use.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "nnue/network.h"
#include "search/alphabeta.h"

namespace zerofleet::search {

/// AlphaBeta<Game, Evaluator> behind packed positions. One thread at a time.
class Searcher {
  public:
    virtual ~Searcher() = default;
    virtual int packed_bytes() const = 0;
    /// See AlphaBeta. `packed` has packed_bytes() bytes; throws std::invalid_argument if it is no
    /// position or a finished one.
    virtual SearchResult search(const std::uint8_t* packed, const SearchLimits& limits,
                                std::uint64_t shuffle_seed) = 0;
    virtual std::vector<std::pair<Action, int>> search_each(const std::uint8_t* packed,
                                                            const SearchLimits& limits) = 0;
    /// Plain minimax (search/minimax.h): slow, for tests. `depth` >= 0; throws as `search`.
    virtual int minimax(const std::uint8_t* packed, int depth, bool quiescence) = 0;
    virtual void new_game() = 0;
};

/// `network` null: the hand-written heuristic. The network must outlive the searcher.
/// Throws std::invalid_argument for an unknown game or a network of another game.
std::unique_ptr<Searcher> make_searcher(std::string_view game, const nnue::Network* network,
                                        const AlphaBetaOptions& options);

/// Bytes of a packed position of a game.
int packed_bytes(std::string_view game);

struct BatchResult {
    std::vector<Action> action;        // [N]
    std::vector<int> score;            // [N] mover's view
    std::vector<std::uint64_t> nodes;  // [N]
};

/// Searches N unrelated positions, each on its own from an empty table: the answer for a position
/// depends on it, its seed and the limits alone. Moves of equal value are chosen between by seed.
BatchResult search_batch(std::string_view game, const nnue::Network* network,
                         const AlphaBetaOptions& options, const SearchLimits& limits,
                         std::span<const std::uint8_t> packed, std::span<const std::uint64_t> seeds,
                         int num_threads);

/// True if `packed` is proven won / lost for the mover within `plies`, from the rules alone and
/// within `budget` nodes (search/minimax.h). Throws std::invalid_argument for what is no position
/// or a finished one.
bool proves(std::string_view game, const std::uint8_t* packed, bool win, int plies,
            std::int64_t budget);

}  // namespace zerofleet::search
