#include "selfplay/datagen.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "base/parallel.h"
#include "base/rng.h"
#include "games/registry.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"
#include "search/greedy.h"
#include "search/minimax.h"
#include "selfplay/openings.h"
#include "selfplay/record.h"

namespace zerofleet::selfplay {

namespace {

using search::Tactics;

struct PlayedGame {
    GameLog log;
    bool finished = false;
};

/// Draws a move with probability proportional to exp((score - best) / (512 temperature)).
/// Weights are integers: the same draw on every processor.
Action sample(const std::vector<std::pair<Action, int>>& scores, int best, double temperature,
              Rng& rng) {
    // Beyond 2^46 the best moves alone are drawn, and products would overflow.
    const auto sharpness =
        static_cast<std::uint64_t>(std::llround(std::min(2.0 * 1024.0 / temperature, 0x1p46)));
    std::vector<std::uint64_t> weights;
    std::uint64_t total = 0;
    for (const auto& [action, score] : scores) {
        const auto behind = static_cast<std::uint64_t>(best - score);
        weights.push_back(search::exp_minus(behind * sharpness / 1024) >> 16);
        total += weights.back();
    }
    std::uint64_t point = rng.next() % total;  // bias below 2^-10
    for (std::size_t i = 0;; ++i) {
        if (point < weights[i]) return scores[i].first;
        point -= weights[i];
    }
}

/// Plays games one after the other; one per thread.
template <GameType Game, class Evaluator>
class GamePlayer {
  public:
    using State = typename Game::State;

    template <class... EvaluatorArgs>
    GamePlayer(const DatagenSettings& settings, std::uint64_t seed, GamesProgress& progress,
               EvaluatorArgs&&... args)
        : settings_(settings),
          seed_(seed),
          progress_(progress),
          search_(settings.search, std::forward<EvaluatorArgs>(args)...) {
        limits_.depth = settings.depth;
        limits_.nodes = settings.nodes;
        limits_.stop = &progress.stop;
    }

    PlayedGame play(const State& start, std::int64_t number, const std::vector<Action>& opening) {
        search_.new_game();
        // Another stream than the opening's.
        Rng rng(derive_seed(derive_seed(seed_, static_cast<std::uint64_t>(number)), ~0ull));
        PlayedGame game;
        game.log.game_number = number;
        State s = start;
        for (const Action a : opening) {
            game.log.add(a, kPlyRandomOpening, GameLog::kNoValue);
            s.apply(a);
        }
        for (int ply = 0; !s.is_terminal(); ++ply) {
            const Choice choice = choose(s, ply < settings_.temperature_plies, rng);
            if (progress_.stop.load(std::memory_order_relaxed)) return game;
            const bool proven = search::is_proven(choice.score);
            const bool quiet = !proven && !Tactics<Game>::is_tactical(s, choice.best);
            game.log.add(choice.action, kPlyValueTarget | (quiet ? kPlyQuiet : 0),
                         search::value_of(choice.score));
            const State before = s;
            s.apply(choice.action);
            if (proven && !s.is_terminal() && settings_.adjudicate &&
                confirms(before, choice.score)) {
                const int winner = choice.score > 0 ? before.to_play() : 1 - before.to_play();
                game.log.returns = {winner == 0 ? 1.0f : -1.0f, winner == 0 ? -1.0f : 1.0f};
                game.log.termination = Termination::kAdjudicated;
                game.finished = true;
                return game;
            }
        }
        const Returns<2> returns = s.returns();
        game.log.returns.assign(returns.begin(), returns.end());
        if (at_length_bound(s)) game.log.termination = Termination::kLengthBound;
        game.finished = true;
        return game;
    }

  private:
    struct Choice {
        Action action;  // played
        Action best;
        int score;  // of best
    };

    Choice choose(const State& s, bool draw, Rng& rng) {
        if (draw && settings_.temperature > 0) {
            const auto scores = search_.search_each(s, limits_);
            count();
            if (!scores.empty()) {  // else stopped, or out of nodes
                auto best = scores.front();
                for (const auto& candidate : scores)
                    if (candidate.second > best.second) best = candidate;
                return {sample(scores, best.second, settings_.temperature, rng), best.first,
                        best.second};
            }
        }
        const auto result = search_.search(s, limits_);
        count();
        return {result.action, result.action, result.score};
    }

