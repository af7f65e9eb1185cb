#include "games/registry.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "base/text.h"

namespace zerofleet {

namespace {
/// Levenshtein distance.
int edit_distance(std::string_view a, std::string_view b) {
    std::vector<int> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
        int diagonal = row[0];
        row[0] = static_cast<int>(i) + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const int above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
            diagonal = above;
        }
    }
    return row.back();
}
}  // namespace

std::vector<std::string> game_names() {
    std::vector<std::string> names;
    for_each_game([&]<class Game>() { names.emplace_back(Game::kName); });
    return names;
}

std::string unknown_game_message(std::string_view name) {
    const std::string shown(name.substr(0, 60));
    const auto names = game_names();
    const auto nearest = std::min_element(names.begin(), names.end(), [&](auto& a, auto& b) {
        return edit_distance(shown, a) < edit_distance(shown, b);
    });
    std::string out =
        "unknown game " + quoted(name, 60) + "; did you mean \"" + *nearest + "\"? known games:";
    for (const auto& known : names) out += " " + known;
    return out;
}

void detail::throw_unknown_game(std::string_view name) {
    throw std::invalid_argument(unknown_game_message(name));
}

}  // namespace zerofleet
