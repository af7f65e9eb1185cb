// Speed of alpha-beta and of data generation, without Python.
//
//   bench_search [--net FILE.nnue] [--simd auto|avx512|avx2|scalar|greedy] [--depth 8]
//                [--games 200] [--threads 1,2] [--table-kib 512] [--no-reductions]
//                [--no-adjudication] [--json]
//
// A node is each position entered, quiescence included. Without --net a random network stands in:
// its games are longer and harder to search than a trained one's, so compare nodes/s only.
//
// Shares of time: each part is timed by itself on the positions of these games and multiplied by
// how often search did it. That leaves out what the parts cost each other (caches, prediction); the
// rest is the tree walk, copies of states, ordering and waiting for memory.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "games/ultimate_ttt.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"
#include "nnue/network.h"
#include "search/greedy.h"
#include "search/tactics.h"
#include "search/transposition_table.h"
#include "selfplay/datagen.h"
#include "tools/flags.h"

using namespace zerofleet;
using Game = UltimateTtt;
using Clock = std::chrono::steady_clock;

namespace {

struct Arguments {
    std::string net, simd = "auto";
    selfplay::DatagenSettings settings;
    std::int64_t games = 200;
    std::vector<int> threads = {1, 2};
    bool json = false;
};

Arguments parse(int argc, char** argv) {
    Arguments args;
    tools::Flags("bench_search")
        .value("--net", args.net)
        .value("--simd", args.simd)
        .value("--depth", args.settings.depth)
        .value("--games", args.games)
        .value("--table-kib", args.settings.search.table_kib)
        .value("--threads", args.threads)
        .action("--no-reductions", [&] { args.settings.search.reductions = false; })
        .action("--no-adjudication", [&] { args.settings.adjudicate = false; })
        .action("--json", [&] { args.json = true; })
        .parse(argc, argv);
    return args;
}

std::optional<nnue::Network> load(const Arguments& args) {
    if (args.simd == "greedy") return std::nullopt;
    const nnue::Simd simd = nnue::parse_simd(args.simd);
    if (args.net.empty())
        return nnue::Network::random(nnue::find_feature_set(nnue::Features<Game>::kName),
                                     nnue::Shape{}, 1, simd);
    std::ifstream file(args.net, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + args.net);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    return nnue::Network::from_bytes(std::as_bytes(std::span(bytes)), simd);
}

/// Processor time of all threads: what a busy machine does not distort.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Median processor seconds of one call of `work`, which does `count` things, per thing.
template <class Work>
double seconds_each(std::size_t count, Work&& work) {
    std::vector<double> times;
    for (int repeat = 0; repeat < 5; ++repeat) {
        const double start = cpu_seconds();
        work();
        times.push_back((cpu_seconds() - start) / static_cast<double>(count));
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

struct Costs {
    double evaluate, generate, table;  // seconds each
};

/// Evaluations as search does them (children of a computed parent), generation of all moves of a
/// position, one table probe and store; on the positions of `batch`.
Costs measure(const selfplay::FinishedGames& batch, const nnue::Network* network,
              std::size_t table_kib) {
    std::vector<Game::State> states;
    for (std::size_t g = 0; g + 1 < batch.game_start.size(); ++g) {
        Game::State s;
        for (auto ply = batch.game_start[g]; ply < batch.game_start[g + 1]; ++ply) {
            states.push_back(s);
            s.apply(batch.action[static_cast<std::size_t>(ply)]);
        }
    }
    std::int64_t sink = 0;
    struct Child {
        Action action;
        Game::State state;
    };
    std::vector<std::vector<Child>> children(states.size());
    std::size_t num_children = 0;
    for (std::size_t i = 0; i < states.size(); ++i) {
        LegalActions<Game> actions;
        states[i].legal_actions(actions);
        for (const Action a : actions) {
            Game::State child = states[i];
            child.apply(a);
            if (!child.is_terminal()) children[i].push_back({a, child});
        }
        num_children += children[i].size();
    }
    const auto evaluate_all = [&](auto& evaluator) {
        for (std::size_t i = 0; i < states.size(); ++i) {
            evaluator.reset(states[i]);
            for (const Child& child : children[i]) {
                evaluator.push(states[i], child.action, child.state);
                sink += evaluator.evaluate(child.state);
                evaluator.pop();
            }
        }
    };
    Costs costs{};
    if (network != nullptr) {
        nnue::Evaluator<Game> evaluator(*network);
        costs.evaluate = seconds_each(num_children, [&] { evaluate_all(evaluator); });
        const double reset = seconds_each(states.size(), [&] {
            for (const auto& s : states) evaluator.reset(s);
        });
        costs.evaluate -=
            reset * static_cast<double>(states.size()) / static_cast<double>(num_children);
    } else {
        search::GreedyEvaluator<Game> evaluator;
        costs.evaluate = seconds_each(num_children, [&] { evaluate_all(evaluator); });
    }
    costs.generate = seconds_each(states.size(), [&] {
        for (const auto& s : states) {
            search::MoveList<Game> moves;
            search::Tactics<Game>::moves(s, moves);
            sink += moves[0].order;
        }
    });
    search::TranspositionTable table(table_kib);
    costs.table = seconds_each(states.size(), [&] {
        for (const auto& s : states) {
            if (const auto* e = table.probe(s.hash())) sink += e->score;
            table.store(s.hash(), 1, search::Bound::kExact, 1, 1);
        }
    });
    if (sink == 42) std::printf(" ");  // keeps the work
    return costs;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments args = parse(argc, argv);
    try {
        const auto network = load(args);
        const nnue::Network* net = network ? &*network : nullptr;
        const std::string evaluator = net ? std::string(nnue::simd_name(net->simd())) +
                                                (args.net.empty() ? ", random net" : "")
                                          : "greedy";
        if (!args.json)
            std::printf(
                "ultimate_ttt, depth %d, %s, %lld games\n%8s %10s %10s %10s %12s %12s %10s\n",
                args.settings.depth, evaluator.c_str(), static_cast<long long>(args.games),
                "threads", "Mnodes/s", "per cpu s", "Mevals/s", "games/h", "quiet/h", "plies/game");
        double single = 0;
        for (const int threads : args.threads) {
            selfplay::GamesProgress progress;
            const double cpu_before = cpu_seconds();
            const auto start = Clock::now();
            const auto batch = selfplay::generate_games(Game::kName, net, args.settings, 1, 0,
                                                        args.games, threads, progress);
            const double seconds = seconds_since(start), cpu = cpu_seconds() - cpu_before;
            const double nodes = static_cast<double>(progress.nodes);
            const double evals = static_cast<double>(progress.evaluations);
            const double games_per_hour = static_cast<double>(args.games) / seconds * 3600;
            const double quiet_per_hour = static_cast<double>(progress.quiet) / seconds * 3600;
            const Costs costs = measure(batch, net, args.settings.search.table_kib);
            const double per_node = cpu / nodes;
            const double expanded = static_cast<double>(progress.expanded);
            const double evaluation = costs.evaluate * evals / nodes / per_node;
            const double generation = costs.generate * expanded / nodes / per_node;
            const double table = costs.table * expanded / nodes / per_node;
            if (single == 0) single = games_per_hour * 1.0 / threads;
            if (args.json) {
                std::printf(
                    "{\"benchmark\": \"search\", \"game\": \"ultimate_ttt\", \"evaluator\": "
                    "\"%s\", "
                    "\"depth\": %d, \"threads\": %d, \"games\": %lld, \"nodes_per_second\": %.0f, "
                    "\"nodes_per_cpu_second\": %.0f, "
                    "\"evaluations_per_second\": %.0f, \"games_per_hour\": %.0f, "
                    "\"quiet_per_hour\": %.0f, \"nodes_per_game\": %.0f, "
                    "\"share_evaluation\": %.3f, \"share_move_generation\": %.3f, "
                    "\"share_table\": %.3f, \"scaling\": %.3f}\n",
                    evaluator.c_str(), args.settings.depth, threads,
                    static_cast<long long>(args.games), nodes / seconds, nodes / cpu,
                    evals / seconds, games_per_hour, quiet_per_hour,
                    nodes / static_cast<double>(args.games), evaluation, generation, table,
                    games_per_hour / single);
            } else {
                std::printf("%8d %10.2f %10.2f %10.2f %12.0f %12.0f %10.1f   x%.2f\n", threads,
                            nodes / seconds / 1e6, nodes / cpu / 1e6, evals / seconds / 1e6,
                            games_per_hour, quiet_per_hour,
                            static_cast<double>(progress.plies) / static_cast<double>(args.games),
                            games_per_hour / single);
                std::printf(
                    "         %.0f nodes/game; time: evaluation %.0f %%, move generation "
                    "%.0f %%, table %.0f %%, the rest (tree walk, moves) %.0f %%\n",
                    nodes / static_cast<double>(args.games), 100 * evaluation, 100 * generation,
                    100 * table, 100 * (1 - evaluation - generation - table));
            }
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_search: %s\n", e.what());
        return 1;
    }
    return 0;
}
