// Speed of tree search without a net: simulations/s on one core, observations written.
//
//   bench_mcts [--game connect_four,...] [--net constant,fake] [--selection puct,gumbel]
//              [--games 32] [--simulations 100] [--leaves 1] [--seconds 1] [--repeats 3]
//              [--cache-mib 0] [--fpu-reduction 0.2] [--no-noise] [--no-reuse] [--json]
//
// Each of `games` games is searched by its own tree, one round of all trees after the other, as a
// pool does; moves are drawn from the policy target and finished games start again. A simulation is
// one descent; the evaluations of the fake net are part of the time. Rates are per second of
// processor time, which a busy machine distorts least: the best of the repeats, and the median.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "games/registry.h"
#include "search/fake_net.h"
#include "search/mcts.h"
#include "tools/flags.h"

using namespace zerofleet;
using namespace zerofleet::search;

namespace {

struct Arguments {
    std::vector<std::string> games = game_names(), nets = {"constant", "fake"},
                             selections = {"puct", "gumbel"};
    MctsOptions options;
    int num_games = 32, repeats = 3;
    double seconds = 1.0;
    std::size_t cache_mib = 0;
    bool json = false;
};

Arguments parse(int argc, char** argv) {
    Arguments args;
    args.options.num_simulations = 100;
    tools::Flags("bench_mcts")
        .value("--game", args.games)
        .choices("--net", {"constant", "fake"}, args.nets)
        .choices("--selection", {"puct", "gumbel"}, args.selections)
        .value("--games", args.num_games)
        .value("--simulations", args.options.num_simulations)
        .value("--leaves", args.options.leaves_per_round)
        .value("--seconds", args.seconds)
        .value("--repeats", args.repeats)
        .value("--cache-mib", args.cache_mib)
        .value("--fpu-reduction", args.options.fpu_reduction)
        .action("--no-noise", [&] { args.options.dirichlet_weight = 0.0; })
        .action("--no-reuse", [&] { args.options.reuse_subtree = false; })
        .action("--json", [&] { args.json = true; })
        .parse(argc, argv);
    return args;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Rate {
    double simulations_per_second = 0, leaves_per_simulation = 0, mean_plies = 0;
    std::size_t nodes = 0, bytes = 0;
};

/// The games of one benchmark, which go on from repeat to repeat.
class Games {
  public:
    Games(const AnyGame& game, const Arguments& args, FakeNet::Kind kind)
        : game_(game),
          shared_(game, args.options),
          work_(game),
          rows_(game.info()),
          net_(kind),
          initial_(game) {
        if (args.cache_mib > 0)
            cache_ =
                std::make_unique<EvalCache>(args.cache_mib << 20, game.info().max_legal_actions);
        for (int i = 0; i < args.num_games; ++i) trees_.emplace_back(shared_);
        for (Mcts& tree : trees_) start(tree);
    }

    Rate run(double seconds) {
        std::uint64_t simulations = 0, leaves = 0;
        const double begin = cpu_seconds();
        double elapsed = 0;
        num_moves_ = num_finished_ = 0;
        while (elapsed < seconds) {
            for (int i = 0; i < 64; ++i) leaves += round(simulations);
            elapsed = cpu_seconds() - begin;
        }
        Rate rate;
        rate.simulations_per_second = static_cast<double>(simulations) / elapsed;
        rate.leaves_per_simulation = static_cast<double>(leaves) / static_cast<double>(simulations);
        rate.mean_plies = static_cast<double>(num_moves_) / std::max<double>(1, num_finished_);
        for (const Mcts& tree : trees_) rate.nodes += tree.num_nodes();
        rate.bytes = shared_.memory.reserved_bytes();
        return rate;
    }

  private:
    void start(Mcts& tree) {
        tree.new_game(initial_.get(), derive_seed(1, next_game_++));
        to_decision(tree);
        tree.begin_move();
    }
    /// Draws chance outcomes until a player moves; false at the end of the game.
    bool to_decision(Mcts& tree) {
        for (;;) {
            const Position position = game_.look(tree.state().get(), work_.choices);
            if (position.terminal) return false;
            if (!position.chance) return true;
            tree.advance(work_.choices.actions()[draw(tree, work_.choices.probabilities())]);
        }
    }
    std::size_t draw(Mcts& tree, std::span<const float> probabilities) {
        double x = tree.rng().uniform();
        for (std::size_t i = 0; i < probabilities.size(); ++i)
            if ((x -= probabilities[i]) < 0) return i;
        return probabilities.size() - 1;
    }

    std::uint64_t round(std::uint64_t& simulations) {
        rows_.clear();
        counts_.clear();
        for (std::size_t i = 0; i < trees_.size(); ++i) {
            Mcts& tree = trees_[i];
            int count = 0;
            while ((count = tree.collect(work_, rows_, cache_.get())) == 0) {
                const MctsResult& r = tree.result();
                simulations += static_cast<std::uint64_t>(r.num_simulations);
                ++num_moves_;
                tree.advance(r.actions[draw(tree, r.policy)]);
                if (to_decision(tree)) {
                    tree.begin_move();
                } else {
                    ++num_finished_;
                    start(tree);
                }
            }
            counts_.push_back(count);
        }
        net_.evaluate(rows_, prior_, value_);
        std::size_t row = 0;
        for (std::size_t i = 0; i < trees_.size(); ++i) {
            const auto first = static_cast<std::size_t>(rows_.legal_start()[row]);
            trees_[i].give_back(prior_.data() + first, value_.data() + row, cache_.get());
            row += static_cast<std::size_t>(counts_[i]);
        }
        return row;
    }

    const AnyGame& game_;
    MctsShared shared_;
    MctsWorkspace work_;
    LeafRows rows_;
    FakeNet net_;
    AnyState initial_;
    std::unique_ptr<EvalCache> cache_;
    std::vector<Mcts> trees_;
    std::vector<int> counts_;
    std::vector<float> prior_, value_;
    std::uint64_t next_game_ = 0, num_moves_ = 0, num_finished_ = 0;
};

void bench(const Arguments& args, const std::string& name, const std::string& net,
           const std::string& selection) {
    Arguments run = args;
    run.options.selection = selection == "puct" ? Selection::kPuct : Selection::kGumbel;
    const auto game = any_game(name);
    Games games(*game, run, net == "constant" ? FakeNet::Kind::kConstant : FakeNet::Kind::kRandom);
    games.run(args.seconds / 4);  // reaches positions of all stages
    std::vector<double> rates;
    Rate rate;
    for (int i = 0; i < args.repeats; ++i) {
        rate = games.run(args.seconds);
        rates.push_back(rate.simulations_per_second);
    }
    std::sort(rates.begin(), rates.end());
    const double best = rates.back(), median = rates[rates.size() / 2];
    if (args.json)
        std::printf(
            "{\"benchmark\": \"mcts\", \"game\": \"%s\", \"net\": \"%s\", \"selection\": \"%s\", "
            "\"simulations\": %d, \"games\": %d, \"leaves_per_round\": %d, \"fpu_reduction\": %g, "
            "\"simulations_per_second\": %.0f, \"median\": %.0f, \"rows_per_simulation\": %.3f, "
            "\"node_bytes\": %zu}\n",
            name.c_str(), net.c_str(), selection.c_str(), args.options.num_simulations,
            args.num_games, args.options.leaves_per_round, args.options.fpu_reduction, best, median,
            rate.leaves_per_simulation, rate.bytes);
    else
        std::printf("%-14s %-9s %-7s %9.3f %9.3f %10.2f %11.1f %9.0f\n", name.c_str(), net.c_str(),
                    selection.c_str(), best / 1e6, median / 1e6, rate.leaves_per_simulation,
                    rate.mean_plies, static_cast<double>(rate.bytes) / 1024 / args.num_games);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments args = parse(argc, argv);
    try {
        if (!args.json)
            std::printf(
                "%d simulations a move, %d games, %d leaves a round, first-play urgency reduction "
                "%g (root %g), cache %zu MiB; one core\n%-14s %-9s %-7s %9s %9s %10s %11s %9s\n",
                args.options.num_simulations, args.num_games, args.options.leaves_per_round,
                args.options.fpu_reduction, args.options.root_fpu_reduction, args.cache_mib, "game",
                "net", "select", "M sims/s", "median", "rows/sim", "moves/game", "KiB/game");
        for (const auto& game : args.games)
            for (const auto& net : args.nets)
                for (const auto& selection : args.selections) bench(args, game, net, selection);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_mcts: %s\n", e.what());
        return 1;
    }
    return 0;
}
