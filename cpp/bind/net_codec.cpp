// What surrounds a net on the processor: observations become the numbers it reads, its logits
// become priors and values. A few percent of the time of a small net, so it is shared by threads.
#include <nanobind/ndarray.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/worker_threads.h"
#include "bind/arrays.h"
#include "bind/bit_table.h"
#include "bind/module.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

template <int NumDims>
using Floats = ConstArray<float, NumDims>;
using Inputs = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

/// e^x to within 2e-7 of itself, for -87 <= x <= 0. Plain arithmetic, which compilers turn into
/// vector instructions, and the same bits on every machine (Cephes' polynomial).
inline float exp_of(float x) {
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const float shifted = x * 1.44269504088896341f + kRound;
    const float n = shifted - kRound;
    const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const auto power = (std::bit_cast<std::int32_t>(shifted) + 127) << 23;
    return p * std::bit_cast<float>(power);
}

/// Folds the numbers `at(0)` .. `at(size - 1)` in eight lanes: in a fixed order, and so that no
/// operation waits for the one before it.
template <class At, class Fold>
float fold(std::size_t size, float initial, At&& at, Fold&& join) {
    std::array<float, 8> lanes;
    lanes.fill(initial);
    std::size_t i = 0;
    for (; i + 8 <= size; i += 8)
        for (std::size_t k = 0; k < 8; ++k) lanes[k] = join(lanes[k], at(i + k));
    for (std::size_t k = 0; i < size; ++i, ++k) lanes[k] = join(lanes[k], at(i));
    float all = initial;
    for (const float lane : lanes) all = join(all, lane);
    return all;
}

constexpr auto kPlus = [](float a, float b) { return a + b; };

/// Replaces logits by probabilities; those below e^-87 of the largest count as that. What is no
/// number stays none.
void softmax(float* x, std::size_t size) {
    const auto at = [x](std::size_t i) { return x[i]; };
    const float top = fold(size, x[0], at, [](float a, float b) { return b > a ? b : a; });
    // A loop of its own: together with the next one compilers make branches of it.
    for (std::size_t i = 0; i < size; ++i) x[i] = x[i] - top < -87.0f ? -87.0f : x[i] - top;
    for (std::size_t i = 0; i < size; ++i) x[i] = exp_of(x[i]);
    const float total = fold(size, 0.0f, at, kPlus);
    for (std::size_t i = 0; i < size; ++i) x[i] /= total;
}

constexpr auto kBitTable = bit_table(1.0f);

/// Writes the bits of a plane as numbers.
void expand_plane(const std::uint8_t* bits, std::size_t cells, float* out) {
    const std::size_t whole = cells / 8, rest = cells % 8;
    for (std::size_t i = 0; i < whole; ++i)
        std::memcpy(out + 8 * i, kBitTable[bits[i]].data(), sizeof kBitTable[0]);
    if (rest > 0) std::memcpy(out + 8 * whole, kBitTable[bits[whole]].data(), rest * sizeof(float));
}

class NetCodec {
  public:
    NetCodec(int cells, int scalar_repeat, int threads)
        : cells_(size(cells)), scalar_repeat_(size(scalar_repeat)), threads_(threads) {
        if (cells < 1 || scalar_repeat < 0)
            throw std::invalid_argument(
                "NetCodec: cells must be at least 1 and scalar_repeat at least 0, got " +
                std::to_string(cells) + " and " + std::to_string(scalar_repeat));
    }

    void encode_bits(ConstArray<std::uint8_t, 3> planes, Floats<2> scalars, Inputs out) {
        if (planes.shape(2) != (cells_ + 7) / 8)
            throw std::invalid_argument("planes: expected " + std::to_string((cells_ + 7) / 8) +
                                        " bytes a plane, got " + std::to_string(planes.shape(2)));
        const std::size_t bytes = planes.shape(2), count = planes.shape(1);
        encode(planes.shape(0), count, scalars, out, [&](std::size_t row, float* to) {
            const std::uint8_t* from = planes.data() + row * count * bytes;
            for (std::size_t c = 0; c < count; ++c)
                expand_plane(from + c * bytes, cells_, to + c * cells_);
        });
    }

    void encode_reals(Floats<4> planes, Floats<2> scalars, Inputs out) {
        if (planes.shape(2) * planes.shape(3) != cells_)
            throw std::invalid_argument("planes: expected " + std::to_string(cells_) +
                                        " cells, got " +
                                        std::to_string(planes.shape(2) * planes.shape(3)));
        const std::size_t numbers = planes.shape(1) * cells_;
        encode(planes.shape(0), planes.shape(1), scalars, out, [&](std::size_t row, float* to) {
            std::copy_n(planes.data() + row * numbers, numbers, to);
        });
    }

