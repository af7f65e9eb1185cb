#include "nnue/simd.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace zerofleet::nnue {

std::vector<Simd> supported_simd() {
    std::vector<Simd> levels = {Simd::kScalar};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v3")) levels.push_back(Simd::kAvx2);
    if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni"))
        levels.push_back(Simd::kAvx512);
#endif
    return levels;
}

std::string_view simd_name(Simd level) {
    switch (level) {
        case Simd::kAvx2:
            return "avx2";
        case Simd::kAvx512:
            return "avx512";
        case Simd::kScalar:
            break;
    }
    return "scalar";
}

Simd parse_simd(std::string_view name) {
    const std::vector<Simd> levels = supported_simd();
    if (name == "auto") return levels.back();
    for (const Simd level : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
        if (simd_name(level) != name) continue;
        if (std::find(levels.begin(), levels.end(), level) != levels.end()) return level;
        throw std::invalid_argument("simd level \"" + std::string(name) +
                                    "\" is not supported by this processor; fastest here: \"" +
                                    std::string(simd_name(levels.back())) + "\"");
    }
    throw std::invalid_argument("unknown simd level \"" + std::string(name) +
                                "\"; expected auto, scalar, avx2 or avx512");
}

}  // namespace zerofleet::nnue
