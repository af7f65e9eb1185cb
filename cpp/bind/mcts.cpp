// Tree search of one game for Python: analysis, match play and tests. Self-play of many games is
// selfplay.cpp.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bind/any_state.h"
#include "bind/arrays.h"
#include "bind/leaf_arrays.h"
#include "bind/mcts.h"
#include "bind/module.h"
#include "bind/settings.h"
#include "search/mcts.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

using search::MctsOptions;

MctsOptions mcts_options(const nb::dict& values) {
    MctsOptions o;
    const Settings settings("search", values);
    settings.read("num_simulations", o.num_simulations);
    std::string selection;
    settings.read("selection", selection);
    if (selection == "puct")
        o.selection = search::Selection::kPuct;
    else if (selection == "gumbel")
        o.selection = search::Selection::kGumbel;
    else if (selection == "none")
        o.selection = search::Selection::kNone;
    else
        throw std::invalid_argument("search.selection must be puct, gumbel or none, got " +
                                    selection);
    settings.read("leaves_per_round", o.leaves_per_round);
    settings.read("virtual_loss", o.virtual_loss);
    settings.read("c_puct", o.c_puct);
    settings.read("c_puct_base", o.c_puct_base);
    settings.read("fpu_reduction", o.fpu_reduction);
    settings.read("root_fpu_reduction", o.root_fpu_reduction);
    settings.read("dirichlet_alpha", o.dirichlet_alpha);
    settings.read("dirichlet_total", o.dirichlet_total);
    settings.read("dirichlet_weight", o.dirichlet_weight);
    settings.read("max_considered_actions", o.max_considered_actions);
    settings.read("c_visit", o.c_visit);
    settings.read("c_scale", o.c_scale);
    settings.read("rescale_q", o.rescale_q);
    settings.read("gumbel_scale", o.gumbel_scale);
    settings.read("full_search_probability", o.full_search_probability);
    settings.read("fast_simulations", o.fast_simulations);
    settings.read("forced_playouts", o.forced_playouts);
    settings.read("reuse_subtree", o.reuse_subtree);
    settings.read("max_nodes", o.max_nodes);
    settings.read("max_tree_kib", o.max_tree_kib);
    search::check_options(o);
    return o;
}

namespace {

class MctsHandle {
  public:
    MctsHandle(nb::handle game, const nb::dict& options, std::size_t cache_mib)
        : game_(any_game_of(game)),
          shared_(*game_, mcts_options(options)),
          work_(*game_),
          rows_(std::make_shared<search::LeafRows>(game_->info())),
          tree_(shared_) {
        if (cache_mib > 0)
            cache_ = std::make_unique<search::EvalCache>(cache_bytes(cache_mib),
                                                         game_->info().max_legal_actions);
    }

    void new_game(nb::handle state, std::uint64_t seed, std::vector<Action> root_actions) {
        const AnyState root = any_state_of(*game_, state);
        for (const Action a : root_actions)
            if (!game_->is_legal(root.get(), a))
                throw std::invalid_argument(game_->info().spec + ": root action " +
                                            std::to_string(a) + " is not legal in " +
                                            game_->text(root.get()));
        std::sort(root_actions.begin(), root_actions.end());
        root_actions.erase(std::unique(root_actions.begin(), root_actions.end()),
                           root_actions.end());
        tree_.new_game(root.get(), seed, root_actions);
        waiting_ = searching_ = false;
    }

    void begin_move(bool fast, const std::optional<ConstArray<double, 1>>& noise,
                    int num_simulations) {
        const Position position = game_->look(tree_.state().get(), work_.choices);
        if (position.to_play < 0)
            throw std::invalid_argument(
                game_->info().spec + ": " +
                (position.terminal ? "the game is over" : "nature moves") +
                " in the position to be searched: " + game_->text(tree_.state().get()));
        std::span<const double> given;
        if (noise) {
            if (noise->size() != static_cast<std::size_t>(game_->info().num_actions))
                throw std::invalid_argument(
                    "noise: expected " + std::to_string(game_->info().num_actions) +
                    " numbers, one for each action, got " + std::to_string(noise->size()));
            given = {noise->data(), noise->size()};
        }
        if (num_simulations < 0)
            throw std::invalid_argument("num_simulations must be at least 0, got " +
                                        std::to_string(num_simulations));
        forget_rows();
        tree_.begin_move(fast, given, num_simulations);
        searching_ = true;
    }

    void resume(int num_simulations) {
        if (waiting_) throw std::invalid_argument("resume() before give_back()");
        if (num_simulations < 1)
            throw std::invalid_argument("resume(): expected simulations >= 1, got " +
                                        std::to_string(num_simulations));
        tree_.resume(num_simulations);
    }

    nb::tuple collect() {
        if (!searching_)
            throw std::invalid_argument("collect() without a search; begin_move first");
        if (waiting_) throw std::invalid_argument("collect() before give_back()");
        // Whoever keeps the arrays of a round keeps them as they were.
        if (rows_.use_count() > 1) rows_ = std::make_shared<search::LeafRows>(game_->info());
        rows_->clear();
        try {
            const nb::gil_scoped_release release;
            waiting_ = tree_.collect(work_, *rows_, cache_.get()) > 0;
        } catch (...) {  // rules written in Python may raise, and somebody press Ctrl-C in them
            tree_.abandon();
            searching_ = false;
            throw;
        }
        return leaf_arrays(game_->info(), rows_);
    }

    void give_back(ConstArray<float, 1> prior, ConstArray<float, 1> value) {
        if (!waiting_) throw std::invalid_argument("give_back() without rows of a collect()");
        rows_->check_evaluation(prior.size(), value.size());
        tree_.give_back(prior.data(), value.data(), cache_.get());
        waiting_ = false;
    }

