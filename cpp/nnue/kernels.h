// What the layers_*.cpp files provide: the arithmetic of a network on raw memory, once for each
// SIMD level. Every level gives the same bits (docs/nnue.md has the arithmetic and the layouts).
//
// This header is compiled for several processors, so it must define no functions: the linker
// would keep one copy of each, perhaps the one an older processor cannot run.
#pragma once

#include <cstdint>

namespace zerofleet::nnue {

/// Sizes in memory: A padded to a multiple of 64, H1 and H2 to multiples of 32. Padded weights and
/// biases are zero, so padded units are 0 and change nothing.
struct PaddedSizes {
    int a, h1, h2;
};

/// The layers of one bucket in the layout of the kernels' level; 64-byte aligned.
struct LayerStack {
    const std::int8_t* l1_weight;
    const std::int32_t* l1_bias;
    const std::int8_t* l2_weight;
    const std::int32_t* l2_bias;
    const std::int16_t* out_weight;
    std::int32_t out_bias;
};

/// to = from + rows, for both views. `from` and `to` are [2][A] accumulators, 64-byte aligned.
struct Update {
    static constexpr int kMaxRows = 2;
    const std::int16_t* from;
    std::int16_t* to;
    int count;                             // rows of each view, 1 or 2
    const std::int16_t* row[2][kMaxRows];  // [view][i] -> [A]
};

struct Kernels {
    /// One view from scratch: to = bias + rows.
    void (*refresh)(const PaddedSizes&, const std::int16_t* bias, const std::int16_t* const* rows,
                    int count, std::int16_t* to);
    void (*update)(const PaddedSizes&, const Update&);
    /// The output of the layer stack, at scale 8192; `mover` is the view that comes first.
    std::int32_t (*forward)(const PaddedSizes&, const LayerStack&, const std::int16_t* accumulators,
                            int mover);
    /// `update`, then `forward` on the result: one call and one pass over the accumulators.
    std::int32_t (*update_forward)(const PaddedSizes&, const LayerStack&, const Update&, int mover);
};

// Each level has code for the default sizes (256, 32, 32) and for any others.
extern const Kernels kScalarKernels[2];  // [0]: 256, 32, 32 only; [1]: any
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels[2];
extern const Kernels kAvx512Kernels[2];
#endif

constexpr int kDefaultA = 256, kDefaultH1 = 32, kDefaultH2 = 32;
constexpr int kMaxWidth = 2048, kMaxHidden = 128;  // of A, and of H1 and H2

}  // namespace zerofleet::nnue
