// A network ready to run: immutable, shared by all threads, laid out for one SIMD level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/cache_line.h"
#include "nnue/features.h"
#include "nnue/kernels.h"
#include "nnue/parameters.h"
#include "nnue/simd.h"

namespace zerofleet::nnue {

class Network {
  public:
    /// Throws std::invalid_argument if the processor cannot run `simd`.
    explicit Network(Parameters parameters, Simd simd = supported_simd().back());

    /// Loads the bytes of a .nnue file. Throws std::invalid_argument (see Parameters::from_bytes).
    static Network from_bytes(std::span<const std::byte> data,
                              Simd simd = supported_simd().back()) {
        return Network(Parameters::from_bytes(data), simd);
    }
    static Network random(const FeatureSet& features, const Shape& shape, std::uint64_t seed,
                          Simd simd = supported_simd().back()) {
        return Network(Parameters::random(features, shape, seed), simd);
    }

    // LayerStacks point into the vectors, which a move keeps and a copy would not.
    Network(Network&&) = default;
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    Network& operator=(Network&&) = delete;
    ~Network() = default;

    std::vector<std::byte> to_bytes() const { return parameters_.to_bytes(); }
    const FeatureSet& features() const { return *parameters_.features; }
    const Shape& shape() const { return parameters_.shape; }
    Simd simd() const { return simd_; }

    /// Throws std::invalid_argument, naming both, unless the network is for this feature set.
    void require(const FeatureSet& wanted) const;

    // For Evaluator: everything in the kernels' layout.
    const Kernels& kernels() const { return *kernels_; }
    const PaddedSizes& sizes() const { return sizes_; }
    const std::int16_t* bias() const { return bias_.data(); }  // [2][A]: the same for both views
    const std::int16_t* row(int r) const {
        return rows_.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(sizes_.a);
    }
    std::int32_t row_psqt(int r) const { return row_psqt_[static_cast<std::size_t>(r)]; }
    const LayerStack& layers(int num_pieces) const {
        return stack_of_pieces_[static_cast<std::size_t>(num_pieces)];
    }

  private:
    void fill_rows();
    void fill_layers();

    Parameters parameters_;
    Simd simd_;
    PaddedSizes sizes_;
    const Kernels* kernels_;
    // At the starts of cache lines, which the kernels load whole.
    LineVector<std::int16_t> bias_, rows_;
    LineVector<std::int8_t> weights_;
    LineVector<std::int32_t> biases_;
    LineVector<std::int16_t> out_weights_;
    std::vector<std::int32_t> row_psqt_;       // [row]
    std::vector<LayerStack> stack_of_pieces_;  // [num_pieces]: saves the search a division
};

}  // namespace zerofleet::nnue
