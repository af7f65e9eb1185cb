// What players without a net have in common: one search, asked for one position after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "games/any_game.h"

namespace zerofleet::search {

/// A move that was chosen.
struct ChosenAction {
    Action action = -1;
    float value = 0.0f;  // what it is thought to be worth: search value, mover's view
};

/// `Search(game, settings...).choose(state, seed)` of each state, which depends on the state and
/// its seed alone; `threads` change nothing but the time it takes. Throws std::invalid_argument
/// unless there is a seed for each state, and what the search throws.
template <class Search, class... Settings>
std::vector<ChosenAction> choose_each(const AnyGame& game, std::span<const AnyState> states,
                                      std::span<const std::uint64_t> seeds, int threads,
                                      Settings... settings) {
    if (states.size() != seeds.size())
        throw std::invalid_argument(std::to_string(states.size()) + " states but " +
                                    std::to_string(seeds.size()) + " seeds");
    std::vector<ChosenAction> out(states.size());
    share_indices(threads, static_cast<std::ptrdiff_t>(states.size()), [&](auto&& next) {
        Search search(game, settings...);
        for (std::ptrdiff_t i; (i = next()) >= 0;) {
            const auto at = static_cast<std::size_t>(i);
            out[at] = search.choose(states[at].get(), seeds[at]);
        }
    });
    return out;
}

}  // namespace zerofleet::search
