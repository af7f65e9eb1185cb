// Alpha-beta for Python: one position with its details, or many at once for match play.
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>

#include "bind/arrays.h"
#include "bind/module.h"
#include "bind/nnue.h"
#include "search/greedy.h"
#include "search/searcher.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using search::AlphaBetaOptions;
using search::SearchLimits;

SearchLimits make_limits(int depth, std::uint64_t nodes, double seconds) {
    if (depth < 0)
        throw std::invalid_argument("depth must be at least 0 (no limit), got " +
                                    std::to_string(depth));
    if (!(seconds >= 0))  // no number either
        throw std::invalid_argument("seconds must be at least 0 (no limit), got " +
                                    std::to_string(seconds));
    SearchLimits limits;
    if (depth > 0) limits.depth = depth;
    limits.nodes = nodes;
    limits.seconds = seconds;
    return limits;
}

AlphaBetaOptions make_options(bool reductions, bool quiescence, int aspiration,
                              std::size_t table_kib) {
    if (aspiration < 0)
        throw std::invalid_argument("aspiration must be at least 0, got " +
                                    std::to_string(aspiration));
    if (table_kib < 1 || table_kib > (1u << 20))
        throw std::invalid_argument("table_kib must be in 1..1048576, got " +
                                    std::to_string(table_kib));
    return {reductions, quiescence, aspiration, table_kib};
}

void check_packed(const ConstArray<std::uint8_t, 1>& packed, int bytes) {
    if (packed.size() != static_cast<std::size_t>(bytes))
        throw std::invalid_argument("expected a packed position of " + std::to_string(bytes) +
                                    " bytes, got " + std::to_string(packed.size()));
}

using NetworkPtr = std::shared_ptr<const nnue::Network>;

/// The network of an optional argument, kept alive by the result.
NetworkPtr network_of(const NnueNetwork* network) {
    return network == nullptr ? nullptr : network->network;
}

/// One searcher of one game.
class AlphaBetaHandle {
  public:
    AlphaBetaHandle(const std::string& game, const NnueNetwork* network, bool reductions,
                    bool quiescence, int aspiration, std::size_t table_kib)
        : network_(network_of(network)),
          searcher_(search::make_searcher(
              game, network_.get(), make_options(reductions, quiescence, aspiration, table_kib))) {}

    nb::dict search(ConstArray<std::uint8_t, 1> packed, int depth, std::uint64_t nodes,
                    double seconds, std::uint64_t shuffle_seed) {
        SearchLimits limits = make_limits(depth, nodes, seconds);
        limits.stop = &stop_;
        check(packed);
        search::SearchResult r;
        {
            nb::gil_scoped_release release;
            stop_ = false;
            r = searcher_->search(packed.data(), limits, shuffle_seed);
        }
        nb::dict out;
        out["action"] = r.action;
        out["score"] = r.score;
        out["value"] = search::value_of(r.score);
        out["proven"] = search::is_proven(r.score);
        out["depth"] = r.depth;
        out["interrupted"] = r.interrupted;
        out["nodes"] = r.nodes;
        out["evaluations"] = r.evaluations;
        nb::list pv;
        for (const Action a : r.pv) pv.append(a);
        out["pv"] = pv;
        return out;
    }

    nb::dict search_each(ConstArray<std::uint8_t, 1> packed, int depth) {
        check(packed);
        nb::dict out;
        for (const auto& [action, score] :
             searcher_->search_each(packed.data(), make_limits(depth, 0, 0.0)))
            out[nb::int_(action)] = score;
        return out;
    }

    int minimax(ConstArray<std::uint8_t, 1> packed, int depth, bool quiescence) {
        check(packed);
        nb::gil_scoped_release release;
        return searcher_->minimax(packed.data(), depth, quiescence);
    }

    void new_game() { searcher_->new_game(); }
    void stop() { stop_ = true; }

  private:
    void check(const ConstArray<std::uint8_t, 1>& packed) const {
        check_packed(packed, searcher_->packed_bytes());
    }

    NetworkPtr network_;
    std::unique_ptr<search::Searcher> searcher_;
    std::atomic<bool> stop_{false};
};

using Selected = std::tuple<NewArray<std::int32_t>, NewArray<std::int32_t>, std::uint64_t>;

