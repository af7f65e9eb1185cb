#include "nnue/parameters.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "base/rng.h"
#include "nnue/kernels.h"
#include "nnue/sha256.h"

namespace zerofleet::nnue {

namespace {

constexpr char kMagic[8] = {'Z', 'F', 'N', 'N', 'U', 'E', '\r', '\n'};
constexpr std::size_t kNameBytes = 32, kDigestBytes = 32;
constexpr std::uint32_t kScales[4] = {kAccumulatorScale, kActivationScale, kWeightScale,
                                      kEvalPerLogit};
constexpr const char* kScaleNames[4] = {"accumulator", "activation", "weight", "eval per logit"};

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument(".nnue: " + what); }

std::string hex(std::uint32_t x) {
    char text[11];
    std::snprintf(text, sizeof text, "0x%08x", x);
    return text;
}

std::size_t product(int x, int y) {
    return static_cast<std::size_t>(x) * static_cast<std::size_t>(y);
}

std::size_t file_size(const FeatureSet& features, const Shape& s) {
    const std::size_t header = sizeof kMagic + 4 + 4 + kNameBytes + 6 * 4 + 4 * 4;
    const std::size_t transformer =
        product(s.a, 2) + product(features.count, s.a) * 2 + product(features.count, 4);
    const std::size_t bucket = product(s.h1, 4) + product(s.h1, 2 * s.a) + product(s.h2, 4) +
                               product(s.h2, s.h1) + 4 + product(s.h2, 1);
    return header + transformer + static_cast<std::size_t>(s.buckets) * bucket + kDigestBytes;
}

/// Little-endian reader; running out of bytes is an error with the place.
class Reader {
  public:
    explicit Reader(std::span<const std::byte> data) : data_(data) {}

    std::span<const std::byte> take(std::size_t n) {
        if (data_.size() - at_ < n)
            fail("truncated: expected at least " + std::to_string(at_ + n) + " bytes, found " +
                 std::to_string(data_.size()));
        at_ += n;
        return data_.subspan(at_ - n, n);
    }

    template <class T>
    T number() {
        std::make_unsigned_t<T> value = 0;
        const auto bytes = take(sizeof(T));
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value = static_cast<std::make_unsigned_t<T>>(
                value | static_cast<std::make_unsigned_t<T>>(bytes[i]) << (8 * i));
        return static_cast<T>(value);
    }

    template <class T>
    void array(const char* name, std::vector<T>& out, int bound) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = number<T>();
            if (out[i] > bound || out[i] < -bound)
                fail(std::string(name) + "[" + std::to_string(i) + "] is " +
                     std::to_string(out[i]) + "; expected -" + std::to_string(bound) + " to " +
                     std::to_string(bound));
        }
    }

  private:
    std::span<const std::byte> data_;
    std::size_t at_ = 0;
};

class Writer {
  public:
    template <class T>
    void number(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i)
            out.push_back(
                static_cast<std::byte>(static_cast<std::make_unsigned_t<T>>(value) >> (8 * i)));
    }
    template <class T>
    void array(const std::vector<T>& values) {
        for (const T value : values) number(value);
    }
    void text(std::string_view value) {
        for (const char c : value) out.push_back(static_cast<std::byte>(c));
    }

    std::vector<std::byte> out;
};

std::string read_name(Reader& in) {
    std::string name;
    for (const std::byte b : in.take(kNameBytes)) name += static_cast<char>(b);
    const std::size_t end = std::min(name.find('\0'), name.size());
    if (name.find_first_not_of('\0', end) != std::string::npos)
        fail("feature set name is not padded with zeros");
    name.resize(end);
    const bool printable =
        std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) fail("feature set name is not ASCII");
    return name;
}

