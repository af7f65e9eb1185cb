#include "search/noise.h"

#include <cmath>

namespace zerofleet::search {

namespace {

/// Uniform in (0, 1): a logarithm may be taken.
double open_uniform(Rng& rng) { return (static_cast<double>(rng.next() >> 12) + 0.5) * 0x1.0p-52; }

/// Standard normal (Box and Muller 1958).
double normal(Rng& rng) {
    const double radius = std::sqrt(-2.0 * std::log(open_uniform(rng)));
    return radius * std::cos(6.283185307179586 * open_uniform(rng));
}

/// Logarithm of a Gamma(alpha, 1) draw (Marsaglia and Tsang 2000): as a logarithm it does not
/// underflow for the small alpha of big boards.
double log_gamma_draw(Rng& rng, double alpha) {
    if (alpha < 1.0) return log_gamma_draw(rng, alpha + 1.0) + std::log(open_uniform(rng)) / alpha;
    const double d = alpha - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
    for (;;) {
        const double x = normal(rng);
        const double v = 1.0 + c * x;
        if (v <= 0.0) continue;
        const double cube = v * v * v;
        if (std::log(open_uniform(rng)) < 0.5 * x * x + d - d * cube + d * std::log(cube))
            return std::log(d * cube);
    }
}

}  // namespace

void draw_gumbels(Rng& rng, double scale, int count, std::vector<double>& out) {
    for (int i = 0; i < count; ++i)
        out.push_back(scale == 0.0 ? 0.0 : -scale * std::log(-std::log(open_uniform(rng))));
}

void draw_dirichlet(Rng& rng, double alpha, int count, std::vector<double>& out) {
    const std::size_t first = out.size();
    double largest = -1e300, total = 0.0;
    for (int i = 0; i < count; ++i) {
        out.push_back(log_gamma_draw(rng, alpha));
        if (out.back() > largest) largest = out.back();
    }
    for (std::size_t i = first; i < out.size(); ++i) {
        out[i] = std::exp(out[i] - largest);
        total += out[i];
    }
    for (std::size_t i = first; i < out.size(); ++i) out[i] /= total;
}

}  // namespace zerofleet::search