Selected select_actions(const std::string& game, const NnueNetwork* network,
                        ConstArray<std::uint8_t, 2> packed, ConstArray<std::uint64_t, 1> seeds,
                        int depth, std::uint64_t nodes, bool reductions, bool quiescence,
                        int aspiration, std::size_t table_kib, int threads) {
    if (packed.shape(0) != seeds.shape(0))
        throw std::invalid_argument(std::to_string(packed.shape(0)) + " positions but " +
                                    std::to_string(seeds.shape(0)) + " seeds");
    if (depth == 0 && nodes == 0)
        throw std::invalid_argument("one of depth and nodes must be limited");
    if (threads < 1) throw std::invalid_argument("threads must be at least 1");
    const NetworkPtr net = network_of(network);
    search::BatchResult r;
    {
        nb::gil_scoped_release release;
        r = search::search_batch(game, net.get(),
                                 make_options(reductions, quiescence, aspiration, table_kib),
                                 make_limits(depth, nodes, 0.0), {packed.data(), packed.size()},
                                 {seeds.data(), seeds.size()}, threads);
    }
    std::uint64_t total = 0;
    for (const std::uint64_t n : r.nodes) total += n;
    const std::size_t n = r.action.size();
    return {to_array(std::move(r.action), {n}), to_array(std::move(r.score), {n}), total};
}

}  // namespace

void bind_search(nb::module_& m) {
    m.attr("SCORE_WIN") = search::kWin;
    m.def("score_to_value", &search::value_of, "score"_a,
          "tanh(score / 1024) in [-1, 1], mover's view; exactly 1 or -1 if the score is proven.");

    nb::class_<AlphaBetaHandle>(
        m, "AlphaBeta",
        "Alpha-beta search of one game with a network, or with the hand-written heuristic.\n\n"
        "Keeps its table and move-ordering history between searches of a game; `new_game` clears\n"
        "them. One thread at a time; `stop` may be called from any.")
        .def(nb::init<const std::string&, const NnueNetwork*, bool, bool, int, std::size_t>(),
             "game"_a, "network"_a.none() = nb::none(), nb::kw_only(), "reductions"_a = true,
             "quiescence"_a = true, "aspiration"_a = 96, "table_kib"_a = 512)
        .def(
            "search", &AlphaBetaHandle::search, "packed"_a, nb::kw_only(), "depth"_a = 0,
            "nodes"_a = 0, "seconds"_a = 0.0, "shuffle_seed"_a = 0,
            "Searches a packed position until a limit (0: none) or a forced result.\n\n"
            "Returns a dict: action, score (mover's view, 512 a logit; a win in n plies is\n"
            "SCORE_WIN - n), value = tanh(score / 1024), proven, depth (last finished iteration),\n"
            "interrupted, nodes, evaluations, pv. Equal moves are taken in the game's order, or "
            "in\n"
            "an order drawn from shuffle_seed if it is not 0.\n"
            "Raises ValueError if the position is none, or is finished.")
        .def("search_each", &AlphaBetaHandle::search_each, "packed"_a, "depth"_a,
             "Scores of all legal moves (mover's view), each searched with full windows.")
        .def("minimax", &AlphaBetaHandle::minimax, "packed"_a, "depth"_a, "quiescence"_a = true,
             "The score by plain minimax, which alpha-beta without reductions reproduces. Slow.")
        .def("new_game", &AlphaBetaHandle::new_game, "Forgets the table and the history.")
        .def("stop", &AlphaBetaHandle::stop, "Makes a running search return soon.");

    m.def("alphabeta_games", &search::alphabeta_games, "Names of the games that alpha-beta plays.");
    m.def(
        "select_actions", &select_actions, "game"_a, "network"_a.none(), "packed"_a, "seeds"_a,
        nb::kw_only(), "depth"_a = 0, "nodes"_a = 0, "reductions"_a = true, "quiescence"_a = true,
        "aspiration"_a = 96, "table_kib"_a = 64, "threads"_a = 1,
        "Searches N unrelated positions; returns (actions int32 [N], scores int32 [N], nodes).\n\n"
        "packed: uint8 [N, packed_bytes]; seeds: uint64 [N], which choose between equal moves.\n"
        "Each answer depends on its position, seed and the limits alone.");

    m.def(
        "proves",
        [](const std::string& game, ConstArray<std::uint8_t, 1> packed, bool win, int plies,
           std::int64_t budget) {
            check_packed(packed, search::packed_bytes(game));
            nb::gil_scoped_release release;
            return search::proves(game, packed.data(), win, plies, budget);
        },
        "game"_a, "packed"_a, "win"_a, "plies"_a, "budget"_a,
        "True if the mover is proven to win (or lose) within `plies`, from the rules alone.\n\n"
        "False if not, or if `budget` positions do not suffice.\n"
        "Raises ValueError if the position is none, or is finished.");
}

}  // namespace zerofleet::bind
