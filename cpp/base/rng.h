// Counter-based and sequential random numbers with the same bits on every platform.
#pragma once

#include <cstdint>

namespace zerofleet {

/// A bijective 64-bit mixer (splitmix64's finaliser; Steele, Lea and Flood 2014).
constexpr std::uint64_t mix64(std::uint64_t x) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}

/// Derives an independent seed from two numbers; order matters.
constexpr std::uint64_t derive_seed(std::uint64_t a, std::uint64_t b) {
    return mix64(mix64(a + 0x9e3779b97f4a7c15ULL) ^ (b + 0xd1b54a32d192ed03ULL));
}

/// Splitmix64 stream. Small, copyable, good enough for openings and temperature sampling.
class Rng {
  public:
    explicit constexpr Rng(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        return mix64(state_);
    }

    /// Uniform in [0, bound); bound > 0. Multiply-shift, bias below bound / 2^32.
    constexpr std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
    }

    /// Uniform in [0, 1).
    constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  private:
    std::uint64_t state_;
};

}  // namespace zerofleet
