// Evaluators without a net, for benchmarks and tests: the same value and priors everywhere, or
// random ones that are a function of the row alone.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "search/leaf_rows.h"

namespace zerofleet::search {

class FakeNet {
  public:
    enum class Kind : std::uint8_t {
        kConstant,  // uniform priors, value 0
        kRandom,    // sharp random priors, noisy values: trees as deep as with a trained net
    };

    explicit FakeNet(Kind kind) : kind_(kind) {
        Rng rng(0x66616b65);  // "fake"
        for (float& w : weights_) {
            // exp of a normal of deviation 1.5: the best of 7 actions has about half of the mass.
            double z = -6.0;
            for (int i = 0; i < 12; ++i) z += rng.uniform();
            w = static_cast<float>(std::exp(1.5 * z));
        }
    }

    /// Priors of all legal actions, row after row, and a value per row. `Rows`: LeafRows, or
    /// anything else with its accessors.
    template <class Rows>
    void evaluate(const Rows& rows, std::vector<float>& prior, std::vector<float>& value) const {
        const auto start = rows.legal_start();
        prior.resize(rows.legal_action().size());
        value.resize(static_cast<std::size_t>(rows.size()));
        for (std::size_t row = 0; row < value.size(); ++row) {
            const auto first = static_cast<std::size_t>(start[row]);
            const auto count = static_cast<std::size_t>(start[row + 1]) - first;
            float* p = prior.data() + first;
            if (kind_ == Kind::kConstant) {
                std::fill_n(p, count, 1.0f / static_cast<float>(count));
                value[row] = 0.0f;
                continue;
            }
            const std::uint64_t hash = row_hash(rows, row);
            float total = 0.0f;
            for (std::size_t i = 0; i < count; ++i) {
                const auto action = static_cast<std::uint64_t>(rows.legal_action()[first + i]);
                const std::uint64_t x = (hash ^ action) * 0x9e3779b97f4a7c15ULL;
                total += p[i] = weights_[(x ^ x >> 32) >> 20 & 1023];
            }
            const float scale = 1.0f / total;
            for (std::size_t i = 0; i < count; ++i) p[i] *= scale;
            // Triangular on (-0.6, 0.6).
            const auto a = static_cast<float>(hash & 0xffff), b = static_cast<float>(hash >> 48);
            value[row] = 0.6f * ((a + b) / 65536.0f - 1.0f);
        }
    }

  private:
    template <class Rows>
    static std::uint64_t row_hash(const Rows& rows, std::size_t row) {
        const std::uint8_t* planes = rows.planes() + row * rows.plane_bytes();
        std::uint64_t hash = 0;
        std::size_t i = 0;
        for (; i + 8 <= rows.plane_bytes(); i += 8) {
            std::uint64_t word;
            std::memcpy(&word, planes + i, 8);
            hash = (hash ^ word) * 0xbf58476d1ce4e5b9ULL;
            hash ^= hash >> 29;
        }
        for (; i < rows.plane_bytes(); ++i) hash = (hash ^ planes[i]) * 0x100000001b3ULL;
        for (std::size_t s = 0; s < rows.num_scalars(); ++s) {
            std::uint32_t bits;
            std::memcpy(&bits, rows.scalars() + row * rows.num_scalars() + s, sizeof bits);
            hash = (hash ^ bits) * 0x100000001b3ULL;
        }
        return mix64(hash);
    }

    Kind kind_;
    std::array<float, 1024> weights_;
};

}  // namespace zerofleet::search
