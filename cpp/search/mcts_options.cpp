#include "search/mcts_options.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace zerofleet::search {

void check_options(const MctsOptions& o) {
    const auto require = [](bool ok, const char* name, const char* expected, auto value) {
        if (ok) return;
        std::ostringstream message;
        message << "search." << name << " must be " << expected << ", got " << value;
        throw std::invalid_argument(message.str());
    };
    require(o.num_simulations >= 1 && o.num_simulations <= 10'000'000, "num_simulations",
            "in 1..10,000,000", o.num_simulations);
    require(o.leaves_per_round >= 1 && o.leaves_per_round <= 1024, "leaves_per_round", "in 1..1024",
            o.leaves_per_round);
    require(o.virtual_loss >= 0, "virtual_loss", "at least 0", o.virtual_loss);
    require(o.c_puct >= 0, "c_puct", "at least 0", o.c_puct);
    require(o.c_puct_base >= 0, "c_puct_base", "at least 0", o.c_puct_base);
    require(o.fpu_reduction >= 0, "fpu_reduction", "at least 0", o.fpu_reduction);
    require(o.root_fpu_reduction >= 0, "root_fpu_reduction", "at least 0", o.root_fpu_reduction);
    require(o.dirichlet_alpha >= 0, "dirichlet_alpha", "at least 0", o.dirichlet_alpha);
    require(o.dirichlet_total > 0, "dirichlet_total", "above 0", o.dirichlet_total);
    require(o.dirichlet_weight >= 0 && o.dirichlet_weight <= 1, "dirichlet_weight", "in [0, 1]",
            o.dirichlet_weight);
    require(o.max_considered_actions >= 1, "max_considered_actions", "at least 1",
            o.max_considered_actions);
    require(o.c_visit >= 0, "c_visit", "at least 0", o.c_visit);
    require(o.c_scale >= 0, "c_scale", "at least 0", o.c_scale);
    require(o.gumbel_scale >= 0, "gumbel_scale", "at least 0", o.gumbel_scale);
    require(o.full_search_probability >= 0 && o.full_search_probability <= 1,
            "full_search_probability", "in [0, 1]", o.full_search_probability);
    require(o.fast_simulations >= 0, "fast_simulations", "at least 0", o.fast_simulations);
    require(o.forced_playouts >= 0, "forced_playouts", "at least 0", o.forced_playouts);
    require(o.max_nodes >= 0, "max_nodes", "at least 0", o.max_nodes);
    require(o.max_tree_kib >= 0 && o.max_tree_kib <= std::int64_t{1} << 40, "max_tree_kib",
            "in 0..2^40", o.max_tree_kib);
}

int simulations_of(const MctsOptions& options, bool fast) {
    if (options.selection == Selection::kNone) return 0;
    if (!fast) return options.num_simulations;
    if (options.fast_simulations > 0) return options.fast_simulations;
    return std::max(1, options.num_simulations / 6);
}

}  // namespace zerofleet::search
