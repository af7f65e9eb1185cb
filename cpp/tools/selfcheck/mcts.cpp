// Selfcheck of tree search, for every game and both selections: visits add up, policies are
// distributions, nodes stay bounded, lines are legal, searches go on and keep to the root actions
// they are given, and games are the same with and without a cache, alone or beside others on two
// threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "games/registry.h"
#include "search/fake_net.h"
#include "search/mcts.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

/// Checks what must hold of every result, and returns a signature of it.
std::uint64_t check_result(const search::MctsResult& r, const search::Mcts& tree,
                           const search::MctsShared& shared, const std::string& where) {
    const std::size_t n = r.actions.size();
    std::uint64_t visits = 0, signature = static_cast<std::uint64_t>(r.action);
    float policy = 0.0f, prior = 0.0f;
    bool legal = false;
    for (std::size_t i = 0; i < n; ++i) {
        visits += r.visits[i];
        policy += r.policy[i];
        prior += r.prior[i];
        legal = legal || r.actions[i] == r.action;
        expect_true(r.visits[i] == 0 ? std::isnan(r.q[i]) : std::abs(r.q[i]) <= 1.0001f,
                    where + ": q");
        signature = derive_seed(
            signature, std::uint64_t{r.visits[i]} << 20 | static_cast<std::uint64_t>(r.actions[i]));
    }
    expect_equal(visits, std::uint64_t{r.visits_kept} + static_cast<unsigned>(r.num_simulations),
                 where + ": visits");
    expect_true(std::abs(policy - 1) < 1e-3f && std::abs(prior - 1) < 1e-2f, where + ": policy");
    expect_true(legal && std::abs(r.value) <= 1.0001f, where + ": action and value");
    expect_true(tree.num_nodes() <= shared.limits.nodes, where + ": bounded nodes");
    return derive_seed(signature,
                       static_cast<std::uint64_t>(static_cast<std::int64_t>(r.value * 1e6f)));
}

/// Every first move's line can be played, and only moves that were visited have one.
void check_lines(const search::Mcts& tree, const search::MctsResult& r, const std::string& where) {
    const AnyGame& game = tree.state().game();
    for (std::size_t i = 0; i < r.actions.size(); ++i) {
        const std::vector<Action> line = tree.line(r.actions[i]);
        expect_equal(line.empty(), r.visits[i] == 0, where + ": a line");
        AnyState state = tree.state();
        for (const Action a : line) {
            expect_true(game.is_legal(state.get(), a), where + ": a line is legal");
            state.apply(a);
        }
    }
}

/// Plays one game and returns its signature.
std::uint64_t play_mcts(search::MctsShared& shared, search::EvalCache* cache, std::uint64_t seed,
                        int max_moves) {
    const AnyGame& game = shared.game;
    search::MctsWorkspace work(game);
    search::LeafRows rows(game.info());
    const search::FakeNet net(search::FakeNet::Kind::kRandom);
    std::vector<float> prior, value;
    search::Mcts tree(shared);
    const AnyState initial(game);
    tree.new_game(initial.get(), seed);
    std::uint64_t signature = seed;
    const auto search_on = [&] {
        while (!tree.done()) {
            rows.clear();
            const int count = tree.collect(work, rows, cache);
            expect_equal(count, rows.size(), game.info().spec + ": rows");
            if (count == 0) continue;
            net.evaluate(rows, prior, value);
            tree.give_back(prior.data(), value.data(), cache);
        }
    };
    for (int move = 0; move < max_moves;) {
        const Position position = game.look(tree.state().get(), work.choices);
        if (position.terminal) break;
        if (position.chance) {
            tree.advance(
                work.choices
                    .actions()[tree.rng().below(static_cast<std::uint32_t>(work.choices.size()))]);
            continue;
        }
        ++move;
        const std::string where = game.info().spec + " " + game.text(tree.state().get());
        if (move % 4 == 0) {  // the first two moves only
            const auto legal = work.choices.actions();
            const std::vector<Action> some(
                legal.begin(), legal.begin() + std::min<std::ptrdiff_t>(2, work.choices.size()));
            const AnyState here = tree.state();
            tree.new_game(here.get(), derive_seed(seed, static_cast<std::uint64_t>(move)), some);
            tree.begin_move();
            search_on();
            expect_equal(tree.result().actions.size(), some.size(), where + ": root actions");
        } else {
            tree.begin_move();
            search_on();
        }
        if (shared.options.selection == search::Selection::kPuct && move % 3 == 0) {
            tree.resume(20);
            search_on();
        }
        signature = derive_seed(signature, check_result(tree.result(), tree, shared, where));
        check_lines(tree, tree.result(), where);
        tree.advance(tree.result().action);
    }
    return derive_seed(signature, game.hash(tree.state().get()));
}

void check_mcts(const AnyGame& game, search::Selection selection, int leaves, int num_games,
                int max_moves) {
    search::MctsOptions options;
    options.num_simulations = 48;
    options.selection = selection;
    options.leaves_per_round = leaves;
    options.full_search_probability = 0.5;
    options.fast_simulations = 9;
    options.forced_playouts = 2.0;
    options.max_nodes = 200;
    search::MctsShared shared(game, options);
    std::vector<std::uint64_t> alone;
    for (int g = 0; g < num_games; ++g)
        alone.push_back(play_mcts(shared, nullptr, static_cast<std::uint64_t>(g), max_moves));
    search::EvalCache cache(std::size_t{32} << 20, game.info().max_legal_actions);
    std::vector<std::uint64_t> together(alone.size());
    share_indices(2, 2 * num_games, [&](auto next) {
        for (std::ptrdiff_t i = next(); i >= 0; i = next()) {
            const std::uint64_t signature =
                play_mcts(shared, &cache, static_cast<std::uint64_t>(i % num_games), max_moves);
            expect_equal(signature, alone[static_cast<std::size_t>(i % num_games)],
                         game.info().spec + ": game " + std::to_string(i % num_games) +
                             " with a cache and on two threads");
        }
    });
    expect_true(cache.stats().hits > 0, game.info().spec + ": the cache is used");
}

}  // namespace

void selfcheck_mcts() {
    for_each_game([]<class G>() {
        const auto game = any_game(options_of<G>().spec());
        for (const auto selection : {search::Selection::kPuct, search::Selection::kGumbel})
            for (const int leaves : {1, 5}) check_mcts(*game, selection, leaves, 3, 40);
    });
}

}  // namespace zerofleet::selfcheck
