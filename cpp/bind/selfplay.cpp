// Data generation for Python: one call plays a batch of games on all threads, without the GIL.
#include <nanobind/stl/string.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "bind/arrays.h"
#include "bind/module.h"
#include "bind/nnue.h"
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
    selfplay::GameBatch batch;
    const auto started = std::chrono::steady_clock::now();
    {
        nb::gil_scoped_release release;
        batch = selfplay::generate_games(game, net.get(), settings, seed, first_game, num_games,
                                         threads, counters);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;

    const std::size_t games = batch.game_number.size(), plies = batch.action.size();
    const std::size_t players = games == 0 ? 2 : batch.returns.size() / games;
    nb::dict arrays;
    arrays["game_start"] = to_array(std::move(batch.game_start), {games + 1});
    arrays["action"] = to_array(std::move(batch.action), {plies});
    arrays["ply_flags"] = to_array(std::move(batch.ply_flags), {plies});
    arrays["search_value"] = to_array(std::move(batch.search_value), {plies});
    arrays["policy_start"] = make_array<std::int64_t>({plies + 1}).first;
    arrays["policy_action"] = make_array<std::int32_t>({0}).first;
    arrays["policy_prob"] = nb::module_::import_("numpy").attr("zeros")(0, "float16");
    arrays["returns"] = to_array(std::move(batch.returns), {games, players});
    arrays["termination"] = to_array(std::move(batch.termination), {games});
    arrays["game_number"] = to_array(std::move(batch.game_number), {games});
    arrays["initial_text"] = make_array<std::uint8_t>({0}).first;
    arrays["initial_start"] = make_array<std::int64_t>({games + 1}).first;

    nb::dict out;
    out["arrays"] = arrays;
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
