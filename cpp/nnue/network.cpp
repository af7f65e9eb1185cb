#include "nnue/network.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace zerofleet::nnue {

namespace {

int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

std::size_t product(int x, int y) {
    return static_cast<std::size_t>(x) * static_cast<std::size_t>(y);
}

const Kernels& kernels_for(Simd level, const PaddedSizes& s) {
    const bool any = !(s.a == kDefaultA && s.h1 == kDefaultH1 && s.h2 == kDefaultH2);
#if defined(__x86_64__)
    if (level == Simd::kAvx512) return kAvx512Kernels[any];
    if (level == Simd::kAvx2) return kAvx2Kernels[any];
#endif
    static_cast<void>(level);
    return kScalarKernels[any];
}

/// Bytes of a vector register; 0 for natural order.
int register_bytes(Simd level) {
    return level == Simd::kAvx512 ? 64 : level == Simd::kAvx2 ? 32 : 0;
}

// The layout of dense weights for registers of V bytes, i.e. L = V / 16 lanes (docs/nnue.md draws
// it). A register of weights belongs to 4 outputs: lane l, double word d, byte e multiplies input
// `input_of(...)` and adds to output 4 g + d. Registers follow in the order they are used: tiles
// of 32 outputs, blocks of inputs, steps j within a block, groups g = 0..7 of 4 outputs.
struct Layout {
    int lanes;
    int block;  // inputs that steps 0..num_steps-1 cover
    int num_steps;
    bool packed;  // inputs come from packing two registers of words to bytes, lane by lane

    int input_of(int step, int lane, int byte) const {
        if (!packed) return (step * lanes + lane) * 4 + byte;
        const int q =
            step * 4 + byte;  // within the lane: 8 from the first register, 8 from the second
        return q < 8 ? lane * 8 + q : lanes * 8 + lane * 8 + q - 8;
    }
};

/// Rearranges weight [num_out][num_in] (natural, already padded) to `out`.
void arrange(const Layout& layout, int num_in, int num_out, const std::int8_t* weight,
             std::int8_t* out) {
    for (int tile = 0; tile < num_out; tile += 32)
        for (int first = 0; first < num_in; first += layout.block)
            for (int step = 0; step < layout.num_steps; ++step)
                for (int g = 0; g < 8; ++g)
                    for (int lane = 0; lane < layout.lanes; ++lane)
                        for (int d = 0; d < 4; ++d)
                            for (int e = 0; e < 4; ++e) {
                                const int o = tile + g * 4 + d;
                                const int i = first + layout.input_of(step, lane, e);
                                *out++ = weight[o * num_in + i];
                            }
}

/// Order of the output weights: double words of two registers packed to words, lane by lane.
int output_of(int v, int position) {
    const int lanes = v / 16, words = v / 2;  // per register
    const int lane = position % words / 8, q = position % 8, first = position / words * words;
    return first + (q < 4 ? lane * 4 + q : lanes * 4 + lane * 4 + q - 4);
}

}  // namespace

Network::Network(Parameters parameters, Simd simd)
    : parameters_(std::move(parameters)),
      simd_(parse_simd(simd_name(simd))),
      sizes_{round_up(parameters_.shape.a, 64), round_up(parameters_.shape.h1, 32),
             round_up(parameters_.shape.h2, 32)},
      kernels_(&kernels_for(simd_, sizes_)) {
    fill_rows();
    fill_layers();
}

void Network::require(const FeatureSet& wanted) const {
    if (features().name != wanted.name)
        throw std::invalid_argument("network is for feature set \"" + std::string(features().name) +
                                    "\"; this game needs \"" + std::string(wanted.name) + "\"");
}

void Network::fill_rows() {
    const FeatureSet& set = features();
    const int a = shape().a;
    bias_.assign(product(2, sizes_.a), 0);
    for (int view = 0; view < 2; ++view)
        std::copy(parameters_.ft_bias.begin(), parameters_.ft_bias.end(),
                  bias_.begin() + view * sizes_.a);
    rows_.assign(set.rows.size() * product(sizes_.a, 1), 0);
    row_psqt_.assign(set.rows.size(), 0);
    std::int16_t* row = rows_.data();
    for (std::size_t r = 0; r < set.rows.size(); ++r, row += sizes_.a) {
        for (const RowTerm& term : set.rows[r]) {
            const std::int16_t* weight = parameters_.ft_weight.data() + product(term.feature, a);
            // At most three weights of at most 320: far from overflow.
            for (int i = 0; i < a; ++i)
                row[i] = static_cast<std::int16_t>(row[i] + term.sign * weight[i]);
            row_psqt_[r] +=
                term.sign * parameters_.psqt_weight[static_cast<std::size_t>(term.feature)];
        }
    }
}

void Network::fill_layers() {
    const Shape& s = shape();
    const int inputs = 2 * sizes_.a;
    const std::size_t l1_size = product(sizes_.h1, inputs), l2_size = product(sizes_.h2, sizes_.h1);
    const std::size_t num_buckets = product(s.buckets, 1);
    weights_.resize(num_buckets * (l1_size + l2_size));
    biases_.assign(num_buckets * product(sizes_.h1 + sizes_.h2, 1), 0);
    out_weights_.assign(num_buckets * product(sizes_.h2, 1), 0);
    const int v = register_bytes(simd_);
    const Layout first{v / 16, v, 4, true}, second{v / 16, 32, v ? 128 / v : 0, false};
    const auto place = [v](const Layout& layout, int num_in, int num_out,
                           const std::vector<std::int8_t>& natural, std::int8_t* out) {
        if (v == 0)
            std::copy(natural.begin(), natural.end(), out);
        else
            arrange(layout, num_in, num_out, natural.data(), out);
    };

    std::vector<LayerStack> stacks;
    for (std::size_t k = 0; k < num_buckets; ++k) {
        const Parameters::Bucket& b = parameters_.buckets[k];
        std::vector<std::int8_t> l1(l1_size), l2(l2_size);
        for (int o = 0; o < s.h1; ++o)
            for (int side = 0; side < 2; ++side)
                std::copy_n(b.l1_weight.begin() + o * 2 * s.a + side * s.a, s.a,
                            l1.begin() + o * inputs + side * sizes_.a);
        for (int o = 0; o < s.h2; ++o)
            std::copy_n(b.l2_weight.begin() + o * s.h1, s.h1, l2.begin() + o * sizes_.h1);

        std::int8_t* weight = weights_.data() + k * (l1_size + l2_size);
        std::int32_t* bias = biases_.data() + k * product(sizes_.h1 + sizes_.h2, 1);
        std::int16_t* out = out_weights_.data() + k * product(sizes_.h2, 1);
        place(first, inputs, sizes_.h1, l1, weight);
        place(second, sizes_.h1, sizes_.h2, l2, weight + l1_size);
        std::copy(b.l1_bias.begin(), b.l1_bias.end(), bias);
        std::copy(b.l2_bias.begin(), b.l2_bias.end(), bias + sizes_.h1);
        for (int i = 0; i < sizes_.h2; ++i) {
            const int o = v ? output_of(v, i) : i;
            out[i] = o < s.h2 ? b.out_weight[static_cast<std::size_t>(o)] : std::int16_t{0};
        }
        stacks.push_back({weight, bias, weight + l1_size, bias + sizes_.h1, out, b.out_bias});
    }
    for (int n = 0; n <= features().max_pieces; ++n)
        stack_of_pieces_.push_back(
            stacks[static_cast<std::size_t>(bucket_of(n, s.buckets, features().bucket_span))]);
}

}  // namespace zerofleet::nnue
