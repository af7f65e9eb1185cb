#include "selfplay/sample_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/half.h"
#include "base/parallel.h"

namespace zerofleet::selfplay {

namespace {

constexpr std::size_t kRowsPerBlock = 32;

/// Cells whose bit is set, one after the other: planes are mostly empty.
template <class AtCell>
void for_each_bit(const std::uint8_t* bits, std::size_t num_cells, AtCell&& at_cell) {
    for (std::size_t first = 0; first < num_cells; first += 64) {
        const std::size_t cells = std::min<std::size_t>(64, num_cells - first);
        std::uint64_t word = 0;
        std::memcpy(&word, bits + first / 8, (cells + 7) / 8);
        if (cells < 64) word &= (std::uint64_t{1} << cells) - 1;
        for (; word != 0; word &= word - 1)
            at_cell(first + static_cast<std::size_t>(std::countr_zero(word)));
    }
}

template <class ActionIndex>
void fill_row(const SamplesView<ActionIndex>& samples, const std::int32_t* cell_to,
              const std::int32_t* action_to, std::size_t sample, std::size_t row,
              const BatchRows& out) {
    const std::size_t planes = samples.num_planes, cells = samples.num_cells;
    const std::size_t actions = samples.num_actions;
    const auto to = [](const std::int32_t* map, std::size_t i) {
        return static_cast<std::size_t>(map[i]);
    };
    if (samples.real_planes) {
        const float* from =
            reinterpret_cast<const float*>(samples.planes) + sample * planes * cells;
        float* into = reinterpret_cast<float*>(out.planes) + row * planes * cells;
        for (std::size_t c = 0; c < planes; ++c)
            for (std::size_t i = 0; i < cells; ++i)
                into[to(cell_to, i) * planes + c] = from[c * cells + i];
    } else {
        const std::size_t plane_bytes = (cells + 7) / 8;
        const std::uint8_t* from = samples.planes + sample * planes * plane_bytes;
        std::uint8_t* into = out.planes + row * planes * cells;
        std::memset(into, 0, planes * cells);
        for (std::size_t c = 0; c < planes; ++c)
            for_each_bit(from + c * plane_bytes, cells,
                         [&](std::size_t i) { into[to(cell_to, i) * planes + c] = 1; });
    }
    std::copy_n(samples.scalars + sample * samples.num_scalars, samples.num_scalars,
                out.scalars + row * samples.num_scalars);

    std::uint8_t* legal = out.legal + row * actions;
    std::memset(legal, 0, actions);
    for (auto k = samples.legal_start[sample]; k < samples.legal_start[sample + 1]; ++k)
        legal[to(action_to, samples.legal_action[static_cast<std::size_t>(k)])] = 1;

    float* policy = out.policy + row * actions;
    std::fill_n(policy, actions, 0.0f);
    const auto first = static_cast<std::size_t>(samples.policy_start[sample]);
    const auto last = static_cast<std::size_t>(samples.policy_start[sample + 1]);
    float total = 0.0f;
    for (std::size_t k = first; k < last; ++k) total += half_value(samples.policy_prob[k]);
    // Halves sum to 1 within a thousandth; the loss wants a distribution.
    for (std::size_t k = first; k < last; ++k)
        policy[to(action_to, samples.policy_action[k])] =
            half_value(samples.policy_prob[k]) / total;
}

void check_map(std::span<const std::int32_t> map, std::size_t size, const char* name) {
    if (size == 0 || map.empty() || map.size() % size != 0)
        throw std::invalid_argument(std::string(name) + " map of " + std::to_string(map.size()) +
                                    " entries; expected a multiple of " + std::to_string(size));
    for (const std::int32_t to : map)
        if (to < 0 || static_cast<std::size_t>(to) >= size)
            throw std::invalid_argument(std::string(name) + " map goes to " + std::to_string(to) +
                                        "; expected 0.." + std::to_string(size - 1));
}

template <class ActionIndex>
void check_actions(std::span<const std::int64_t> start, std::span<const ActionIndex> action,
                   std::size_t sample, std::size_t num_actions, const char* name) {
    const auto first = start[sample], last = start[sample + 1];
    if (first < 0 || last < first || static_cast<std::size_t>(last) > action.size())
        throw std::invalid_argument(std::string(name) + "_start does not fit " + name + "_action");
    for (auto k = first; k < last; ++k) {
        const auto a = static_cast<std::int64_t>(action[static_cast<std::size_t>(k)]);
        if (a < 0 || static_cast<std::size_t>(a) >= num_actions)
            throw std::invalid_argument(std::string(name) + " action " + std::to_string(a) +
                                        "; expected 0.." + std::to_string(num_actions - 1));
    }
}

}  // namespace

template <class ActionIndex>
void fill_batch(const SamplesView<ActionIndex>& samples, const SymmetryMaps& maps,
                std::span<const std::int64_t> rows, std::span<const std::uint8_t> symmetry,
                int threads, const BatchRows& out) {
    check_map(maps.cell, samples.num_cells, "cell");
    check_map(maps.action, samples.num_actions, "action");
    const std::size_t num_symmetries = maps.cell.size() / samples.num_cells;
    if (maps.action.size() / samples.num_actions != num_symmetries)
        throw std::invalid_argument("maps of cells and of actions for different symmetries");
    if (symmetry.size() != rows.size())
        throw std::invalid_argument(std::to_string(symmetry.size()) + " symmetries for " +
                                    std::to_string(rows.size()) + " rows");
    const auto num_samples = static_cast<std::int64_t>(samples.num_samples());
    for (std::size_t row = 0; row < rows.size(); ++row) {
        if (rows[row] < 0 || rows[row] >= num_samples || symmetry[row] >= num_symmetries)
            throw std::invalid_argument(
                "row " + std::to_string(row) + ": sample " + std::to_string(rows[row]) + " of " +
                std::to_string(num_samples) + ", symmetry " + std::to_string(symmetry[row]) +
                " of " + std::to_string(num_symmetries));
        const auto sample = static_cast<std::size_t>(rows[row]);
        check_actions(samples.legal_start, samples.legal_action, sample, samples.num_actions,
                      "legal");
        check_actions(samples.policy_start, samples.policy_action, sample, samples.num_actions,
                      "policy");
    }
    const std::size_t num_blocks = (rows.size() + kRowsPerBlock - 1) / kRowsPerBlock;
    share_indices(threads, static_cast<std::ptrdiff_t>(num_blocks), [&](auto&& next) {
        for (std::ptrdiff_t block; (block = next()) >= 0;) {
            const std::size_t first = static_cast<std::size_t>(block) * kRowsPerBlock;
            const std::size_t last = std::min(first + kRowsPerBlock, rows.size());
            for (std::size_t row = first; row < last; ++row)
                fill_row(samples, maps.cell.data() + symmetry[row] * samples.num_cells,
                         maps.action.data() + symmetry[row] * samples.num_actions,
                         static_cast<std::size_t>(rows[row]), row, out);
        }
    });
}

template void fill_batch(const SamplesView<std::uint16_t>&, const SymmetryMaps&,
                         std::span<const std::int64_t>, std::span<const std::uint8_t>, int,
                         const BatchRows&);
template void fill_batch(const SamplesView<std::int32_t>&, const SymmetryMaps&,
                         std::span<const std::int64_t>, std::span<const std::uint8_t>, int,
                         const BatchRows&);

}  // namespace zerofleet::selfplay
