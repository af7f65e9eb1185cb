// Speed of the self-play pool without a net: simulations/s of all threads together, with batches
// put together, games recorded and replaced.
//
//   bench_pool [--game connect_four,...] [--net constant|fake] [--selection puct,gumbel]
//              [--games 1024] [--simulations 100] [--leaves 1] [--threads 1,2] [--seconds 2]
//              [--repeats 3] [--cache-mib 0] [--halves 1] [--json]
//
// The fake net is evaluated by one thread, as a net on a device would be; its time is left out.
// Rates are per second of wall-clock time, of which the machine must be free: numbers of threads
// take turns, and their ratio is that of the best repeats. "per cpu" is per second of processor
// time of all threads, which a busy machine distorts less: what two threads lose there, they lose
// to caches and locks; what they lose beyond it, to waiting for each other or for a core.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "search/fake_net.h"
#include "selfplay/pool.h"
#include "tools/flags.h"

using namespace zerofleet;
using namespace zerofleet::selfplay;
using search::FakeNet;

namespace {

struct Arguments {
    std::vector<std::string> games = {"connect_four", "go(size=9)", "chess"},
                             selections = {"puct", "gumbel"};
    std::string net = "constant";
    std::vector<int> threads = {1, 2};
    PoolOptions options;
    double seconds = 2.0;
    int repeats = 3;
    bool json = false;
};

Arguments parse(int argc, char** argv) {
    Arguments args;
    args.options.search.num_simulations = 100;
    std::size_t cache_mib = 0;
    tools::Flags("bench_pool")
        .value("--game", args.games)
        .choice("--net", {"constant", "fake"}, args.net)
        .choices("--selection", {"puct", "gumbel"}, args.selections)
        .value("--games", args.options.num_games)
        .value("--simulations", args.options.search.num_simulations)
        .value("--leaves", args.options.search.leaves_per_round)
        .value("--threads", args.threads)
        .value("--seconds", args.seconds)
        .value("--repeats", args.repeats)
        .value("--cache-mib", cache_mib)
        .value("--halves", args.options.num_halves)
        .action("--json", [&] { args.json = true; })
        .parse(argc, argv);
    args.options.cache_bytes = cache_mib << 20;
    return args;
}

/// A pool that is played for a while now and then.
class Runner {
  public:
    Runner(const AnyGame& game, const PoolOptions& options, const std::string& net)
        : pool_(game, options, 1),
          net_(net == "fake" ? FakeNet::Kind::kRandom : FakeNet::Kind::kConstant) {
        pool_.add_games(0, std::int64_t{1} << 40);
    }

    /// Simulations a second, the net's time not counted.
    double run(double seconds) {
        using Clock = std::chrono::steady_clock;
        const auto before = pool_.stats();
        std::chrono::duration<double> elapsed{0};
        std::clock_t ticks = 0;
        while (elapsed.count() < seconds) {
            const int half = round_++ % pool_.options().num_halves;
            const auto begin = Clock::now();
            const std::clock_t first_tick = std::clock();
            const auto rows = pool_.collect(half);
            ticks += std::clock() - first_tick;
            elapsed += Clock::now() - begin;
            if (rows->size() == 0) continue;
            net_.evaluate(*rows, prior_, value_);
            const auto again = Clock::now();
            pool_.receive(half, prior_, value_);
            elapsed += Clock::now() - again;
            games_ = {};
            pool_.take_games(games_, 1000);
        }
        const auto after = pool_.stats();
        per_cpu_second_ = std::max(
            per_cpu_second_, static_cast<double>(after.num_simulations - before.num_simulations) *
                                 CLOCKS_PER_SEC / static_cast<double>(ticks));
        rows_per_round_ = static_cast<double>(after.num_rows - before.num_rows) /
                          static_cast<double>(after.num_rounds - before.num_rounds);
        return static_cast<double>(after.num_simulations - before.num_simulations) /
               elapsed.count();
    }

    double rows_per_round() const { return rows_per_round_; }
    double per_cpu_second() const { return per_cpu_second_; }  // the best of all runs
    std::size_t node_bytes() const { return pool_.memory().nodes; }

  private:
    Pool pool_;
    FakeNet net_;
    FinishedGames games_;
    std::vector<float> prior_, value_;
    int round_ = 0;
    double rows_per_round_ = 0, per_cpu_second_ = 0;
};

void bench(const Arguments& args, const std::string& name, const std::string& selection) {
    const auto game = any_game(name);
    std::map<int, std::vector<double>> rates;
    std::map<int, std::unique_ptr<Runner>> runners;
    for (const int threads : args.threads) {
        PoolOptions options = args.options;
        options.num_threads = threads;
        options.search.selection =
            selection == "puct" ? search::Selection::kPuct : search::Selection::kGumbel;
        runners[threads] = std::make_unique<Runner>(*game, options, args.net);
        runners[threads]->run(args.seconds / 2);  // reaches positions of all stages
    }
    for (int i = 0; i < args.repeats; ++i)
        for (const int threads : args.threads)
            rates[threads].push_back(runners[threads]->run(args.seconds));
    const double one =
        *std::max_element(rates.begin()->second.begin(), rates.begin()->second.end());
    for (auto& [threads, list] : rates) {
        std::sort(list.begin(), list.end());
        const double best = list.back(), median = list[list.size() / 2];
        const Runner& runner = *runners[threads];
        if (args.json)
            std::printf(
                "{\"benchmark\": \"pool\", \"game\": \"%s\", \"net\": \"%s\", \"selection\": "
                "\"%s\", \"simulations\": %d, \"games\": %d, \"threads\": %d, \"fpu_reduction\": "
                "%g, \"simulations_per_second\": %.0f, \"median\": %.0f, \"ratio\": %.3f, "
                "\"per_cpu_second\": %.0f, "
                "\"rows_per_round\": %.1f, \"node_bytes\": %zu}\n",
                name.c_str(), args.net.c_str(), selection.c_str(),
                args.options.search.num_simulations, args.options.num_games, threads,
                args.options.search.fpu_reduction, best, median, best / one,
                runner.per_cpu_second(), runner.rows_per_round(), runner.node_bytes());
        else
            std::printf("%-14s %-8s %7d %10.3f %10.3f %8.2f %10.3f %10.1f %10.1f\n", name.c_str(),
                        selection.c_str(), threads, best / 1e6, median / 1e6, best / one,
                        runner.per_cpu_second() / 1e6, runner.rows_per_round(),
                        static_cast<double>(runner.node_bytes()) / (1 << 20));
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments args = parse(argc, argv);
    try {
        if (!args.json)
            std::printf(
                "%d simulations a move, %d games, %d leaves a round, %s net, first-play urgency "
                "reduction %g (root %g), cache %zu MiB\n%-14s %-8s %7s %10s %10s %8s %10s %10s "
                "%10s\n",
                args.options.search.num_simulations, args.options.num_games,
                args.options.search.leaves_per_round, args.net.c_str(),
                args.options.search.fpu_reduction, args.options.search.root_fpu_reduction,
                args.options.cache_bytes >> 20, "game", "select", "threads", "M sims/s", "median",
                "ratio", "per cpu", "rows/round", "nodes MiB");
        for (const auto& game : args.games)
            for (const auto& selection : args.selections) bench(args, game, selection);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_pool: %s\n", e.what());
        return 1;
    }
    return 0;
}
