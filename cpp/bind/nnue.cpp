// Networks and their input features for Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "bind/arrays.h"
#include "bind/bit_table.h"
#include "bind/module.h"
#include "bind/nnue.h"
#include "games/registry.h"
#include "nnue/benchmark.h"
#include "nnue/evaluator.h"
#include "nnue/feature_sets.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using nnue::Features;

/// Calls `f.template operator()<Game>()` for a game with a feature set.
template <class F>
auto with_nnue_game(std::string_view name, F&& f) {
    return with_game(name, [&]<class Game>() {
        if constexpr (nnue::HasFeatures<Game>)
            return f.template operator()<Game>();
        else {
            using Result = decltype(f.template operator()<UltimateTtt>());
            throw std::invalid_argument(std::string(Game::kName) + " has no NNUE features");
            return Result{};
        }
    });
}

template <class Game>
std::size_t check_packed(const ConstArray<std::uint8_t, 2>& packed) {
    if (packed.shape(1) != Game::kPackedBytes)
        throw std::invalid_argument(std::string(Game::kName) + ": packed positions have " +
                                    std::to_string(Game::kPackedBytes) + " bytes, got rows of " +
                                    std::to_string(packed.shape(1)));
    return packed.shape(0);
}

/// Runs `work(first, last)` over blocks of [0, n) on `threads` threads, the caller among them.
template <class Work>
void parallel_blocks(std::size_t n, int threads, const Work& work) {
    if (threads < 1)
        throw std::invalid_argument("threads is " + std::to_string(threads) + "; expected >= 1");
    constexpr std::size_t kBlock = 4096;
    const auto blocks = static_cast<std::ptrdiff_t>((n + kBlock - 1) / kBlock);
    share_indices(threads, blocks, [&](auto&& next) {
        for (std::ptrdiff_t block; (block = next()) >= 0;) {
            const std::size_t first = static_cast<std::size_t>(block) * kBlock;
            work(first, std::min(n, first + kBlock));
        }
    });
}

/// Row `i` as a state; the error of a row that is no position names it.
template <class Game>
typename Game::State unpack_row(const std::uint8_t* packed, std::size_t i) {
    try {
        return Game::State::unpack(packed + i * Game::kPackedBytes);
    } catch (const std::invalid_argument& e) {
        throw std::invalid_argument("row " + std::to_string(i) + ": " + e.what());
    }
}

NewArray<std::int32_t> evaluate(const nnue::Network& network, std::string_view game,
                                const ConstArray<std::uint8_t, 2>& packed, int threads) {
    return with_nnue_game(game, [&]<class Game>() {
        const std::size_t n = check_packed<Game>(packed);
        nnue::Evaluator<Game> check(network);  // the game fits, before any thread starts
        auto [values, out] = make_array<std::int32_t>({n});
        const std::uint8_t* in = packed.data();
        std::int32_t* const first = out;
        {
            nb::gil_scoped_release release;
            parallel_blocks(n, threads, [&](std::size_t from, std::size_t to) {
                nnue::Evaluator<Game> evaluator(network);
                for (std::size_t i = from; i < to; ++i) {
                    const auto state = unpack_row<Game>(in, i);
                    evaluator.reset(state);
                    first[i] = evaluator.evaluate(state);
                }
            });
        }
        return values;
    });
}

using Encoded = std::tuple<NewArray<std::uint8_t>, NewArray<std::uint8_t>, NewArray<std::uint8_t>>;

Encoded encode_features(std::string_view game, const ConstArray<std::uint8_t, 2>& packed,
                        const std::optional<ConstArray<std::uint8_t, 1>>& symmetry, int num_buckets,
                        int threads) {
    return with_nnue_game(game, [&]<class Game>() {
        constexpr std::size_t kBytes = nnue::feature_bytes<Game>;
        const std::size_t n = check_packed<Game>(packed);
        if (symmetry && symmetry->shape(0) != n)
            throw std::invalid_argument(std::to_string(n) + " positions, but " +
                                        std::to_string(symmetry->shape(0)) + " symmetries");
        if (num_buckets < 1 || num_buckets > nnue::kMaxBuckets)
            throw std::invalid_argument("num_buckets is " + std::to_string(num_buckets) +
                                        "; expected 1 to " + std::to_string(nnue::kMaxBuckets));
        auto [stm, stm_data] = make_array<std::uint8_t>({n, kBytes});
        auto [opp, opp_data] = make_array<std::uint8_t>({n, kBytes});
        auto [bucket, bucket_data] = make_array<std::uint8_t>({n});
        const std::uint8_t *in = packed.data(), *sym = symmetry ? symmetry->data() : nullptr;
        std::uint8_t *const mine = stm_data, *const theirs = opp_data, *const piece = bucket_data;
        {
            nb::gil_scoped_release release;
            parallel_blocks(n, threads, [&](std::size_t from, std::size_t to) {
                for (std::size_t i = from; i < to; ++i) {
                    const int s = sym ? sym[i] : 0;
                    if (s >= Game::kNumSymmetries)
                        throw std::invalid_argument("row " + std::to_string(i) + ": symmetry " +
                                                    std::to_string(s) + "; " +
                                                    std::string(Game::kName) + " has " +
                                                    std::to_string(Game::kNumSymmetries));
                    const auto state = unpack_row<Game>(in, i);
                    Features<Game>::encode(state, s, mine + i * kBytes, theirs + i * kBytes);
                    piece[i] = static_cast<std::uint8_t>(
                        nnue::bucket_of(Features<Game>::num_pieces(state), num_buckets,
                                        Features<Game>::kBucketSpan));
                }
            });
        }
        return Encoded{std::move(stm), std::move(opp), std::move(bucket)};
    });
}

