// Random draws of tree search, with the same algorithm on every platform.
#pragma once

#include <vector>

#include "base/rng.h"

namespace zerofleet::search {

/// `count` draws from Gumbel(0, 1), times `scale`, appended.
void draw_gumbels(Rng& rng, double scale, int count, std::vector<double>& out);

/// A draw from the symmetric Dirichlet distribution, `count` numbers that sum to 1, appended.
void draw_dirichlet(Rng& rng, double alpha, int count, std::vector<double>& out);

}  // namespace zerofleet::search