    void count() {
        progress_.nodes.fetch_add(search_.nodes(), std::memory_order_relaxed);
        progress_.evaluations.fetch_add(search_.evaluations(), std::memory_order_relaxed);
        progress_.expanded.fetch_add(search_.expanded(), std::memory_order_relaxed);
    }

    bool confirms(const State& s, int score) const {
        std::int64_t budget = settings_.proof_nodes;
        return score > 0 ? search::proves_win<Game>(s, search::kWin - score, budget)
                         : search::proves_loss<Game>(s, search::kWin + score, budget);
    }

    DatagenSettings settings_;
    std::uint64_t seed_;
    GamesProgress& progress_;
    search::SearchLimits limits_;
    search::AlphaBeta<Game, Evaluator> search_;
};

template <GameType Game, class Evaluator, class... EvaluatorArgs>
FinishedGames generate(const GameOptions& options, const DatagenSettings& settings,
                       std::uint64_t seed, std::int64_t first_game, std::int64_t num_games,
                       int num_threads, GamesProgress& progress, const EvaluatorArgs&... args) {
    const auto start = initial_state<Game>(options);
    Openings<Game> openings(start, seed, settings.num_random_plies, first_game, num_games);
    std::vector<PlayedGame> games(static_cast<std::size_t>(num_games));
    share_indices(num_threads, num_games, [&](auto&& next) {
        GamePlayer<Game, Evaluator> player(settings, seed, progress, args...);
        for (auto i = next(); i >= 0 && !progress.stop.load(std::memory_order_relaxed);
             i = next()) {
            PlayedGame& game = games[static_cast<std::size_t>(i)];
            game = player.play(start, first_game + i, openings.of_game(first_game + i));
            if (!game.finished) continue;
            std::int64_t quiet = 0;
            for (const std::uint8_t flags : game.log.ply_flags) quiet += (flags & kPlyQuiet) != 0;
            progress.plies.fetch_add(static_cast<std::int64_t>(game.log.num_plies()),
                                     std::memory_order_relaxed);
            progress.quiet.fetch_add(quiet, std::memory_order_relaxed);
            progress.games.fetch_add(1, std::memory_order_relaxed);
        }
    });
    FinishedGames out;
    for (const PlayedGame& game : games)
        if (game.finished) out.append(game.log);
    return out;
}

template <class T>
void require(bool holds, const char* field, const char* range, T value) {
    if (!holds)
        throw std::invalid_argument(std::string(field) + " must be " + range + ", got " +
                                    std::to_string(value));
}

}  // namespace

void DatagenSettings::check() const {
    require(depth >= 1, "depth", "at least 1", depth);
    require(num_random_plies >= 0, "num_random_plies", "at least 0", num_random_plies);
    require(temperature >= 0 && temperature <= 100, "temperature", "in 0..100", temperature);
    require(temperature_plies >= 0, "temperature_plies", "at least 0", temperature_plies);
    require(proof_nodes >= 0, "proof_nodes", "at least 0", proof_nodes);
    require(search.table_kib >= 1 && search.table_kib <= (1u << 20), "table_kib", "in 1..1048576",
            search.table_kib);
    require(search.aspiration >= 0, "aspiration", "at least 0", search.aspiration);
}

FinishedGames generate_games(std::string_view game, const nnue::Network* network,
                             const DatagenSettings& settings, std::uint64_t seed,
                             std::int64_t first_game, std::int64_t num_games, int num_threads,
                             GamesProgress& progress) {
    settings.check();
    require(first_game >= 0, "first_game", "at least 0", first_game);
    require(num_games >= 0 && num_games <= (std::int64_t{1} << 62) - first_game, "num_games",
            "at least 0, with numbers below 2^62", num_games);
    require(num_threads >= 1 && num_threads <= 4096, "num_threads", "in 1..4096", num_threads);
    return search::with_alphabeta_game(game, [&]<class Game>(const GameOptions& options) {
        if (network != nullptr)
            return generate<Game, nnue::Evaluator<Game>>(
                options, settings, seed, first_game, num_games, num_threads, progress, *network);
        return generate<Game, search::GreedyEvaluator<Game>>(options, settings, seed, first_game,
                                                             num_games, num_threads, progress);
    });
}

}  // namespace zerofleet::selfplay
