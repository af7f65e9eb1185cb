#include "games/chess/perft.h"

namespace zerofleet::chess {

std::vector<SliderLookup> supported_lookups() {
    std::vector<SliderLookup> found = {SliderLookup::kMagic};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v3") && !__builtin_cpu_is("znver1") &&
        !__builtin_cpu_is("znver2"))
        found.push_back(SliderLookup::kPext);
#endif
    return found;
}

std::string_view lookup_name(SliderLookup lookup) {
    return lookup == SliderLookup::kPext ? "pext" : "magic";
}

std::uint64_t count_positions(const PerftNode& node, bool white, int depth, SliderLookup lookup) {
    if (depth == 0) return 1;
#if defined(__x86_64__)
    if (lookup == SliderLookup::kPext) return count_positions_pext(node, white, depth);
#endif
    const MagicSliders& sliders = magic_sliders();
    return white ? count_leaves<true>(node, depth, sliders)
                 : count_leaves<false>(node, depth, sliders);
}

}  // namespace zerofleet::chess
