#include "search/board_value.h"

#include <algorithm>

#include "games/registry.h"

namespace zerofleet::search {

std::vector<std::string> board_value_games() {
    std::vector<std::string> names;
    for_each_game([&]<class Game>() {
        if constexpr (HasBoardValue<Game>)
            if (std::find(names.begin(), names.end(), Game::kName) == names.end())
                names.emplace_back(Game::kName);
    });
    return names;
}

EvaluateBoard board_value_of(const std::string& spec) {
    const std::string name = spec.substr(0, spec.find('('));
    const auto names = board_value_games();
    if (std::find(names.begin(), names.end(), name) == names.end()) return nullptr;
    return with_game(spec, []<class Game>() -> EvaluateBoard {
        if constexpr (HasBoardValue<Game>)
            return [](const void* state) {
                return BoardValue<Game>::evaluate(*static_cast<const typename Game::State*>(state));
            };
        else
            return nullptr;
    });
}

}  // namespace zerofleet::search