    nb::dict result() {
        if (!tree_.done()) throw std::invalid_argument("result() before the search is done");
        const search::MctsResult& r = tree_.result();
        // Ascending by action, as everywhere in Python.
        std::vector<std::size_t> order(r.actions.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(),
                  [&](std::size_t a, std::size_t b) { return r.actions[a] < r.actions[b]; });
        const auto sorted = [&]<class To, class From>(const std::vector<From>& values, To) {
            auto [array, data] = make_array<To>({order.size()});
            for (std::size_t i = 0; i < order.size(); ++i)
                data[i] = static_cast<To>(values[order[i]]);
            return array;
        };
        nb::dict out;
        out["action"] = r.action;
        out["value"] = r.value;
        out["net_value"] = r.net_value;
        out["fast"] = r.fast;
        out["num_simulations"] = r.num_simulations;
        out["cut_short"] = r.cut_short;
        out["visits_kept"] = r.visits_kept;
        out["num_nodes"] = tree_.num_nodes();
        out["actions"] = sorted(r.actions, std::int32_t{});
        out["policy"] = sorted(r.policy, float{});
        out["visits"] = sorted(r.visits, std::int64_t{});
        out["q"] = sorted(r.q, float{});
        out["prior"] = sorted(r.prior, float{});
        return out;
    }

    void advance(std::int64_t action) {
        if (!game_->is_legal(tree_.state().get(), action))
            throw std::invalid_argument(game_->info().spec + ": action " + std::to_string(action) +
                                        " is not legal in " + game_->text(tree_.state().get()));
        forget_rows();
        tree_.advance(static_cast<Action>(action));
        searching_ = false;
    }

    std::vector<Action> line(Action first) const {
        if (!tree_.done()) throw std::invalid_argument("line() before the search is done");
        return tree_.line(first);
    }
    nb::dict tree_stats() const {
        nb::dict out;
        out["nodes"] = tree_.num_nodes();
        out["bytes"] = tree_.reserved_bytes();
        out["most_bytes"] = tree_.limits().bytes;
        out["sum_depths"] = tree_.sum_depths();
        out["largest_depth"] = tree_.largest_depth();
        return out;
    }

    bool done() const { return tree_.done(); }
    std::string position() const { return game_->text(tree_.state().get()); }
    std::size_t reserved_bytes() const { return shared_.memory.reserved_bytes(); }
    nb::dict cache_stats() const {
        const auto stats = cache_ ? cache_->stats() : search::EvalCache::Stats{};
        nb::dict out;
        out["lookups"] = stats.lookups;
        out["hits"] = stats.hits;
        out["bytes"] = stats.bytes;
        return out;
    }

  private:
    /// A caller whose evaluator failed, or who pressed Ctrl-C in it, may go on with another search.
    void forget_rows() {
        if (waiting_) tree_.abandon();
        waiting_ = false;
    }

    std::shared_ptr<const AnyGame> game_;
    search::MctsShared shared_;
    search::MctsWorkspace work_;
    std::shared_ptr<search::LeafRows> rows_;
    std::unique_ptr<search::EvalCache> cache_;
    search::Mcts tree_;
    bool searching_ = false, waiting_ = false;  // `waiting_`: rows are out
};

}  // namespace

void bind_mcts(nb::module_& m) {
    nb::class_<MctsHandle>(m, "Mcts",
                           "Tree search of one game (docs/tree_search.md); "
                           "`zerofleet.search.Mcts` is its face.\n\n"
                           "options: the fields of MctsConfig. One thread at a time.")
        .def(nb::init<nb::handle, const nb::dict&, std::size_t>(), "game"_a, "options"_a,
             "cache_mib"_a = 0)
        .def("new_game", &MctsHandle::new_game, "state"_a, "seed"_a,
             "root_actions"_a = std::vector<Action>{},
             "Forgets everything and starts from a copy of this state; the first move is one of "
             "`root_actions` if there are any.")
        .def("begin_move", &MctsHandle::begin_move, nb::kw_only(), "fast"_a = false,
             "noise"_a = nb::none(), "num_simulations"_a = 0,
             "Starts a search. noise: float64 [num_actions], replaces the noise of this move; "
             "num_simulations: those of the options, if > 0.")
        .def("resume", &MctsHandle::resume, "num_simulations"_a,
             "Goes on with the finished search of this move (PUCT).")
        .def("line", &MctsHandle::line, "first"_a,
             "The most visited line that begins with this action; empty if it was never visited.")
        .def("collect", &MctsHandle::collect,
             "(planes, scalars, legal_start, legal_action) of the leaves to evaluate; no rows: "
             "done.")
        .def("give_back", &MctsHandle::give_back, "prior"_a, "value"_a,
             "prior: float32 [L] of the legal actions of all rows; value: float32 [B], mover's "
             "view.")
        .def("result", &MctsHandle::result, "A dict, lists ascending by action.")
        .def("advance", &MctsHandle::advance, "action"_a,
             "Plays an action or an outcome and keeps its subtree.")
        .def_prop_ro("done", &MctsHandle::done, "The search is finished.")
        .def_prop_ro("position", &MctsHandle::position, "`State.text()` of the root.")
        .def_prop_ro("reserved_bytes", &MctsHandle::reserved_bytes, "Memory of nodes.")
        .def_prop_ro("tree_stats", &MctsHandle::tree_stats,
                     "nodes, bytes and most_bytes of the tree; sum_depths and largest_depth of the "
                     "descents of this move.")
        .def_prop_ro("cache_stats", &MctsHandle::cache_stats,
                     "lookups, hits and bytes of the evaluation cache.");
}

}  // namespace zerofleet::bind
