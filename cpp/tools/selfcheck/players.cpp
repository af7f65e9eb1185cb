// Selfcheck of the players that need no net: UCT of every game, minimax over hand-written values;
// the same answers on one and two threads, and in the order of the states.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "games/any_game.h"
#include "search/lookahead.h"
#include "search/uct.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

/// Positions of random games in which a player moves.
std::vector<AnyState> positions_to_move(const AnyGame& game, int count, std::uint64_t seed) {
    Rng rng(seed);
    std::vector<AnyState> found;
    Choices choices(game.info());
    while (static_cast<int>(found.size()) < count) {
        AnyState state(game);
        for (auto plies = rng.below(30);; --plies) {
            const Position position = game.look(state.get(), choices);
            if (position.terminal) break;
            if (!position.chance && plies == 0) {
                found.push_back(state);
                break;
            }
            const auto n = rng.below(static_cast<std::uint32_t>(choices.size()));
            state.apply(choices.actions()[n]);
            if (plies == 0) ++plies;  // on to the next player's move
        }
    }
    return found;
}

template <class Choose>
void check_player(const AnyGame& game, Choose choose) {
    std::vector<AnyState> states = positions_to_move(game, 4, 7);
    std::vector<std::uint64_t> seeds = {1, 2, 3, 4};
    const auto one = choose(states, seeds, 1);
    const auto two = choose(states, seeds, 2);
    std::reverse(states.begin(), states.end());
    std::reverse(seeds.begin(), seeds.end());
    const auto turned = choose(states, seeds, 1);
    for (std::size_t i = 0; i < one.size(); ++i) {
        const std::string where = game.info().spec + " " + game.text(states[3 - i].get());
        expect_true(game.is_legal(states[3 - i].get(), one[i].action), where + ": illegal");
        expect_true(one[i].value >= -1 && one[i].value <= 1, where + ": value");
        expect_equal(two[i].action, one[i].action, where + ": two threads");
        expect_equal(turned[3 - i].action, one[i].action, where + ": other order");
    }
}

}  // namespace

void selfcheck_players() {
    for (const char* spec : {"tic_tac_toe", "connect_four", "ultimate_ttt", "chess", "othello",
                             "twenty48(size=3)", "go(size=5)"}) {
        const auto game = any_game(spec);
        check_player(*game, [&](auto& states, auto& seeds, int threads) {
            return search::choose_uct(*game, states, seeds, 20, threads);
        });
    }
    for (const char* spec : {"chess", "othello(size=6)", "go(size=7)"}) {
        const auto game = any_game(spec);
        check_player(*game, [&](auto& states, auto& seeds, int threads) {
            return search::choose_lookahead(*game, states, seeds, 2, threads);
        });
    }
}

}  // namespace zerofleet::selfcheck