Shape read_shape(Reader& in, const FeatureSet& features) {
    std::uint32_t numbers[6];
    for (auto& n : numbers) n = in.number<std::uint32_t>();
    const auto expect = [&](const char* name, std::uint32_t found, int expected) {
        if (found != static_cast<std::uint32_t>(expected))
            fail(std::string(name) + " of " + std::string(features.name) + " is " +
                 std::to_string(expected) + ", found " + std::to_string(found));
    };
    expect("number of features", numbers[0], features.count);
    expect("bucket span", numbers[5], features.bucket_span);
    // Sizes beyond any bound are clipped so that they stay out of range as int.
    const auto size = [](std::uint32_t n) { return static_cast<int>(std::min(n, 1u << 20)); };
    const Shape shape{size(numbers[1]), size(numbers[2]), size(numbers[3]), size(numbers[4])};
    check_shape(shape);
    return shape;
}

}  // namespace

void check_shape(const Shape& s) {
    const auto check = [](const char* name, int value, int multiple, int largest) {
        if (value < multiple || value > largest || value % multiple)
            fail(std::string(name) + " is " + std::to_string(value) + "; expected a multiple of " +
                 std::to_string(multiple) + " up to " + std::to_string(largest));
    };
    check("accumulator size", s.a, 32, kMaxWidth);
    check("hidden size 1", s.h1, 4, kMaxHidden);
    check("hidden size 2", s.h2, 4, kMaxHidden);
    check("number of buckets", s.buckets, 1, kMaxBuckets);
}

std::uint32_t architecture_hash(const FeatureSet& features, const Shape& s) {
    std::string text(features.name);
    // Appended one by one: g++ 12 warns wrongly about `"|" + std::to_string(n)`.
    const auto append = [&text](auto n) {
        text += '|';
        text += std::to_string(n);
    };
    for (const int n : {s.a, s.h1, s.h2, s.buckets, features.bucket_span}) append(n);
    for (const std::uint32_t n : kScales) append(n);
    text += "|screlu-clipped";
    const auto digest = sha256(std::as_bytes(std::span(text)));
    return Reader(digest).number<std::uint32_t>();
}

Parameters Parameters::zeros(const FeatureSet& features, const Shape& s) {
    check_shape(s);
    Parameters p;
    p.features = &features;
    p.shape = s;
    p.ft_bias.resize(product(s.a, 1));
    p.ft_weight.resize(product(features.count, s.a));
    p.psqt_weight.resize(product(features.count, 1));
    p.buckets.resize(product(s.buckets, 1));
    for (Bucket& b : p.buckets) {
        b.l1_bias.resize(product(s.h1, 1));
        b.l1_weight.resize(product(s.h1, 2 * s.a));
        b.l2_bias.resize(product(s.h2, 1));
        b.l2_weight.resize(product(s.h2, s.h1));
        b.out_weight.resize(product(s.h2, 1));
    }
    return p;
}

