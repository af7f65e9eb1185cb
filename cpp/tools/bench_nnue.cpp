// Speed of the networks, one core: `bench_nnue [--repeats 5]`. The three levels take turns, so that
// a busy machine slows all of them alike; the table shows median and best.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "games/ultimate_ttt.h"
#include "nnue/benchmark.h"
#include "nnue/simd.h"
#include "tools/flags.h"

int main(int argc, char** argv) {
    using namespace zerofleet;
    int repeats = 5;
    tools::Flags flags("bench_nnue");
    flags.value("--repeats", repeats).parse(argc, argv);
    if (repeats < 1) flags.fail("--repeats is at least 1");
    std::map<nnue::Simd, std::map<std::string, std::vector<double>>> rates;
    for (int r = 0; r < repeats; ++r)
        for (const nnue::Simd level : nnue::supported_simd())
            for (const auto& [what, rate] : nnue::benchmark<UltimateTtt>({}, level, 0.1))
                rates[level][what].push_back(rate);
    std::printf("ultimate_ttt, default sizes, million/s, median (best) of %d\n", repeats);
    for (auto& [level, rows] : rates) {
        std::printf("%-8s", std::string(nnue::simd_name(level)).c_str());
        for (auto& [what, values] : rows) {
            std::sort(values.begin(), values.end());
            std::printf("  %s %.2f (%.2f)", what.c_str(), values[values.size() / 2] / 1e6,
                        values.back() / 1e6);
        }
        std::printf("\n");
    }
}
