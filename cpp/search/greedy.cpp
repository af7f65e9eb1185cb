#include "search/greedy.h"

#include <stdexcept>
#include <string>

namespace zerofleet::search {

std::vector<std::string> alphabeta_games() {
    std::vector<std::string> names;
    for_each_game([&]<class Game>() {
        if constexpr (HasHeuristic<Game>) names.emplace_back(Game::kName);
    });
    return names;
}

void throw_no_heuristic(std::string_view game) {
    std::string known;
    for (const std::string& name : alphabeta_games()) known += " " + name;
    throw std::invalid_argument("alpha-beta does not play " + std::string(game) + "; it plays" +
                                known);
}

namespace {
/// For a 9-bit set of one side's cells: what each line of three is worth to it while the other side
/// is not on it, and the lines it is on.
struct SideLines {
    int weight[8];
    unsigned touched;
};
constexpr std::array<SideLines, 512> kSideLines = [] {
    constexpr int kWeight[4] = {1, 4, 14, 0};  // by pieces on the line
    std::array<SideLines, 512> table{};
    for (unsigned m = 0; m < 512; ++m)
        for (unsigned i = 0; i < 8; ++i) {
            const int count = std::popcount(m & grid::kLinesOfThree[i]);
            table[m].weight[i] = kWeight[count];
            if (count > 0) table[m].touched |= 1u << i;
        }
    return table;
}();

constexpr int open_lines(const SideLines& mine, const SideLines& theirs) {
    int sum = 0;
    for (unsigned i = 0; i < 8; ++i)
        if (!(theirs.touched >> i & 1)) sum += mine.weight[i];
    return sum;
}
}  // namespace

constinit const std::array<Heuristic<UltimateTtt>::Chance, 19683> Heuristic<UltimateTtt>::kChance =
    [] {
        constexpr int kNobody = 4, kMost = 60;
        std::array<Chance, 19683> table{};
        for (unsigned m = 0; m < 512; ++m)
            for (unsigned rest = 0x1ff & ~m, t = rest;; t = (t - 1) & rest) {  // every subset
                const int mine = open_lines(kSideLines[m], kSideLines[t]);
                const int theirs = open_lines(kSideLines[t], kSideLines[m]);
                table[kBase3[m] + 2u * kBase3[t]] = {
                    static_cast<std::uint8_t>(kMost * mine / (mine + theirs + kNobody)),
                    static_cast<std::uint8_t>(kMost * theirs / (mine + theirs + kNobody))};
                if (t == 0) break;
            }
        return table;
    }();

}  // namespace zerofleet::search