constexpr auto kFloatBits = bit_table(1.0f);
// numpy has no bfloat16: 1.0 is the upper half of its float32.
constexpr auto kBfloat16Bits = bit_table<std::uint16_t>(0x3f80);

/// A memory-bound copy of eight numbers per byte; torch's own ways take five times as long.
template <class T>
nb::object expand_bits(const ConstArray<std::uint8_t, 2>& packed,
                       const std::array<std::array<T, 8>, 256>& table) {
    const std::size_t rows = packed.shape(0), bytes = packed.shape(1);
    auto [array, out] = make_uninitialised_array<T>({rows, 8 * bytes});
    {
        nb::gil_scoped_release release;
        const std::uint8_t* in = packed.data();
        for (std::size_t i = 0; i < rows * bytes; ++i)
            std::memcpy(out + 8 * i, table[in[i]].data(), sizeof(table[0]));
    }
    return nb::cast(std::move(array));
}

nb::dict feature_set_info(std::string_view game) {
    return with_nnue_game(game, []<class Game>() {
        nb::dict info;
        info["name"] = std::string(Features<Game>::kName);
        info["num_features"] = Features<Game>::kCount;
        info["max_active"] = Features<Game>::kMaxActive;
        info["bucket_span"] = Features<Game>::kBucketSpan;
        info["feature_bytes"] = nnue::feature_bytes<Game>;
        return info;
    });
}

nb::bytes to_bytes(const std::vector<std::byte>& data) {
    return nb::bytes(data.data(), data.size());
}

}  // namespace