Parameters Parameters::from_bytes(std::span<const std::byte> data) {
    Reader in(data);
    // 1. What it is, and for what.
    const auto magic = in.take(sizeof kMagic);
    if (std::memcmp(magic.data(), kMagic, sizeof kMagic) != 0)
        fail(
            "wrong magic: expected the file to start with \"ZFNNUE\\r\\n\"; this is another "
            "format, or "
            "was transferred as text");
    const auto version = in.number<std::uint32_t>();
    if (version != kFormatVersion)
        fail("format version is " + std::to_string(version) + "; this program reads " +
             std::to_string(kFormatVersion));
    const auto hash = in.number<std::uint32_t>();
    const FeatureSet& features = find_feature_set(read_name(in));
    const Shape shape = read_shape(in, features);
    for (int i = 0; i < 4; ++i) {
        const auto scale = in.number<std::uint32_t>();
        if (scale != kScales[i])
            fail(std::string(kScaleNames[i]) + " scale is " + std::to_string(scale) +
                 "; expected " + std::to_string(kScales[i]));
    }
    if (hash != architecture_hash(features, shape))
        fail("architecture hash is " + hex(hash) + "; expected " +
             hex(architecture_hash(features, shape)) + " for these sizes");
    // 2. Is it all here, undamaged?
    const std::size_t size = file_size(features, shape);
    if (data.size() != size)
        fail(std::string(data.size() < size ? "truncated" : "too long") + ": expected " +
             std::to_string(size) + " bytes for these sizes, found " + std::to_string(data.size()));
    const auto digest = sha256(data.first(size - kDigestBytes));
    if (std::memcmp(digest.data(), data.data() + size - kDigestBytes, kDigestBytes) != 0)
        fail("damaged: the sha256 at the end is not that of the bytes before it");
    // 3. The weights.
    Parameters p = zeros(features, shape);
    in.array("ft_bias", p.ft_bias, kMaxFtBias);
    in.array("ft_weight", p.ft_weight, kMaxFtWeight);
    in.array("psqt_weight", p.psqt_weight, kMaxPsqtWeight);
    for (Bucket& b : p.buckets) {
        in.array("l1_bias", b.l1_bias, kMaxLayerBias);
        in.array("l1_weight", b.l1_weight, kMaxLayerWeight);
        in.array("l2_bias", b.l2_bias, kMaxLayerBias);
        in.array("l2_weight", b.l2_weight, kMaxLayerWeight);
        std::vector<std::int32_t> out_bias(1);
        in.array("out_bias", out_bias, kMaxLayerBias);
        b.out_bias = out_bias[0];
        in.array("out_weight", b.out_weight, kMaxLayerWeight);
    }
    return p;
}

std::vector<std::byte> Parameters::to_bytes() const {
    Writer w;
    w.text({kMagic, sizeof kMagic});
    w.number(kFormatVersion);
    w.number(architecture_hash(*features, shape));
    w.text(features->name);
    for (std::size_t i = features->name.size(); i < kNameBytes; ++i) w.text({"\0", 1});
    for (const int n :
         {features->count, shape.a, shape.h1, shape.h2, shape.buckets, features->bucket_span})
        w.number(static_cast<std::uint32_t>(n));
    for (const std::uint32_t n : kScales) w.number(n);
    w.array(ft_bias);
    w.array(ft_weight);
    w.array(psqt_weight);
    for (const Bucket& b : buckets) {
        w.array(b.l1_bias);
        w.array(b.l1_weight);
        w.array(b.l2_bias);
        w.array(b.l2_weight);
        w.number(b.out_bias);
        w.array(b.out_weight);
    }
    const auto digest = sha256(w.out);
    w.out.insert(w.out.end(), digest.begin(), digest.end());
    return w.out;
}

Parameters Parameters::random(const FeatureSet& features, const Shape& shape, std::uint64_t seed) {
    Rng rng(seed);
    // A sum of uniforms is close enough to a normal distribution and exact everywhere.
    const auto draw = [&rng](int deviation, int bound) {
        int sum = 0;  // of 12 uniforms of [-32768, 32767]: deviation 65536
        for (int i = 0; i < 12; ++i) sum += static_cast<int>(rng.below(65536)) - 32768;
        return std::clamp(static_cast<int>(std::int64_t{sum} * deviation / 65536), -bound, bound);
    };
    const auto fill = [&draw]<class T>(std::vector<T>& values, int deviation, int bound) {
        for (T& v : values) v = static_cast<T>(draw(deviation, bound));
    };
    Parameters p = zeros(features, shape);
    fill(p.ft_bias, 60, kMaxFtBias);
    fill(p.ft_weight, 24, kMaxFtWeight);
    fill(p.psqt_weight, 600, kMaxPsqtWeight);
    for (Bucket& b : p.buckets) {
        fill(b.l1_bias, 2000, kMaxLayerBias);
        fill(b.l1_weight, 8, kMaxLayerWeight);
        fill(b.l2_bias, 2000, kMaxLayerBias);
        fill(b.l2_weight, 20, kMaxLayerWeight);
        b.out_bias = draw(1000, kMaxLayerBias);
        fill(b.out_weight, 30, kMaxLayerWeight);
    }
    return p;
}

}  // namespace zerofleet::nnue
