// Which vector instructions the kernels use. All levels give the same bits; a level is a value
// passed to Network, never a global.
#pragma once

#include <string_view>
#include <vector>

namespace zerofleet::nnue {

enum class Simd {
    kScalar,  // plain C++, any processor
    kAvx2,    // x86-64-v3
    kAvx512,  // x86-64-v4 with VNNI
};

/// Levels this processor can run, slowest first; always holds kScalar.
std::vector<Simd> supported_simd();

/// "scalar", "avx2" or "avx512".
std::string_view simd_name(Simd level);

/// A level by name; "auto" is the fastest supported one. Throws std::invalid_argument if the name
/// is unknown or this processor cannot run it.
Simd parse_simd(std::string_view name);

}  // namespace zerofleet::nnue