    /// `logit(row, action, i)`: that of entry i of the legal actions.
    template <class Logit>
    NewArray<float> priors(std::size_t rows, std::size_t num_actions,
                           ConstArray<std::int64_t, 1> start, ConstArray<std::int32_t, 1> action,
                           Logit&& logit) {
        check_legal(rows, start, action.size());
        auto [array, out] = make_uninitialised_array<float>({action.size()});
        float* const prior = out;  // a structured binding cannot be captured
        const std::int64_t* s = start.data();
        const std::int32_t* a = action.data();
        share(rows, [&](std::size_t row) {
            const auto first = size(s[row]), end = size(s[row + 1]);
            for (std::size_t i = first; i < end; ++i) {
                if (a[i] < 0 || size(a[i]) >= num_actions)
                    throw std::invalid_argument("legal_action: " + std::to_string(a[i]) +
                                                " in row " + std::to_string(row) +
                                                "; expected 0.." + std::to_string(num_actions - 1));
                prior[i] = logit(row, size(a[i]), i);
            }
            if (end > first) softmax(prior + first, end - first);
        });
        return array;
    }

    NewArray<float> dense_priors(Floats<2> logits, ConstArray<std::int64_t, 1> start,
                                 ConstArray<std::int32_t, 1> action) {
        const float* data = logits.data();
        const std::size_t num_actions = logits.shape(1);
        return priors(logits.shape(0), num_actions, start, action,
                      [=](std::size_t row, std::size_t a, std::size_t) {
                          return data[row * num_actions + a];
                      });
    }

    NewArray<float> gathered_priors(Floats<1> logits, int num_actions,
                                    ConstArray<std::int64_t, 1> start,
                                    ConstArray<std::int32_t, 1> action) {
        if (start.size() == 0)
            throw std::invalid_argument("legal_start: expected a number for each row and one more");
        if (logits.size() != action.size())
            throw std::invalid_argument("logits: expected " + std::to_string(action.size()) +
                                        ", one of each legal action, got " +
                                        std::to_string(logits.size()));
        const float* data = logits.data();
        return priors(start.size() - 1, size(num_actions), start, action,
                      [=](std::size_t, std::size_t, std::size_t i) { return data[i]; });
    }

    nb::tuple wdl_values(Floats<2> logits) {
        if (logits.shape(1) != 3)
            throw std::invalid_argument("logits: expected win, draw and loss, got " +
                                        std::to_string(logits.shape(1)) + " numbers a row");
        const std::size_t rows = logits.shape(0);
        auto [wdl_array, wdl] = make_uninitialised_array<float>({rows, 3});
        auto [value_array, value] = make_uninitialised_array<float>({rows});
        std::copy_n(logits.data(), 3 * rows, wdl);
        for (std::size_t row = 0; row < rows; ++row) {
            softmax(wdl + 3 * row, 3);
            value[row] = wdl[3 * row] - wdl[3 * row + 2];
        }
        return nb::make_tuple(value_array, wdl_array);
    }

    NewArray<float> score_values(Floats<2> logits, Floats<1> centres, Floats<1> base) {
        const std::size_t rows = logits.shape(0), bins = logits.shape(1);
        if (bins == 0 || centres.size() != bins || base.size() != rows)
            throw std::invalid_argument(
                "score head: expected a centre for each of " + std::to_string(bins) +
                " bins, one or more, and a base for each of " + std::to_string(rows) +
                " rows, got " + std::to_string(centres.size()) + " and " +
                std::to_string(base.size()));
        auto [array, out] = make_uninitialised_array<float>({rows});
        float* const value = out;
        share(rows, [&](std::size_t row) {
            thread_local std::vector<float> p;
            p.assign(logits.data() + row * bins, logits.data() + (row + 1) * bins);
            softmax(p.data(), bins);
            const float* const centre = centres.data();
            const auto weighted = [&](std::size_t i) { return p[i] * centre[i]; };
            const float gain = fold(bins, 0.0f, weighted, kPlus);
            const float total = base.data()[row] + gain;
            // Written so that what is no number stays none.
            value[row] = total > 1.0f ? 1.0f : total < -1.0f ? -1.0f : total;
        });
        return array;
    }

