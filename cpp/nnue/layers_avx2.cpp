// The kernels for AVX2. Compiled for x86-64-v3, so everything is in an anonymous
// namespace and no inline function of a shared header may be used here. docs/nnue.md draws the
// layouts.
#if defined(__x86_64__)
#include <immintrin.h>

#include "nnue/kernels.h"

namespace zerofleet::nnue {

namespace {

using V = __m256i;

constexpr int kWords = 16, kBytes = 32;              // per register
constexpr int kMaxBlocks1 = 2 * kMaxWidth / kBytes;  // registers of layer 1's input, a byte each
constexpr int kMaxBlocks2 = kMaxHidden / 32;         // tiles of 32 hidden units

#define ZF_INLINE [[gnu::always_inline]] inline

ZF_INLINE V load(const void* p) { return _mm256_load_si256(static_cast<const V*>(p)); }

ZF_INLINE void store(std::int16_t* p, V x) { _mm256_store_si256(reinterpret_cast<V*>(p), x); }

/// c = clamp(x, 0, 256); c * c >> 9 as the high half of (c << 7) * c, which fits 16 bits.
ZF_INLINE V activate(V x) {
    const V c =
        _mm256_min_epi16(_mm256_max_epi16(x, _mm256_setzero_si256()), _mm256_set1_epi16(256));
    return _mm256_mulhi_epu16(_mm256_slli_epi16(c, 7), c);
}

/// One view from accumulators, with kRows rows added and the sum stored, to bytes.
template <int kRows>
ZF_INLINE void activate_view(int a, const std::int16_t* from, const std::int16_t* const* row,
                             std::int16_t* to, V* x) {
    for (int i = 0; i < a; i += 2 * kWords) {
        V half[2];
        for (int k = 0; k < 2; ++k) {
            const int at = i + k * kWords;
            V sum = load(from + at);
            if constexpr (kRows > 0) {
                sum = _mm256_add_epi16(sum, load(row[0] + at));
                if constexpr (kRows > 1) sum = _mm256_add_epi16(sum, load(row[1] + at));
                store(to + at, sum);
            }
            half[k] = activate(sum);
        }
        x[i / kBytes] = _mm256_packus_epi16(half[0], half[1]);
    }
}

/// Sums of the two lanes: r[h] holds outputs 8 h .. 8 h + 7 of a tile.
ZF_INLINE void sum_lanes(const V* acc, V* r) {
    for (int h = 0; h < 4; ++h)
        r[h] = _mm256_add_epi32(_mm256_permute2x128_si256(acc[2 * h], acc[2 * h + 1], 0x20),
                                _mm256_permute2x128_si256(acc[2 * h], acc[2 * h + 1], 0x31));
}

/// Adds one step of a block: the same double word of every lane of x times eight registers. A pair
/// of products is at most 2 * 128 * 127 = 32512, so the 16-bit sums of maddubs never saturate; two
/// pairs would, so each goes to 32 bits at once.
template <int kStep>
ZF_INLINE void dot_step(V x, const std::int8_t* weight, V* acc) {
    const V same = _mm256_shuffle_epi32(x, kStep * 0x55);
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g) {
        const V pairs = _mm256_maddubs_epi16(same, load(weight + (kStep * 8 + g) * kBytes));
        acc[g] = _mm256_add_epi32(acc[g], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
}

/// A tile of 32 units over `blocks` registers of input, as words 0..128: words[k] has units
/// 16 k .. 16 k + 15, double words of eight and eight packed lane by lane.
ZF_INLINE void dense_tile(int blocks, const V* x, const std::int8_t* weight,
                          const std::int32_t* bias, V* words) {
    V acc[8], r[4];
    for (auto& v : acc) v = _mm256_setzero_si256();
    for (int b = 0; b < blocks; ++b) {
        const std::int8_t* w = weight + b * 4 * 8 * kBytes;
        dot_step<0>(x[b], w, acc);
        dot_step<1>(x[b], w, acc);
        dot_step<2>(x[b], w, acc);
        dot_step<3>(x[b], w, acc);
    }
    sum_lanes(acc, r);
    for (int h = 0; h < 4; ++h)
        r[h] = _mm256_srai_epi32(_mm256_add_epi32(r[h], load(bias + 8 * h)), 6);
    for (int k = 0; k < 2; ++k)
        words[k] =
            _mm256_min_epu16(_mm256_packus_epi32(r[2 * k], r[2 * k + 1]), _mm256_set1_epi16(128));
}

template <bool kDefault>
ZF_INLINE std::int32_t layers_forward(const PaddedSizes& any, const LayerStack& layers,
                                      const V* x) {
    const int blocks1 = kDefault ? 2 * kDefaultA / kBytes : 2 * any.a / kBytes;
    const int tiles1 = kDefault ? kDefaultH1 / 32 : any.h1 / 32;
    const int tiles2 = kDefault ? kDefaultH2 / 32 : any.h2 / 32;
    V h1[kDefault ? 1 : kMaxBlocks2], out = _mm256_setzero_si256();
    for (int t = 0; t < tiles1; ++t) {
        V words[2];
        dense_tile(blocks1, x, layers.l1_weight + t * 32 * blocks1 * kBytes,
                   layers.l1_bias + t * 32, words);
        h1[t] = _mm256_packus_epi16(words[0], words[1]);
    }
    for (int t = 0; t < tiles2; ++t) {
        V words[2];
        dense_tile(tiles1, h1, layers.l2_weight + t * 32 * tiles1 * 32, layers.l2_bias + t * 32,
                   words);
        for (int k = 0; k < 2; ++k)
            out = _mm256_add_epi32(
                out, _mm256_madd_epi16(words[k], load(layers.out_weight + t * 32 + k * kWords)));
    }
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(out), _mm256_extracti128_si256(out, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return layers.out_bias + _mm_cvtsi128_si32(sum);
}

template <bool kDefault, int kRows>
ZF_INLINE std::int32_t run(const PaddedSizes& any, const LayerStack& layers,
                           const std::int16_t* from, const Update* job, int mover) {
    const int a = kDefault ? kDefaultA : any.a;
    V x[kDefault ? 2 * kDefaultA / kBytes : kMaxBlocks1];
    for (int side = 0; side < 2; ++side) {
        const int view = mover ^ side;
        activate_view<kRows>(a, from + view * a, job ? job->row[view] : nullptr,
                             job ? job->to + view * a : nullptr, x + side * a / kBytes);
    }
    return layers_forward<kDefault>(any, layers, x);
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
            V sum = _mm256_add_epi16(load(from + i), load(first + i));
            if (job.count == 2) sum = _mm256_add_epi16(sum, load(second + i));
            store(to + i, sum);
        }
    }
}

void refresh(const PaddedSizes& sizes, const std::int16_t* bias, const std::int16_t* const* rows,
             int count, std::int16_t* to) {
    // 64 units at a time stay in two registers while all rows pass.
    for (int i = 0; i < sizes.a; i += 2 * kWords) {
        V low = load(bias + i), high = load(bias + i + kWords);
        for (int k = 0; k < count; ++k) {
            low = _mm256_add_epi16(low, load(rows[k] + i));
            high = _mm256_add_epi16(high, load(rows[k] + i + kWords));
        }
        store(to + i, low);
        store(to + i + kWords, high);
    }
}

}  // namespace

const Kernels kAvx2Kernels[2] = {{refresh, update, forward<true>, update_forward<true>},
                                 {refresh, update, forward<false>, update_forward<false>}};

}  // namespace zerofleet::nnue
#endif
