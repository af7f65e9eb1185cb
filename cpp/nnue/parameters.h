// The numbers of a network as they stand in a .nnue file (docs/formats.md), in natural order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nnue/features.h"

namespace zerofleet::nnue {

// Fixed-point scales: this many integer steps are 1.0.
inline constexpr int kAccumulatorScale = 256;
inline constexpr int kActivationScale = 128;  // of u8 activations
inline constexpr int kWeightScale = 64;       // of int8 weights; of sums, biases and psqt: 64 * 128
inline constexpr int kEvalPerLogit = 512;     // p(win) = sigmoid(eval / 512)
inline constexpr int kMaxEval = 30000;

// Bounds of the parameters. docs/nnue.md derives that within them nothing overflows.
inline constexpr int kMaxFtWeight = 320;
inline constexpr int kMaxFtBias = 3000;
inline constexpr int kMaxLayerWeight = 127;
inline constexpr int kMaxLayerBias = 1 << 28;
inline constexpr int kMaxPsqtWeight = 1 << 22;

inline constexpr int kMaxBuckets = 64;  // kernels.h has the bounds of the other sizes

inline constexpr std::uint32_t kFormatVersion = 1;

/// Sizes of a network: F -> A for each view, then 2A -> H1 -> H2 -> 1 in each of B buckets.
struct Shape {
    int a = 256;  // A: multiple of 32
    int h1 = 32;  // multiples of 4
    int h2 = 32;
    int buckets = 4;

    bool operator==(const Shape&) const = default;
};

/// The layer stack that evaluates a state with this many pieces.
constexpr int bucket_of(int num_pieces, int num_buckets, int bucket_span) {
    const int bucket = num_pieces * num_buckets / bucket_span;
    return bucket < num_buckets ? bucket : num_buckets - 1;
}

/// Throws std::invalid_argument naming the size that is out of range.
void check_shape(const Shape& shape);

struct Parameters {
    struct Bucket {
        std::vector<std::int32_t> l1_bias;   // [H1]
        std::vector<std::int8_t> l1_weight;  // [H1][2A], mover's view first
        std::vector<std::int32_t> l2_bias;   // [H2]
        std::vector<std::int8_t> l2_weight;  // [H2][H1]
        std::int32_t out_bias = 0;
        std::vector<std::int8_t> out_weight;  // [H2]
    };

    const FeatureSet* features = nullptr;
    Shape shape;
    std::vector<std::int16_t> ft_bias;      // [A]
    std::vector<std::int16_t> ft_weight;    // [F][A]
    std::vector<std::int32_t> psqt_weight;  // [F]
    std::vector<Bucket> buckets;            // [B]

    /// All zeros, with the right sizes.
    static Parameters zeros(const FeatureSet& features, const Shape& shape);

    /// Reads a .nnue file. Throws std::invalid_argument saying what was expected and found if
    /// magic, version, feature set, sizes, architecture hash, scales, length, checksum or the
    /// range of a weight is wrong.
    static Parameters from_bytes(std::span<const std::byte> data);

    /// The bytes of the .nnue file; the inverse of `from_bytes`.
    std::vector<std::byte> to_bytes() const;

    /// A network of plausible sharpness with the same bits everywhere, for tests and benchmarks:
    /// activations of every layer are spread over their range, few are zero or saturated.
    static Parameters random(const FeatureSet& features, const Shape& shape, std::uint64_t seed);
};

/// Names everything that changes the meaning of the bytes; part of the file.
std::uint32_t architecture_hash(const FeatureSet& features, const Shape& shape);

}  // namespace zerofleet::nnue
