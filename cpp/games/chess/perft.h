// Counting positions, as fast as the processor allows.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "games/chess/perft_core.h"

namespace zerofleet::chess {

enum class SliderLookup { kMagic, kPext };

/// Slowest first; kPext only where the instruction exists and is no microcode (AMD before Zen 3).
std::vector<SliderLookup> supported_lookups();
std::string_view lookup_name(SliderLookup lookup);

/// Number of sequences of exactly `depth` legal moves, draws by repetition, move count or material
/// ignored, as in published tables. `depth` >= 0.
std::uint64_t count_positions(const PerftNode& node, bool white, int depth, SliderLookup lookup);

#if defined(__x86_64__)
std::uint64_t count_positions_pext(const PerftNode& node, bool white, int depth);
#endif

}  // namespace zerofleet::chess