void bind_nnue(nb::module_& m) {
    m.attr("NNUE_ACCUMULATOR_SCALE") = nnue::kAccumulatorScale;
    m.attr("NNUE_ACTIVATION_SCALE") = nnue::kActivationScale;
    m.attr("NNUE_WEIGHT_SCALE") = nnue::kWeightScale;
    m.attr("NNUE_MAX_FT_WEIGHT") = nnue::kMaxFtWeight;
    m.attr("NNUE_MAX_FT_BIAS") = nnue::kMaxFtBias;
    m.attr("NNUE_MAX_LAYER_WEIGHT") = nnue::kMaxLayerWeight;
    m.attr("NNUE_MAX_LAYER_BIAS") = nnue::kMaxLayerBias;
    m.attr("NNUE_MAX_PSQT_WEIGHT") = nnue::kMaxPsqtWeight;
    m.attr("NNUE_FORMAT_VERSION") = nnue::kFormatVersion;
    m.attr("EVAL_PER_LOGIT") = nnue::kEvalPerLogit;
    m.attr("MAX_EVAL") = nnue::kMaxEval;

    nb::class_<NnueNetwork>(m, "NnueNetwork",
                            "An immutable quantised network, shared by threads. Built from the "
                            "bytes of a .nnue file; ValueError says what is wrong with them.")
        .def(
            "__init__",
            [](NnueNetwork* self, const nb::bytes& data, std::string_view simd) {
                const auto* bytes = static_cast<const std::byte*>(data.data());
                new (self) NnueNetwork{std::make_shared<const nnue::Network>(
                    nnue::Network::from_bytes({bytes, data.size()}, nnue::parse_simd(simd)))};
            },
            "data"_a, "simd"_a = "auto")
        .def_static(
            "random",
            [](std::string_view game, int a, int h1, int h2, int buckets, std::uint64_t seed,
               std::string_view simd) {
                return with_nnue_game(game, [&]<class Game>() {
                    return NnueNetwork{std::make_shared<const nnue::Network>(
                        nnue::Network::random(nnue::find_feature_set(Features<Game>::kName),
                                              {a, h1, h2, buckets}, seed, nnue::parse_simd(simd)))};
                });
            },
            "game"_a, "num_accumulators"_a = 256, "num_hidden1"_a = 32, "num_hidden2"_a = 32,
            "num_buckets"_a = 4, "seed"_a = 0, "simd"_a = "auto",
            "A network of plausible sharpness for tests and benchmarks.")
        .def("to_bytes", [](const NnueNetwork& n) { return to_bytes(n.network->to_bytes()); })
        .def(
            "evaluate",
            [](const NnueNetwork& n, std::string_view game,
               const ConstArray<std::uint8_t, 2>& packed,
               int threads) { return evaluate(*n.network, game, packed, threads); },
            "game"_a, "packed"_a.noconvert(), "threads"_a = 1,
            "Evaluations int32 [N] from the mover's view of packed positions u8 [N, P]; "
            "EVAL_PER_LOGIT steps are one logit of the win probability.")
        .def_prop_ro("feature_set",
                     [](const NnueNetwork& n) { return std::string(n.network->features().name); })
        .def_prop_ro("num_features",
                     [](const NnueNetwork& n) { return n.network->features().count; })
        .def_prop_ro("num_accumulators", [](const NnueNetwork& n) { return n.network->shape().a; })
        .def_prop_ro("num_hidden1", [](const NnueNetwork& n) { return n.network->shape().h1; })
        .def_prop_ro("num_hidden2", [](const NnueNetwork& n) { return n.network->shape().h2; })
        .def_prop_ro("num_buckets", [](const NnueNetwork& n) { return n.network->shape().buckets; })
        .def_prop_ro("bucket_span",
                     [](const NnueNetwork& n) { return n.network->features().bucket_span; })
        .def_prop_ro("simd",
                     [](const NnueNetwork& n) { return std::string(simd_name(n.network->simd())); })
        .def("__repr__", [](const NnueNetwork& n) {
            const nnue::Shape& s = n.network->shape();
            return "NnueNetwork(" + std::string(n.network->features().name) + ", " +
                   std::to_string(n.network->features().count) + "->" + std::to_string(s.a) +
                   "x2->" + std::to_string(s.h1) + "->" + std::to_string(s.h2) + "->1, " +
                   std::to_string(s.buckets) + " buckets, " +
                   std::string(simd_name(n.network->simd())) + ")";
        });

    m.def("encode_features", &encode_features, "game"_a, "packed"_a.noconvert(),
          "symmetry"_a.noconvert().none() = nb::none(), "num_buckets"_a = 4, "threads"_a = 1,
          "NNUE inputs of packed positions u8 [N, P], each under its symmetry u8 [N] (default: "
          "identity). Returns (stm u8 [N, ceil(F/8)], opp u8 [N, ceil(F/8)], bucket u8 [N]): the "
          "features of the mover's view and of the other, feature f at bit f % 8 of byte f // 8.");
    m.def(
        "expand_bits",
        [](const ConstArray<std::uint8_t, 2>& packed, bool bfloat16) {
            return bfloat16 ? expand_bits(packed, kBfloat16Bits) : expand_bits(packed, kFloatBits);
        },
        "packed"_a.noconvert(), "bfloat16"_a = false,
        nb::sig("def expand_bits(packed: numpy.typing.NDArray, bfloat16: bool = False) -> "
                "numpy.typing.NDArray"),
        "The bits of u8 [N, K] as numbers [N, 8K], bit i of a byte at 8k + i: float32, or the "
        "words (uint16) of bfloat16.");
    m.def("feature_set_info", &feature_set_info, "game"_a,
          "Name, num_features, max_active, bucket_span and feature_bytes of a game's features.");
    m.def(
        "nnue_architecture_hash",
        [](std::string_view game, int a, int h1, int h2, int buckets) {
            return with_nnue_game(game, [&]<class Game>() {
                return nnue::architecture_hash(nnue::find_feature_set(Features<Game>::kName),
                                               {a, h1, h2, buckets});
            });
        },
        "game"_a, "num_accumulators"_a, "num_hidden1"_a, "num_hidden2"_a, "num_buckets"_a,
        "The u32 that a .nnue file of these sizes carries.");
    m.def(
        "benchmark_nnue",
        [](std::string_view game, std::string_view simd, double seconds, int a, int h1, int h2,
           int buckets) {
            const nnue::Simd level = nnue::parse_simd(simd);
            const auto rates = with_nnue_game(game, [&]<class Game>() {
                nb::gil_scoped_release release;
                return nnue::benchmark<Game>({a, h1, h2, buckets}, level, seconds);
            });
            nb::dict out;
            for (const auto& [what, rate] : rates) out[what.c_str()] = rate;
            return out;
        },
        "game"_a, "simd"_a = "auto", "seconds"_a = 0.1, "num_accumulators"_a = 256,
        "num_hidden1"_a = 32, "num_hidden2"_a = 32, "num_buckets"_a = 4,
        "Operations/s on one thread, each measured for about `seconds`: refresh, update (make a "
        "move, bring the accumulators up to date), evaluate (the layers alone), game (make, "
        "update, evaluate along games), siblings (the same for each child of every state).");
    m.def(
        "simd_levels",
        [] {
            std::vector<std::string> names;
            for (const nnue::Simd level : nnue::supported_simd())
                names.emplace_back(nnue::simd_name(level));
            return names;
        },
        "SIMD levels this processor runs, slowest first.");
}

}  // namespace zerofleet::bind
