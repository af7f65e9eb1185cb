#include "search/searcher.h"

#include <stdexcept>
#include <string>

#include "base/parallel.h"
#include "base/rng.h"
#include "games/registry.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"
#include "search/greedy.h"
#include "search/minimax.h"

namespace zerofleet::search {

namespace {

/// A position in which somebody moves.
template <GameType Game>
typename Game::State open_position(const std::uint8_t* packed) {
    const auto state = Game::State::unpack(packed);
    if (state.is_terminal())
        throw std::invalid_argument(std::string(Game::kName) +
                                    ": the game is over: " + state.text());
    return state;
}

template <GameType Game, class Evaluator>
class SearcherOf final : public Searcher {
  public:
    template <class... EvaluatorArgs>
    explicit SearcherOf(const AlphaBetaOptions& options, const EvaluatorArgs&... args)
        : search_(options, args...), plain_(args...) {}

    int packed_bytes() const override { return Game::kPackedBytes; }
    SearchResult search(const std::uint8_t* packed, const SearchLimits& limits,
                        std::uint64_t shuffle_seed) override {
        return search_.search(Game::State::unpack(packed), limits, shuffle_seed);
    }
    std::vector<std::pair<Action, int>> search_each(const std::uint8_t* packed,
                                                    const SearchLimits& limits) override {
        return search_.search_each(Game::State::unpack(packed), limits);
    }
    int minimax(const std::uint8_t* packed, int depth, bool quiescence) override {
        if (depth < 0)
            throw std::invalid_argument("depth must be at least 0, got " + std::to_string(depth));
        const auto state = open_position<Game>(packed);
        plain_.reset(state);
        return search::minimax<Game>(plain_, state, depth, quiescence);
    }
    void new_game() override { search_.new_game(); }

  private:
    AlphaBeta<Game, Evaluator> search_;
    Evaluator plain_;  // of minimax
};

}  // namespace

std::unique_ptr<Searcher> make_searcher(std::string_view game, const nnue::Network* network,
                                        const AlphaBetaOptions& options) {
    return with_alphabeta_game(game, [&]<class Game>() -> std::unique_ptr<Searcher> {
        if (network != nullptr)
            return std::make_unique<SearcherOf<Game, nnue::Evaluator<Game>>>(options, *network);
        return std::make_unique<SearcherOf<Game, GreedyEvaluator<Game>>>(options);
    });
}

int packed_bytes(std::string_view game) {
    return with_game(game, []<class Game>() { return int{Game::kPackedBytes}; });
}

BatchResult search_batch(std::string_view game, const nnue::Network* network,
                         const AlphaBetaOptions& options, const SearchLimits& limits,
                         std::span<const std::uint8_t> packed, std::span<const std::uint64_t> seeds,
                         int num_threads) {
    const std::size_t n = seeds.size();
    const auto stride = static_cast<std::size_t>(packed_bytes(game));
    if (packed.size() != n * stride)
        throw std::invalid_argument("expected " + std::to_string(n) + " positions of " +
                                    std::to_string(stride) + " bytes, one per seed, got " +
                                    std::to_string(packed.size()) + " bytes");
    BatchResult out{std::vector<Action>(n), std::vector<int>(n), std::vector<std::uint64_t>(n)};
    share_indices(num_threads, static_cast<std::ptrdiff_t>(n), [&](auto&& next) {
        const auto searcher = make_searcher(game, network, options);
        for (std::ptrdiff_t i; (i = next()) >= 0;) {
            const auto k = static_cast<std::size_t>(i);
            searcher->new_game();
            // 0 would mean the game's own order.
            const std::uint64_t shuffle = mix64(seeds[k]) | 1;
            const auto result = searcher->search(packed.data() + k * stride, limits, shuffle);
            out.action[k] = result.action;
            out.score[k] = result.score;
            out.nodes[k] = result.nodes;
        }
    });
    return out;
}

bool proves(std::string_view game, const std::uint8_t* packed, bool win, int plies,
            std::int64_t budget) {
    return with_alphabeta_game(game, [&]<class Game>() {
        const auto state = open_position<Game>(packed);
        return win ? proves_win<Game>(state, plies, budget)
                   : proves_loss<Game>(state, plies, budget);
    });
}

}  // namespace zerofleet::search
