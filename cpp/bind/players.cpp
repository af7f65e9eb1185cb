// Players that need no net for Python: rollouts, and minimax over hand-written values.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "bind/any_state.h"
#include "bind/arrays.h"
#include "bind/module.h"
#include "search/lookahead.h"
#include "search/uct.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using Chosen = std::tuple<std::vector<Action>, std::vector<float>>;

template <class Choose>
Chosen choose_all(nb::handle game, const nb::list& states, ConstArray<std::uint64_t, 1> seeds,
                  int threads, Choose choose) {
    if (threads < 1) throw std::invalid_argument("threads must be at least 1");
    const std::shared_ptr<const AnyGame> rules = any_game_of(game);
    std::vector<AnyState> copies;
    for (const nb::handle state : states) copies.push_back(any_state_of(*rules, state));
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
    m.def("board_value_games", &search::board_value_games,
          "Names of the games that `choose_lookahead` plays.");
}

}  // namespace zerofleet::bind
