// The self-play pool for Python: batches of leaves out, evaluations in, finished games out. The GIL
// is released wherever the core works or waits for another call: that one may be in rules written
// in Python, which take it.
#include "selfplay/pool.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bind/any_state.h"
#include "bind/arrays.h"
#include "bind/leaf_arrays.h"
#include "bind/mcts.h"
#include "bind/module.h"
#include "bind/settings.h"
#include "bind/shard_arrays.h"
#include "search/fake_net.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using search::LeafRows;
using selfplay::FinishedGames;
using selfplay::Pool;

selfplay::PlayOptions play_options(const nb::dict& values) {
    selfplay::PlayOptions o;
    const Settings settings("selfplay", values);
    settings.read("num_random_plies", o.num_random_plies);
    settings.read("temperature", o.temperature);
    settings.read("temperature_plies", o.temperature_plies);
    settings.read("final_temperature", o.final_temperature);
    std::string decay;
    settings.read("temperature_decay", decay);
    if (decay != "step" && decay != "linear")
        throw std::invalid_argument("temperature_decay must be step or linear, got " + decay);
    o.temperature_falls = decay == "linear";
    settings.read("resign_below", o.resign_below);
    settings.read("resign_moves", o.resign_moves);
    settings.read("resign_play_on", o.resign_play_on);
    settings.read("max_plies", o.max_plies);
    std::string length_result;
    settings.read("length_result", length_result);
    if (length_result != "draw" && length_result != "board_value")
        throw std::invalid_argument("length_result must be draw or board_value, got " +
                                    length_result);
    o.adjudicates_length = length_result == "board_value";
    return o;
}

/// A pool and the game it plays.
struct PoolHandle {
    PoolHandle(nb::handle game, const nb::dict& search, const nb::dict& play, std::uint64_t seed,
               int num_games, int num_halves, int threads, std::size_t cache_mib)
        : rules(any_game_of(game)),
          pool(*rules,
               {.search = mcts_options(search),
                .play = play_options(play),
                .num_games = num_games,
                .num_halves = num_halves,
                .num_threads = threads,
                .cache_bytes = cache_bytes(cache_mib)},
               seed) {}

    std::shared_ptr<const AnyGame> rules;
    Pool pool;
};

nb::tuple collect(PoolHandle& self, int half) {
    std::shared_ptr<const LeafRows> rows;
    {
        const nb::gil_scoped_release release;
        rows = self.pool.collect(half);
    }
    return leaf_arrays(self.rules->info(), rows);
}

void receive(PoolHandle& self, int half, ConstArray<float, 1> prior, ConstArray<float, 1> value) {
    const nb::gil_scoped_release release;
    self.pool.receive(half, {prior.data(), prior.size()}, {value.data(), value.size()});
}

nb::dict take_games(PoolHandle& self, std::size_t limit, bool gaps) {
    FinishedGames games;
    {
        const nb::gil_scoped_release release;
        self.pool.take_games(games, limit, gaps);
    }
    return shard_arrays(std::move(games), static_cast<std::size_t>(self.rules->info().num_players));
}

nb::dict stats(const PoolHandle& self) {
    selfplay::PoolStats s;
    {
        const nb::gil_scoped_release release;
        s = self.pool.stats();
    }
    nb::dict out;
    out["rounds"] = s.num_rounds;
    out["rows"] = s.num_rows;
    out["simulations"] = s.num_simulations;
    out["full_searches"] = s.num_full_searches;
    out["fast_searches"] = s.num_fast_searches;
    out["cut_searches"] = s.num_cut_searches;
    out["cache_lookups"] = s.cache_lookups;
    out["cache_hits"] = s.cache_hits;
    out["games"] = s.num_games;
    out["plies"] = s.num_plies;
    out["wins"] = nb::make_tuple(s.num_wins[0], s.num_wins[1]);
    out["draws"] = s.num_draws;
    out["sum_returns"] = s.sum_returns;
    nb::list terminations;
    for (const std::int64_t n : s.num_terminations) terminations.append(n);
    out["terminations"] = nb::tuple(terminations);
    out["played_on"] = s.num_played_on;
    out["false_resignations"] = s.num_false_resignations;
    out["policies"] = s.num_policies;
    out["dropped_mass"] = s.dropped_mass;
    out["worst_dropped_mass"] = s.worst_dropped_mass;
    return out;
}

nb::dict memory(const PoolHandle& self) {
    selfplay::PoolMemory m;
    {
        const nb::gil_scoped_release release;
        m = self.pool.memory();
    }
    nb::dict out;
    out["nodes"] = m.nodes;
    out["games"] = m.games;
    out["rows"] = m.rows;
    out["cache"] = m.cache;
    out["finished"] = m.finished;
    out["nodes_limit"] = m.nodes_limit;
    return out;
}

