// From packed samples to what a training step reads: bits expanded, symmetries applied, policies
// and legal actions as rows over all actions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zerofleet::selfplay {

/// Samples in arrays of somebody else. `ActionIndex` is u16, or i32 for games with more actions.
template <class ActionIndex>
struct SamplesView {
    std::size_t num_planes, num_cells, num_scalars, num_actions;
    bool real_planes;                           // planes are f32 [N, C, H * W], not bits
    const std::uint8_t* planes;                 // [N, C, ceil(H * W / 8)]
    const float* scalars;                       // [N, S]
    std::span<const std::int64_t> legal_start;  // [N + 1]
    std::span<const ActionIndex> legal_action;
    std::span<const std::int64_t> policy_start;  // [N + 1]; no entries: no policy is known
    std::span<const ActionIndex> policy_action;
    const std::uint16_t* policy_prob;  // bits of halves, > 0

    std::size_t num_samples() const { return legal_start.size() - 1; }
};

/// Images of cells and actions under the symmetries of a game, identity first.
struct SymmetryMaps {
    std::span<const std::int32_t> cell;    // [symmetries * num_cells] where a cell goes
    std::span<const std::int32_t> action;  // [symmetries * num_actions]
};

/// B rows; channels come last, as convolutions on processors and tensor cores read them.
struct BatchRows {
    std::uint8_t* planes;  // u8 [B, H * W, C] of zeros and ones, or f32
    float* scalars;        // [B, S]
    std::uint8_t* legal;   // [B, A] 0 or 1
    float* policy;         // [B, A] sums to 1, or to 0 where no policy is known
};

/// Fills `out` with samples `rows` under `symmetry`; threads share the rows. Throws
/// std::invalid_argument for arrays that do not fit together or indices outside them.
template <class ActionIndex>
void fill_batch(const SamplesView<ActionIndex>& samples, const SymmetryMaps& maps,
                std::span<const std::int64_t> rows, std::span<const std::uint8_t> symmetry,
                int threads, const BatchRows& out);

}  // namespace zerofleet::selfplay
