#include "games/registry.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/text.h"

namespace zerofleet {

std::vector<std::string> game_names() {
    std::vector<std::string> names;
    for_each_game([&]<class Game>() {
        if (std::find(names.begin(), names.end(), Game::kName) == names.end())
            names.emplace_back(Game::kName);
    });
    return names;
}

GameOptions parse_game_spec(std::string_view spec) {
    const SpecParts parts = split_spec(spec);
    std::optional<GameOptions> options;
    for_each_game([&]<class Game>() {
        if (!options && parts.name == Game::kName)
            options.emplace(Game::kName, declared_options<Game>());
    });
    if (!options) {
        const auto names = game_names();
        std::string message = "unknown game " + quoted(parts.name, 60) +
                              did_you_mean(parts.name, names) + " known games:";
        for (const auto& known : names) message += " " + known;
        throw std::invalid_argument(message);
    }
    for (const auto& [name, value] : parts.options) options->set(name, value);
    return *options;
}

void detail::throw_not_compiled(const GameOptions& options) {
    std::string known;
    for_each_game([&]<class Game>() {
        if (options.game() == Game::kName) known += " " + options_of<Game>().spec();
    });
    throw std::invalid_argument(options.spec() + " is not compiled; there are" + known);
}

}  // namespace zerofleet
