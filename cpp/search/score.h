// Search scores and what they mean. One scale for every evaluator, so that nets, the greedy
// heuristic and proven results compare.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "nnue/parameters.h"

namespace zerofleet::search {

// Mover's view. |score| <= kMaxEval is an evaluation: win probability = sigmoid(score / 512).
// A forced win in n plies is kWin - n, a forced loss in n plies -(kWin - n), a draw 0.
using nnue::kEvalPerLogit;
using nnue::kMaxEval;
inline constexpr int kWin = 32000;
inline constexpr int kInfinite = kWin + 1;

constexpr int win_in(int plies) { return kWin - plies; }
constexpr int loss_in(int plies) { return plies - kWin; }
/// True for forced wins and losses. A proven draw is 0 and cannot be told from an even evaluation.
constexpr bool is_proven(int score) { return score > kMaxEval || score < -kMaxEval; }

/// exp(-x / 1024) as a fraction of 2^62, x >= 0. Integers only, so that temperature sampling and
/// recorded values have the same bits on every processor (libm's exp and tanh do not promise that).
constexpr std::uint64_t exp_minus(std::uint64_t x) {
    // exp(-2^k / 1024) * 2^62, k = 0..16.
    constexpr std::array<std::uint64_t, 17> kFactor = {
        0x3ff001ffd557ffdeULL, 0x3fe007feaad55111ULL, 0x3fc01ff557ff778eULL, 0x3f807faad54449f3ULL,
        0x3f01fd57fddf4925ULL, 0x3e07ead5116baf23ULL, 0x3c1f57f78e05479dULL, 0x387ad449db04430fULL,
        0x31d7df3d590415d1ULL, 0x26d165f8df2c13fdULL, 0x178b56362cef37c7ULL, 0x08a95551dfc0e5d0ULL,
        0x012c155b8213cf47ULL, 0x00057f08410409ebULL, 0x00000078d56eebbaULL, 0x000000000000e423ULL,
        0x0000000000000000ULL};
    if (x >> kFactor.size()) return 0;  // exp(-128) is far below 2^-62
    std::uint64_t product = std::uint64_t{1} << 62;
    for (std::size_t k = 0; k < kFactor.size(); ++k)
        if (x >> k & 1)
            product = static_cast<std::uint64_t>(
                (static_cast<unsigned __int128>(product) * kFactor[k]) >> 62);
    return product;
}

/// The value of a score in [-1, 1], mover's view: tanh(score / 1024) = 2 sigmoid(score / 512) - 1,
/// rounded to a multiple of 2^-24; +-1 if proven.
constexpr float value_of(int score) {
    if (is_proven(score)) return score > 0 ? 1.0f : -1.0f;
    constexpr std::uint64_t kOne = std::uint64_t{1} << 62;
    const std::uint64_t e = exp_minus(2 * static_cast<std::uint64_t>(score < 0 ? -score : score));
    const auto magnitude = static_cast<std::uint32_t>(
        ((static_cast<unsigned __int128>(kOne - e) << 24) + (kOne + e) / 2) / (kOne + e));
    const float value = static_cast<float>(magnitude) * 0x1.0p-24f;
    return score < 0 ? -value : value;
}

}  // namespace zerofleet::search