  private:
    template <class Number>
    static std::size_t size(Number n) {
        return static_cast<std::size_t>(n);
    }

    /// Calls `work(row)` for every row, on all threads, without the GIL.
    template <class Work>
    void share(std::size_t rows, Work&& work) {
        constexpr std::size_t kRowsOfAPiece = 32;
        const std::size_t pieces = (rows + kRowsOfAPiece - 1) / kRowsOfAPiece;
        const nb::gil_scoped_release release;
        threads_.run(static_cast<std::ptrdiff_t>(pieces), [&](std::ptrdiff_t piece, int) {
            const std::size_t first = size(piece) * kRowsOfAPiece;
            for (std::size_t row = first; row < std::min(rows, first + kRowsOfAPiece); ++row)
                work(row);
        });
    }

    template <class Planes>
    void encode(std::size_t rows, std::size_t num_planes, const Floats<2>& scalars,
                const Inputs& out, Planes&& write_planes) {
        const std::size_t num_scalars = scalars.shape(1), stride = out.shape(1);
        const std::size_t numbers = num_planes * cells_;
        if (scalars.shape(0) != rows || out.shape(0) < rows ||
            stride != numbers + num_scalars * scalar_repeat_)
            throw std::invalid_argument(
                "inputs: expected [" + std::to_string(rows) + " or more, " +
                std::to_string(numbers + num_scalars * scalar_repeat_) + "] and scalars of " +
                std::to_string(rows) + " rows, got [" + std::to_string(out.shape(0)) + ", " +
                std::to_string(stride) + "] and " + std::to_string(scalars.shape(0)));
        share(rows, [&](std::size_t row) {
            float* to = out.data() + row * stride;
            write_planes(row, to);
            to += numbers;
            for (std::size_t s = 0; s < num_scalars; ++s)
                to = std::fill_n(to, scalar_repeat_, scalars.data()[row * num_scalars + s]);
        });
    }

    static void check_legal(std::size_t rows, const ConstArray<std::int64_t, 1>& start,
                            std::size_t num_legal) {
        bool good = start.size() == rows + 1 && start.data()[0] == 0 &&
                    start.data()[rows] == static_cast<std::int64_t>(num_legal);
        for (std::size_t row = 0; good && row < rows; ++row)
            good = start.data()[row] <= start.data()[row + 1];
        if (!good)
            throw std::invalid_argument("legal_start: expected " + std::to_string(rows + 1) +
                                        " numbers that rise from 0 to " +
                                        std::to_string(num_legal));
    }

    std::size_t cells_, scalar_repeat_;
    WorkerThreads threads_;
};

}  // namespace

void bind_net_codec(nb::module_& m) {
    nb::class_<NetCodec>(m, "NetCodec",
                         "What surrounds a net on the processor: observations to inputs, logits to "
                         "priors and values. One call at a time; the GIL is released.\n\n"
                         "cells: of a plane. scalar_repeat: inputs of each scalar, after those of "
                         "the planes: `cells` makes planes of them.")
        .def(nb::init<int, int, int>(), "cells"_a, "scalar_repeat"_a, "threads"_a = 1)
        .def("encode", &NetCodec::encode_bits, "planes"_a.noconvert(), "scalars"_a,
             "out"_a.noconvert(),
             "Writes planes u8 [B, C, ceil(cells / 8)] and scalars f32 [B, S] to the first B rows "
             "of out f32 [N, C * cells + S * scalar_repeat].")
        .def("encode", &NetCodec::encode_reals, "planes"_a.noconvert(), "scalars"_a,
             "out"_a.noconvert(), "The same of planes f32 [B, C, H, W].")
        .def("priors", &NetCodec::dense_priors, "logits"_a, "legal_start"_a, "legal_action"_a,
             "f32 [L]: softmax over the legal actions of each row, of logits f32 [B, A].")
        .def("gathered_priors", &NetCodec::gathered_priors, "logits"_a, "num_actions"_a,
             "legal_start"_a, "legal_action"_a, "The same of logits f32 [L] of the legal actions.")
        .def("wdl_values", &NetCodec::wdl_values, "logits"_a,
             "(value f32 [B], wdl f32 [B, 3]) of logits f32 [B, 3].")
        .def("score_values", &NetCodec::score_values, "logits"_a, "centres"_a, "base"_a,
             "f32 [B]: base f32 [B] plus the expected centre f32 [K] of logits f32 [B, K], within "
             "[-1, 1].");
}

}  // namespace zerofleet::bind
