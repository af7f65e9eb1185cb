// IEEE 754 half precision, as numpy's float16 keeps it.
#pragma once

#include <bit>
#include <cstdint>

namespace zerofleet {

/// The bits of the half nearest to x >= 0, ties to even; below 2^-25 zero, from 65,520 on infinity.
constexpr std::uint16_t half_bits(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    if (bits >= 0x477ff000u) return 0x7c00;
    if (bits >= 0x38800000u) {  // normal: 13 bits of the mantissa go
        const std::uint32_t even = bits >> 13 & 1;
        return static_cast<std::uint16_t>((bits - 0x38000000u + 0xfffu + even) >> 13);
    }
    // Subnormal, a multiple of 2^-24: the sum with 0.5 rounds there, and its mantissa is the half.
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x + 0.5f) - 0x3f000000u);
}

/// The number of a half that is none of infinity and NaN, and not negative.
constexpr float half_value(std::uint16_t half) {
    if (half >= 0x0400) return std::bit_cast<float>((half + 0x1c000u) << 13);
    return static_cast<float>(half) * 0x1p-24f;
}

}  // namespace zerofleet
