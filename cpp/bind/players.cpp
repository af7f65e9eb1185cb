// Players that need no net for Python: rollouts, minimax over hand-written values, expectimax.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "bind/any_state.h"
#include "bind/arrays.h"
#include "bind/module.h"
#include "search/expectimax.h"
#include "search/lookahead.h"
#include "search/uct.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using Chosen = std::tuple<std::vector<Action>, std::vector<float>>;

std::vector<AnyState> copies_of(const AnyGame& rules, const nb::list& states) {
    std::vector<AnyState> copies;
    for (const nb::handle state : states) copies.push_back(any_state_of(rules, state));
    return copies;
}

void check_threads(int threads) {
    if (threads < 1)
        throw std::invalid_argument("threads must be at least 1, got " + std::to_string(threads));
}

template <class Choose>
Chosen choose_all(nb::handle game, const nb::list& states, ConstArray<std::uint64_t, 1> seeds,
                  int threads, Choose choose) {
    check_threads(threads);
    const std::shared_ptr<const AnyGame> rules = any_game_of(game);
    const std::vector<AnyState> copies = copies_of(*rules, states);
    std::vector<search::ChosenAction> found;
    {
        const nb::gil_scoped_release release;
        found = choose(*rules, copies, std::span(seeds.data(), seeds.size()));
    }
    Chosen out;
    for (const search::ChosenAction& c : found) {
        std::get<0>(out).push_back(c.action);
        std::get<1>(out).push_back(c.value);
    }
    return out;
}

}  // namespace

void bind_players(nb::module_& m) {
    m.def(
        "choose_uct",
        [](nb::handle game, const nb::list& states, ConstArray<std::uint64_t, 1> seeds,
           int num_simulations, int threads) {
            return choose_all(game, states, seeds, threads, [&](const AnyGame& g, auto& s, auto k) {
                return search::choose_uct(g, s, k, num_simulations, threads);
            });
        },
        "game"_a, "states"_a, "seeds"_a, nb::kw_only(), "num_simulations"_a, "threads"_a = 1,
        "UCT with random rollouts: the actions, and their mean values in [-1, 1], mover's view.\n\n"
        "seeds: uint64 [N]; an answer depends on its state and seed alone.\n"
        "Raises ValueError where nobody moves.");
    m.def(
        "choose_lookahead",
        [](nb::handle game, const nb::list& states, ConstArray<std::uint64_t, 1> seeds, int depth,
           int threads) {
            return choose_all(game, states, seeds, threads, [&](const AnyGame& g, auto& s, auto k) {
                return search::choose_lookahead(g, s, k, depth, threads);
            });
        },
        "game"_a, "states"_a, "seeds"_a, nb::kw_only(), "depth"_a, "threads"_a = 1,
        "Minimax to `depth` plies over a hand-written value: actions, and values in [-1, 1].\n\n"
        "seeds: uint64 [N], which choose between equal moves.\n"
        "Raises ValueError for games without such a value and where nobody moves.");
    m.def(
        "choose_expectimax",
        [](nb::handle game, const nb::list& states, int score_scalar, int num_moves, int threads) {
            check_threads(threads);
            const std::shared_ptr<const AnyGame> rules = any_game_of(game);
            const std::vector<AnyState> copies = copies_of(*rules, states);
            const nb::gil_scoped_release release;
            return search::choose_expectimax(*rules, copies, score_scalar, num_moves, threads);
        },
        "game"_a, "states"_a, nb::kw_only(), "score_scalar"_a, "num_moves"_a, "threads"_a = 1,
        "The action of each state with the largest expected search value of the score reached\n"
        "after `num_moves` own moves and nature's answers; of equal ones the lowest.\n\n"
        "Raises ValueError for games of two players and where nobody moves.");
    m.def("board_value_games", &search::board_value_games,
          "Names of the games that `choose_lookahead` plays.");
}

}  // namespace zerofleet::bind
