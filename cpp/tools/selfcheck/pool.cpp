// Selfcheck of the pool, for every game: the same records with one, two and three threads, one or
// two halves, few or many games at once, with and without a cache; records that replay; the cache
// shared by threads.
#include <cstring>
#include <string>
#include <vector>

#include "games/registry.h"
#include "search/fake_net.h"
#include "selfplay/pool.h"
#include "selfplay/replay.h"
#include "tools/selfcheck/pool.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {

selfplay::FinishedGames play_pool(const AnyGame& game, const selfplay::PoolOptions& options,
                                  std::int64_t num_games) {
    selfplay::Pool pool(game, options, 7);
    pool.add_games(10, num_games);
    const search::FakeNet net(search::FakeNet::Kind::kRandom);
    std::vector<float> prior, value;
    selfplay::FinishedGames games;
    for (int round = 0; !pool.is_done(); ++round) {
        const int half = round % options.num_halves;
        const auto rows = pool.collect(half);
        if (rows->size() == 0) continue;
        net.evaluate(*rows, prior, value);
        pool.receive(half, prior, value);
        pool.take_games(games, 1);
    }
    pool.take_games(games, 1000);
    const selfplay::PoolMemory memory = pool.memory();
    expect_true(memory.nodes <= memory.nodes_limit, game.info().spec + ": node memory");
    expect_equal(pool.stats().num_games, num_games, game.info().spec + ": games taken");
    return games;
}

void expect_same(const selfplay::FinishedGames& a, const selfplay::FinishedGames& b,
                 const std::string& where) {
    const auto same_bytes = [](const auto& x, const auto& y) {
        return x.size() == y.size() &&
               (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof x[0]) == 0);
    };
    expect_true(a.game_number == b.game_number && a.game_start == b.game_start &&
                    a.action == b.action && a.ply_flags == b.ply_flags &&
                    same_bytes(a.search_value, b.search_value) &&
                    a.policy_start == b.policy_start && a.policy_action == b.policy_action &&
                    a.policy_prob == b.policy_prob && same_bytes(a.returns, b.returns) &&
                    a.termination == b.termination,
                where + ": other records");
}

namespace {
template <class G>
void check_pool() {
    const auto game = any_game(options_of<G>().spec());
    constexpr std::int64_t kGames = 6;
    selfplay::PoolOptions options;
    options.num_games = 4;
    options.search.num_simulations = 8;
    options.search.full_search_probability = 0.4;
    options.search.fast_simulations = 4;
    options.play.num_random_plies = 2;
    options.play.temperature_plies = 6;
    options.play.resign_below = -0.3;
    options.play.resign_moves = 2;
    options.play.resign_play_on = 0.5;
    options.play.max_plies = 60;
    const auto games = play_pool(*game, options, kGames);
    expect_equal(static_cast<std::int64_t>(games.size()), kGames, game->info().spec + ": games");
    const GamesView view{.game_start = games.game_start,
                         .action = games.action,
                         .ply_flags = games.ply_flags,
                         .returns = games.returns,
                         .termination = games.termination,
                         .policy_start = games.policy_start,
                         .policy_action = games.policy_action,
                         .initial_start = {},
                         .initial_text = {}};
    replay_games<G>(view, 1, 1);
    const auto also = [&](const char* what) {
        expect_same(play_pool(*game, options, kGames), games, game->info().spec + ", " + what);
    };
    options.num_threads = 3;
    options.num_games = 5;
    also("three threads");
    options.num_threads = 2;
    options.num_halves = 2;
    options.cache_bytes = std::size_t{48} << 20;
    also("two threads, two halves, a cache");
}

}  // namespace

void selfcheck_pool() {
    for_each_game([]<class G>() { check_pool<G>(); });
}

}  // namespace zerofleet::selfcheck