/// Rows in arrays of somebody else, with the accessors of LeafRows.
struct RowsView {
    const std::uint8_t* plane_data;
    const float* scalar_data;
    std::span<const std::int64_t> start;
    std::span<const std::int32_t> action;
    std::size_t bytes_of_row, scalars_of_row;

    int size() const { return static_cast<int>(start.size()) - 1; }
    const std::uint8_t* planes() const { return plane_data; }
    const float* scalars() const { return scalar_data; }
    std::size_t plane_bytes() const { return bytes_of_row; }
    std::size_t num_scalars() const { return scalars_of_row; }
    std::span<const std::int64_t> legal_start() const { return start; }
    std::span<const std::int32_t> legal_action() const { return action; }
};

nb::tuple fake_net(nb::ndarray<nb::c_contig, nb::device::cpu, nb::ro> planes,
                   ConstArray<float, 2> scalars, ConstArray<std::int64_t, 1> legal_start,
                   ConstArray<std::int32_t, 1> legal_action) {
    const std::size_t rows = legal_start.size() - 1;
    bool fits = legal_start.size() > 0 && planes.ndim() > 0 && planes.shape(0) == rows &&
                scalars.shape(0) == rows && legal_start(0) == 0 &&
                legal_start(rows) == static_cast<std::int64_t>(legal_action.size());
    for (std::size_t i = 0; fits && i < rows; ++i) fits = legal_start(i) < legal_start(i + 1);
    if (!fits) throw std::invalid_argument("fake_net: these arrays are no batch of leaves");
    const RowsView view{
        static_cast<const std::uint8_t*>(planes.data()), scalars.data(),
        {legal_start.data(), legal_start.size()},        {legal_action.data(), legal_action.size()},
        rows == 0 ? 0 : planes.nbytes() / rows,          scalars.shape(1)};
    std::vector<float> prior, value;
    {
        const nb::gil_scoped_release release;
        search::FakeNet(search::FakeNet::Kind::kRandom).evaluate(view, prior, value);
    }
    const std::size_t num_priors = prior.size();
    return nb::make_tuple(to_array(std::move(prior), {num_priors}),
                          to_array(std::move(value), {rows}));
}

}  // namespace

void bind_pool(nb::module_& m) {
    nb::class_<PoolHandle>(m, "Pool",
                           "Many games of tree search at once (docs/self_play.md); "
                           "`zerofleet.selfplay.Pool` is its face.\n\n"
                           "search, play: the fields of MctsConfig and of PlayConfig.")
        .def(nb::init<nb::handle, const nb::dict&, const nb::dict&, std::uint64_t, int, int, int,
                      std::size_t>(),
             "game"_a, "search"_a, "play"_a, nb::kw_only(), "seed"_a, "num_games"_a,
             "num_halves"_a = 1, "threads"_a = 1, "cache_mib"_a = 0)
        .def(
            "add_games",
            [](PoolHandle& self, std::int64_t first, std::int64_t count) {
                const nb::gil_scoped_release release;
                self.pool.add_games(first, count);
            },
            "first"_a, "count"_a, "Appends game numbers to those to be played.")
        .def("collect", &collect, "half"_a = 0,
             "(planes, scalars, legal_start, legal_action) of the leaves of a half.")
        .def("receive", &receive, "half"_a, "prior"_a, "value"_a,
             "prior: float32 [L] of the legal actions of all rows; value: float32 [B], mover's "
             "view.")
        .def("take_games", &take_games, nb::kw_only(), "limit"_a, "gaps"_a = false,
             "Arrays of a shard but meta: finished games, out of the pool.")
        .def_prop_ro(
            "done",
            [](const PoolHandle& self) {
                const nb::gil_scoped_release release;
                return self.pool.is_done();
            },
            "All games added so far are finished.")
        .def_prop_ro(
            "num_ready",
            [](const PoolHandle& self) {
                const nb::gil_scoped_release release;
                return self.pool.num_ready();
            },
            "Finished games that wait to be taken, in order.")
        .def_prop_ro(
            "num_under_way",
            [](const PoolHandle& self) {
                const nb::gil_scoped_release release;
                return self.pool.num_under_way();
            },
            "Games that have begun and are not finished.")
        .def(
            "set_model_version",
            [](PoolHandle& self, std::uint64_t version) {
                const nb::gil_scoped_release release;
                self.pool.set_model_version(version);
            },
            "version"_a, "Evaluations from now on are another net's; the cache forgets.")
        .def("stats", &stats, "A dict of what was done so far.")
        .def("memory", &memory, "A dict of bytes held.");
    m.def("fake_net", &fake_net, "planes"_a, "scalars"_a, "legal_start"_a, "legal_action"_a,
          "(prior, value) of a net that is none: random functions of each row, for benchmarks.");
}

}  // namespace zerofleet::bind
