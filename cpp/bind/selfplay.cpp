// Data generation for Python: one call plays a batch of games on all threads, without the GIL.
#include <nanobind/stl/string.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bind/module.h"
#include "bind/nnue.h"
#include "bind/shard_arrays.h"
#include "selfplay/datagen.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using selfplay::GamesProgress;

nb::dict generate_games(const std::string& game, const NnueNetwork* network, std::uint64_t seed,
                        std::int64_t first_game, std::int64_t num_games, int depth,
                        std::uint64_t nodes, bool reductions, bool quiescence, int aspiration,
                        std::size_t table_kib, int num_random_plies, double temperature,
                        int temperature_plies, bool adjudicate, std::int64_t proof_nodes,
                        int threads, GamesProgress* progress) {
    selfplay::DatagenSettings settings;
    settings.search = {reductions, quiescence, aspiration, table_kib};
    settings.depth = depth;
    settings.nodes = nodes;
    settings.num_random_plies = num_random_plies;
    settings.temperature = temperature;
    settings.temperature_plies = temperature_plies;
    settings.adjudicate = adjudicate;
    settings.proof_nodes = proof_nodes;

    const std::shared_ptr<const nnue::Network> net =
        network == nullptr ? nullptr : network->network;
    GamesProgress own;
    GamesProgress& counters = progress != nullptr ? *progress : own;
    const std::uint64_t nodes_before = counters.nodes, evaluations_before = counters.evaluations;
    const std::int64_t quiet_before = counters.quiet;
    selfplay::FinishedGames batch;
    const auto started = std::chrono::steady_clock::now();
    {
        nb::gil_scoped_release release;
        batch = selfplay::generate_games(game, net.get(), settings, seed, first_game, num_games,
                                         threads, counters);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;

    const std::size_t games = batch.size(), plies = batch.action.size();
    nb::dict out;
    out["arrays"] = shard_arrays(std::move(batch), 2);
    out["games"] = games;
    out["plies"] = plies;
    out["quiet"] = counters.quiet - quiet_before;
    out["nodes"] = counters.nodes - nodes_before;
    out["evaluations"] = counters.evaluations - evaluations_before;
    out["seconds"] = seconds.count();
    return out;
}

template <auto Counter>
auto read(const GamesProgress& p) {
    return (p.*Counter).load(std::memory_order_relaxed);
}

}  // namespace

void bind_selfplay(nb::module_& m) {
    nb::class_<GamesProgress>(
        m, "GamesProgress",
        "Counters of running `generate_games` calls, read from any thread, and their stop flag.")
        .def(nb::init<>())
        .def_prop_ro("games", &read<&GamesProgress::games>, "Finished games.")
        .def_prop_ro("plies", &read<&GamesProgress::plies>, "Plies of finished games.")
        .def_prop_ro("quiet", &read<&GamesProgress::quiet>, "Quiet plies of finished games.")
        .def_prop_ro("nodes", &read<&GamesProgress::nodes>, "Positions entered by search.")
        .def_prop_ro("evaluations", &read<&GamesProgress::evaluations>, "Positions evaluated.")
        .def(
            "request_stop", [](GamesProgress& p) { p.stop = true; },
            "Games under way are dropped; the call returns the finished ones within milliseconds.")
        .def_prop_ro(
            "stop_requested", [](const GamesProgress& p) { return p.stop.load(); },
            "True after `request_stop`, for good.");

    m.def(
        "generate_games", &generate_games, "game"_a, "network"_a.none(), nb::kw_only(), "seed"_a,
        "first_game"_a, "num_games"_a, "depth"_a = 8, "nodes"_a = 0, "reductions"_a = true,
        "quiescence"_a = true, "aspiration"_a = 96, "table_kib"_a = 512, "num_random_plies"_a = 8,
        "temperature"_a = 0.0, "temperature_plies"_a = 0, "adjudicate"_a = true,
        "proof_nodes"_a = 20'000, "threads"_a = 1, "progress"_a.none() = nb::none(),
        "Plays games [first_game, first_game + num_games) with alpha-beta on `threads` threads.\n\n"
        "network: NnueNetwork, or None for the hand-written heuristic. A game depends on the\n"
        "network, the settings, the seed and its number alone.\n"
        "Returns a dict: arrays (those of a shard but meta, docs/formats.md), games, plies,\n"
        "quiet, nodes, evaluations, seconds. After `progress.request_stop()` only the finished\n"
        "games come back, in order of their number but perhaps with gaps.\n"
        "Raises ValueError for an unknown game, a setting out of range, another game's network.");
}

}  // namespace zerofleet::bind
