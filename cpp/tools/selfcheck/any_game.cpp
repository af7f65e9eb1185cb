// Selfcheck of games/any_game.h: for every game, what the virtual face says is what the type says.
#include <string>
#include <vector>

#include "games/any_game.h"
#include "games/play.h"
#include "games/registry.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

/// A random game on both faces at once.
template <GameType G>
void check_same_game(const AnyGame& game, std::uint64_t seed) {
    const GameInfo& info = game.info();
    Rng rng(seed);
    typename G::State s = initial_state<G>(options_of<G>());
    AnyState any(game), jump(game), start(game);
    std::vector<Action> path;
    Choices choices(info), seen(info);
    std::vector<std::uint8_t> planes(info.plane_bytes()), expected(info.plane_bytes());
    std::vector<float> scalars(static_cast<std::size_t>(info.num_scalars) + 1), numbers = scalars;
    for (;;) {
        const std::string where = info.spec + " " + s.text();
        const Position position = game.look(any.get(), choices);
        jump.assign(start.get());
        const Position visited = game.visit(jump.get(), path, seen, planes.data(), scalars.data());
        expect_equal(game.hash(any.get()), s.hash(), where + ": hash");
        expect_equal(game.hash(jump.get()), s.hash(), where + ": hash after visit");
        expect_equal(position.terminal, s.is_terminal(), where + ": terminal");
        expect_equal(visited.terminal, s.is_terminal(), where + ": terminal of visit");
        expect_equal(choices.size(), seen.size(), where + ": choices of visit");
        if (position.terminal) {
            expect_equal(choices.size(), 0, where + ": choices at the end");
            std::vector<float> returns;
            game.returns(any.get(), returns);
            expect_equal(static_cast<int>(returns.size()), info.num_players, where + ": returns");
            expect_equal(position.value, game.search_value(returns[0]), where + ": value");
            return;
        }
        Action action = -1;
        if (position.chance) {
            if constexpr (max_chance_outcomes<G>() > 0) {
                expect_true(s.is_chance(), where + ": chance");
                float total = 0;
                for (const float p : choices.probabilities()) total += p;
                expect_true(total > 0.9999f && total < 1.0001f, where + ": probabilities");
            }
            action = choices.actions()[rng.below(static_cast<std::uint32_t>(choices.size()))];
        } else {
            expect_equal(static_cast<int>(position.to_play), s.to_play(), where + ": to_play");
            LegalActions<G> legal;
            s.legal_actions(legal);
            expect_equal(choices.size(), static_cast<int>(legal.size()), where + ": legal actions");
            for (std::size_t i = 0; i < legal.size(); ++i)
                expect_equal(choices.actions()[i], legal[i], where + ": legal action");
            expected.assign(expected.size(), 0);
            s.observe(expected.data(), numbers.data());
            expect_true(planes == expected, where + ": planes");
            for (int i = 0; i < info.num_scalars; ++i)
                expect_equal(scalars[static_cast<std::size_t>(i)],
                             numbers[static_cast<std::size_t>(i)], where + ": scalar");
            action = legal[rng.below(static_cast<std::uint32_t>(legal.size()))];
        }
        expect_true(game.is_legal(any.get(), action), where + ": is_legal");
        expect_true(!game.is_legal(any.get(), -1), where + ": is_legal(-1)");
        expect_true(!game.is_legal(any.get(), std::int64_t{1} << 40), where + ": is_legal(2^40)");
        const AnyState before = any;
        any.apply(action);
        expect_equal(game.hash(before.get()), s.hash(), where + ": a copy has changed");
        s.apply(action);
        path.push_back(action);
    }
}

}  // namespace

void selfcheck_any_game() {
    for_each_game([]<class G>() {
        const auto game = any_game(options_of<G>().spec());
        constexpr std::uint64_t kGames = G::kMaxPlies > 250 ? 1 : 20;  // each costs plies squared
        for (std::uint64_t seed = 0; seed < kGames; ++seed) check_same_game<G>(*game, seed);
    });
}

}  // namespace zerofleet::selfcheck
