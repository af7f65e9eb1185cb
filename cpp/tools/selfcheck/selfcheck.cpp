// Checks the core without Python; what the sanitizers run. One line a section; exit status 1 if
// any fails. Names of sections as arguments run only those.
#include <chrono>
#include <cstdio>
#include <exception>
#include <string_view>

// A new area adds its line here and in the table.
namespace zerofleet::selfcheck {
void selfcheck_games();
void selfcheck_chess();
void selfcheck_any_game();
void selfcheck_records();
void selfcheck_nnue();
void selfcheck_nnue_threads();
void selfcheck_mcts();
void selfcheck_pool();
void selfcheck_samples();
void selfcheck_players();
void selfcheck_search();
}  // namespace zerofleet::selfcheck

namespace {

struct Section {
    const char* name;
    void (*run)();
};

constexpr Section kSections[] = {
    {"games", zerofleet::selfcheck::selfcheck_games},
    {"chess", zerofleet::selfcheck::selfcheck_chess},
    {"any_game", zerofleet::selfcheck::selfcheck_any_game},
    {"records", zerofleet::selfcheck::selfcheck_records},
    {"nnue", zerofleet::selfcheck::selfcheck_nnue},
    {"nnue_threads", zerofleet::selfcheck::selfcheck_nnue_threads},
    {"mcts", zerofleet::selfcheck::selfcheck_mcts},
    {"pool", zerofleet::selfcheck::selfcheck_pool},
    {"samples", zerofleet::selfcheck::selfcheck_samples},
    {"players", zerofleet::selfcheck::selfcheck_players},
    {"search", zerofleet::selfcheck::selfcheck_search},
};

bool run(const Section& section) {
    const auto start = std::chrono::steady_clock::now();
    const char* result = "ok";
    try {
        section.run();
    } catch (const std::exception& e) {
        std::printf("%s\n", e.what());
        result = "FAILED";
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%-12s %-6s %6.2f s\n", section.name, result, seconds.count());
    std::fflush(stdout);
    return result[0] == 'o';
}

}  // namespace

int main(int argc, char** argv) {
    bool all_ok = true;
    int num_run = 0;
    for (const Section& section : kSections) {
        bool wanted = argc == 1;
        for (int i = 1; i < argc; ++i) wanted = wanted || std::string_view(argv[i]) == section.name;
        if (!wanted) continue;
        ++num_run;
        all_ok = run(section) && all_ok;
    }
    if (num_run == 0) {
        std::fprintf(stderr, "selfcheck: no such section; known:");
        for (const Section& section : kSections) std::fprintf(stderr, " %s", section.name);
        std::fprintf(stderr, "\n");
        return 2;
    }
    return all_ok ? 0 : 1;
}
