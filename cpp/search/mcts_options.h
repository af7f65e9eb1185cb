// Settings of tree search. Names, meanings and sources are those of MctsConfig in
// src/zerofleet/search/config.py.
#pragma once

#include <cstdint>

namespace zerofleet::search {

/// kNone: no search; a move takes one evaluation, that of its position.
enum class Selection : std::uint8_t { kPuct, kGumbel, kNone };

struct MctsOptions {
    int num_simulations = 200;
    Selection selection = Selection::kGumbel;
    int leaves_per_round = 1;
    double virtual_loss = 1.0;

    double c_puct = 1.25;
    double c_puct_base = 0.0;  // 0: constant
    double fpu_reduction = 0.2;
    double root_fpu_reduction = 0.0;
    double dirichlet_alpha = 0.0;  // 0: dirichlet_total / number of legal actions
    double dirichlet_total = 10.0;
    double dirichlet_weight = 0.25;  // 0: no noise

    int max_considered_actions = 16;
    double c_visit = 50.0;
    double c_scale = 0.1;
    bool rescale_q = true;
    double gumbel_scale = 1.0;

    double full_search_probability = 1.0;  // 1: every move is searched with num_simulations
    int fast_simulations = 0;              // 0: num_simulations / 6
    double forced_playouts = 0.0;          // k; 0: off

    bool reuse_subtree = true;
    std::int64_t max_nodes = 0;     // 0: eight times what one search can add
    std::int64_t max_tree_kib = 0;  // 0: see TreeLimits
};

/// Throws std::invalid_argument naming the setting, its value and what it may be.
void check_options(const MctsOptions& options);

/// Simulations of a full or of a fast search.
int simulations_of(const MctsOptions& options, bool fast);

}  // namespace zerofleet::search
