// Expectimax for Python: many positions at once for games of one player.
#include "search/expectimax.h"

#include <nanobind/stl/vector.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "bind/any_state.h"
#include "bind/module.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

std::vector<Action> choose(nb::handle game, const nb::list& states, int score_scalar, int num_moves,
                           int threads) {
    if (threads < 1) throw std::invalid_argument("threads must be at least 1");
    const std::shared_ptr<const AnyGame> rules = any_game_of(game);
    std::vector<AnyState> copies;
    for (const nb::handle state : states) copies.push_back(any_state_of(*rules, state));
    const nb::gil_scoped_release release;
    return search::choose_expectimax(*rules, copies, score_scalar, num_moves, threads);
}

}  // namespace

void bind_expectimax(nb::module_& m) {
    m.def("choose_expectimax", &choose, "game"_a, "states"_a, nb::kw_only(), "score_scalar"_a,
          "num_moves"_a, "threads"_a = 1,
          "The action of each state with the largest expected search value of the score reached\n"
          "after `num_moves` own moves and nature's answers; of equal ones the lowest.\n\n"
          "Raises ValueError for games of two players and where nobody moves.");
}

}  // namespace zerofleet::bind
