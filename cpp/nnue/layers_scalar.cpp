// The kernels in plain C++: the reference that the vector levels must equal, and what processors
// without them run. Weights are in natural order.
#include <algorithm>

#include "nnue/kernels.h"
#include "nnue/parameters.h"

namespace zerofleet::nnue {

namespace {

/// Modulo 2^16, as the vector instructions add: the sum fits int16 for every real state, but in
/// what order the rows come must not matter.
std::int16_t add(std::int16_t x, std::int16_t y) {
    return static_cast<std::int16_t>(static_cast<std::uint16_t>(x) + static_cast<std::uint16_t>(y));
}

void refresh(const PaddedSizes& sizes, const std::int16_t* bias, const std::int16_t* const* rows,
             int count, std::int16_t* to) {
    std::copy_n(bias, sizes.a, to);
    for (int k = 0; k < count; ++k)
        for (int i = 0; i < sizes.a; ++i) to[i] = add(to[i], rows[k][i]);
}

void update(const PaddedSizes& sizes, const Update& job) {
    for (int view = 0; view < 2; ++view) {
        const std::int16_t* from = job.from + view * sizes.a;
        std::int16_t* to = job.to + view * sizes.a;
        const auto [first, second] = job.row[view];
        if (job.count == 1)
            for (int i = 0; i < sizes.a; ++i) to[i] = add(from[i], first[i]);
        else
            for (int i = 0; i < sizes.a; ++i) to[i] = add(add(from[i], first[i]), second[i]);
    }
}

std::uint8_t activate(std::int16_t x) {
    const int c = std::clamp<int>(x, 0, kAccumulatorScale);
    return static_cast<std::uint8_t>(c * c >> 9);
}

/// out = clamp(bias + weight * in, in steps of 1/128).
void dense(int num_in, int num_out, const std::int8_t* weight, const std::int32_t* bias,
           const std::uint8_t* in, std::uint8_t* out) {
    for (int o = 0; o < num_out; ++o) {
        std::int32_t sum = bias[o];
        for (int i = 0; i < num_in; ++i) sum += in[i] * weight[o * num_in + i];
        out[o] = static_cast<std::uint8_t>(std::clamp(sum >> 6, 0, kActivationScale));
    }
}

template <bool kDefault>
std::int32_t forward(const PaddedSizes& any, const LayerStack& layers,
                     const std::int16_t* accumulators, int mover) {
    const PaddedSizes sizes = kDefault ? PaddedSizes{kDefaultA, kDefaultH1, kDefaultH2} : any;
    std::uint8_t x[2 * (kDefault ? kDefaultA : kMaxWidth)];
    std::uint8_t h1[kDefault ? kDefaultH1 : kMaxHidden], h2[kDefault ? kDefaultH2 : kMaxHidden];
    for (int side = 0; side < 2; ++side) {
        const std::int16_t* acc = accumulators + (mover ^ side) * sizes.a;
        for (int i = 0; i < sizes.a; ++i) x[side * sizes.a + i] = activate(acc[i]);
    }
    dense(2 * sizes.a, sizes.h1, layers.l1_weight, layers.l1_bias, x, h1);
    dense(sizes.h1, sizes.h2, layers.l2_weight, layers.l2_bias, h1, h2);
    std::int32_t out = layers.out_bias;
    for (int i = 0; i < sizes.h2; ++i) out += h2[i] * layers.out_weight[i];
    return out;
}

template <bool kDefault>
std::int32_t update_forward(const PaddedSizes& sizes, const LayerStack& layers, const Update& job,
                            int mover) {
    update(sizes, job);
    return forward<kDefault>(sizes, layers, job.to, mover);
}

}  // namespace

const Kernels kScalarKernels[2] = {{refresh, update, forward<true>, update_forward<true>},
                                   {refresh, update, forward<false>, update_forward<false>}};

}  // namespace zerofleet::nnue
