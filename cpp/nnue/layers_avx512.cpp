// The kernels for AVX-512 with VNNI. Compiled for x86-64-v4, so everything is in an anonymous
// namespace and no inline function of a shared header may be used here. docs/nnue.md draws the
// layouts.
#if defined(__x86_64__)
#include "nnue/kernels.h"

// g++ 12's own header starts "undefined" registers from themselves and warns where it is inlined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

namespace zerofleet::nnue {

namespace {

using V = __m512i;

constexpr int kWords = 32, kBytes = 64;              // per register
constexpr int kMaxBlocks1 = 2 * kMaxWidth / kBytes;  // registers of layer 1's input, a byte each
constexpr int kMaxBlocks2 = kMaxHidden / 32;         // tiles of 32 hidden units

#define ZF_INLINE [[gnu::always_inline]] inline

ZF_INLINE V load(const void* p) { return _mm512_load_si512(p); }

/// c = clamp(x, 0, 256); c * c >> 9 as the high half of (c << 7) * c, which fits 16 bits.
ZF_INLINE V activate(V x) {
    const V c =
        _mm512_min_epi16(_mm512_max_epi16(x, _mm512_setzero_si512()), _mm512_set1_epi16(256));
    return _mm512_mulhi_epu16(_mm512_slli_epi16(c, 7), c);
}

/// 64 accumulators of a view, with kRows rows added and the sum stored, as bytes.
template <int kRows>
ZF_INLINE V activate_block(const std::int16_t* from, const std::int16_t* const* row,
                           std::int16_t* to, int at) {
    V half[2];
    for (int k = 0; k < 2; ++k, at += kWords) {
        V sum = load(from + at);
        if constexpr (kRows > 0) {
            sum = _mm512_add_epi16(sum, load(row[0] + at));
            if constexpr (kRows > 1) sum = _mm512_add_epi16(sum, load(row[1] + at));
            _mm512_store_si512(to + at, sum);
        }
        half[k] = activate(sum);
    }
    return _mm512_packus_epi16(half[0], half[1]);
}

/// Sums of the four double words' lanes: r[0] holds outputs 0..15 of a tile, r[1] the others.
ZF_INLINE void sum_lanes(const V* acc, V* r) {
    for (int h = 0; h < 2; ++h) {
        const V* a = acc + 4 * h;
        const V low = _mm512_add_epi32(_mm512_shuffle_i32x4(a[0], a[1], 0x44),
                                       _mm512_shuffle_i32x4(a[0], a[1], 0xee));
        const V high = _mm512_add_epi32(_mm512_shuffle_i32x4(a[2], a[3], 0x44),
                                        _mm512_shuffle_i32x4(a[2], a[3], 0xee));
        r[h] = _mm512_add_epi32(_mm512_shuffle_i32x4(low, high, 0x88),
                                _mm512_shuffle_i32x4(low, high, 0xdd));
    }
}

/// Adds one step of a block: the same double word of every lane of x times eight registers.
template <int kStep>
ZF_INLINE void dot_step(V x, const std::int8_t* weight, V* acc) {
    const V same = _mm512_shuffle_epi32(x, static_cast<_MM_PERM_ENUM>(kStep * 0x55));
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g)
        acc[g] = _mm512_dpbusd_epi32(acc[g], same, load(weight + (kStep * 8 + g) * kBytes));
}

/// A tile of 32 units over `blocks` registers of input, x(b) for each, as words 0..128: double
/// words of units 0..15 and 16..31 packed lane by lane.
template <int kSteps, class Input>
ZF_INLINE V dense_tile(int blocks, const Input& x, const std::int8_t* weight,
                       const std::int32_t* bias) {
    V acc[8], r[2];
    for (auto& v : acc) v = _mm512_setzero_si512();
    V next = x(0);  // one block ahead, so that the multipliers never wait for an activation
#pragma GCC unroll 8
    for (int b = 0; b < blocks; ++b) {
        const std::int8_t* w = weight + b * kSteps * 8 * kBytes;
        const V input = next;
        if (b + 1 < blocks) next = x(b + 1);
        dot_step<0>(input, w, acc);
        dot_step<1>(input, w, acc);
        if constexpr (kSteps == 4) {
            dot_step<2>(input, w, acc);
            dot_step<3>(input, w, acc);
        }
    }
    sum_lanes(acc, r);
    for (int h = 0; h < 2; ++h)
        r[h] = _mm512_srai_epi32(_mm512_add_epi32(r[h], load(bias + 16 * h)), 6);
    return _mm512_min_epu16(_mm512_packus_epi32(r[0], r[1]), _mm512_set1_epi16(128));
}

/// The layers, from x(b): register b of layer 1's input, asked for once.
template <bool kDefault, class Input>
ZF_INLINE std::int32_t layers_forward(const PaddedSizes& any, const LayerStack& layers,
                                      const Input& x) {
    const int blocks1 = kDefault ? 2 * kDefaultA / kBytes : 2 * any.a / kBytes;
    const int tiles1 = kDefault ? kDefaultH1 / 32 : any.h1 / 32;
    const int tiles2 = kDefault ? kDefaultH2 / 32 : any.h2 / 32;
    V h1[kDefault ? 1 : kMaxBlocks2], out = _mm512_setzero_si512();
    const auto pack_tile = [&](int t, const auto& input) {
        const V words = dense_tile<4>(blocks1, input, layers.l1_weight + t * 32 * blocks1 * kBytes,
                                      layers.l1_bias + t * 32);
        h1[t] = _mm512_packus_epi16(words, words);  // eight units a lane, twice
    };
    if constexpr (kDefault) {
        // One tile: the multiplications of a block begin while the next one is activated.
        pack_tile(0, x);
    } else {
        V inputs[kMaxBlocks1];
        for (int b = 0; b < blocks1; ++b) inputs[b] = x(b);
        for (int t = 0; t < tiles1; ++t) pack_tile(t, [&inputs](int b) { return inputs[b]; });
    }
    for (int t = 0; t < tiles2; ++t) {
        const V words = dense_tile<2>(
            tiles1, [&h1](int b) { return h1[b]; }, layers.l2_weight + t * 32 * tiles1 * 32,
            layers.l2_bias + t * 32);
        out = _mm512_add_epi32(out, _mm512_madd_epi16(words, load(layers.out_weight + t * 32)));
    }
    return layers.out_bias + _mm512_reduce_add_epi32(out);
}

template <bool kDefault, int kRows>
ZF_INLINE std::int32_t run(const PaddedSizes& any, const LayerStack& layers,
                           const std::int16_t* from, const Update* job, int mover) {
    const int a = kDefault ? kDefaultA : any.a, blocks = a / kBytes;  // of one view
    return layers_forward<kDefault>(any, layers, [&](int b) __attribute__((always_inline)) {
        const int view = b < blocks ? mover : mover ^ 1,
                  at = (b < blocks ? b : b - blocks) * kBytes;
        return activate_block<kRows>(from + view * a, job ? job->row[view] : nullptr,
                                     job ? job->to + view * a : nullptr, at);
    });
}

template <bool kDefault>
std::int32_t forward(const PaddedSizes& sizes, const LayerStack& layers,
                     const std::int16_t* accumulators, int mover) {
    return run<kDefault, 0>(sizes, layers, accumulators, nullptr, mover);
}

template <bool kDefault>
std::int32_t update_forward(const PaddedSizes& sizes, const LayerStack& layers, const Update& job,
                            int mover) {
    if (job.count == 1) [[likely]]
        return run<kDefault, 1>(sizes, layers, job.from, &job, mover);
    return run<kDefault, 2>(sizes, layers, job.from, &job, mover);
}

void update(const PaddedSizes& sizes, const Update& job) {
    for (int view = 0; view < 2; ++view) {
        const std::int16_t *from = job.from + view * sizes.a, *first = job.row[view][0];
        const std::int16_t* second = job.row[view][1];
        std::int16_t* to = job.to + view * sizes.a;
        for (int i = 0; i < sizes.a; i += kWords) {
            V sum = _mm512_add_epi16(load(from + i), load(first + i));
            if (job.count == 2) sum = _mm512_add_epi16(sum, load(second + i));
            _mm512_store_si512(to + i, sum);
        }
    }
}

void refresh(const PaddedSizes& sizes, const std::int16_t* bias, const std::int16_t* const* rows,
             int count, std::int16_t* to) {
    // 64 units at a time stay in two registers while all rows pass.
    for (int i = 0; i < sizes.a; i += 2 * kWords) {
        V low = load(bias + i), high = load(bias + i + kWords);
        for (int k = 0; k < count; ++k) {
            low = _mm512_add_epi16(low, load(rows[k] + i));
            high = _mm512_add_epi16(high, load(rows[k] + i + kWords));
        }
        _mm512_store_si512(to + i, low);
        _mm512_store_si512(to + i + kWords, high);
    }
}

}  // namespace

const Kernels kAvx512Kernels[2] = {{refresh, update, forward<true>, update_forward<true>},
                                   {refresh, update, forward<false>, update_forward<false>}};

}  // namespace zerofleet::nnue
#endif
