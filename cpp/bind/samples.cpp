// Training samples: finished games encoded, and batches drawn from what was encoded.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bind/any_state.h"
#include "bind/arrays.h"
#include "bind/games_view.h"
#include "bind/module.h"
#include "selfplay/encode.h"
#include "selfplay/sample_batch.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using selfplay::BatchRows;
using selfplay::EncodedRows;
using selfplay::GameEncoder;
using selfplay::PlyFilter;
using selfplay::SamplesView;
using selfplay::SymmetryMaps;

nb::tuple encode_games(
    nb::handle game, const ConstArray<std::int64_t, 1>& game_start,
    const ConstArray<std::int32_t, 1>& action, const ConstArray<std::uint8_t, 1>& ply_flags,
    const ConstArray<float, 2>& returns, const ConstArray<std::uint8_t, 1>& termination,
    const MaybeArray<std::int64_t>& policy_start, const MaybeArray<std::int32_t>& policy_action,
    const MaybeArray<std::int64_t>& initial_start, const MaybeArray<std::uint8_t>& initial_text,
    int mask, int without, int threads) {
    if (mask < 0 || mask > 255 || without < 0 || without > 255)
        throw std::invalid_argument("mask and without are sets of ply flags, 0..255");
    const std::shared_ptr<const AnyGame> rules = any_game_of(game);
    const GameInfo& info = rules->info();
    const GamesView games =
        games_view(game_start, action, ply_flags, returns, termination, policy_start, policy_action,
                   initial_start, initial_text, info.num_players);
    const GameEncoder encoder(
        *rules, games,
        PlyFilter{static_cast<std::uint8_t>(mask), static_cast<std::uint8_t>(without)});
    const std::size_t n = encoder.num_rows();
    const auto size = [](int count) { return static_cast<std::size_t>(count); };
    const std::size_t cells = size(info.rows) * size(info.cols);

    EncodedRows out{};
    nb::object planes;
    if (info.real_planes) {
        auto [array, data] = make_uninitialised_array<float>(
            {n, size(info.num_planes), size(info.rows), size(info.cols)});
        planes = nb::cast(array);
        out.planes = reinterpret_cast<std::uint8_t*>(data);
    } else {
        auto [array, data] =
            make_uninitialised_array<std::uint8_t>({n, size(info.num_planes), (cells + 7) / 8});
        planes = nb::cast(array);
        out.planes = data;
    }
    auto [scalars, scalar_data] = make_uninitialised_array<float>({n, size(info.num_scalars)});
    auto [legal_start, legal_start_data] = make_uninitialised_array<std::int64_t>({n + 1});
    auto [ply, ply_data] = make_uninitialised_array<std::int64_t>({n});
    auto [to_play, to_play_data] = make_uninitialised_array<std::uint8_t>({n});
    out.scalars = scalar_data;
    out.legal_start = legal_start_data;
    out.ply = ply_data;
    out.to_play = to_play_data;

    std::vector<Action> legal;
    {
        const nb::gil_scoped_release release;
        // Rules written in Python take turns anyway.
        legal = encoder.encode(info.real_planes ? 1 : threads, out);
    }
    const std::size_t num_legal = legal.size();
    return nb::make_tuple(planes, scalars, legal_start, to_array(std::move(legal), {num_legal}),
                          ply, to_play);
}

using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

std::invalid_argument misfit(const std::string& what) {
    return std::invalid_argument("draw_batch: " + what);
}

template <class ActionIndex>
nb::tuple draw(const AnyArray& planes, int rows_of_board, int cols_of_board,
               const ConstArray<float, 2>& scalars, const ConstArray<std::int64_t, 1>& legal_start,
               const ConstArray<ActionIndex, 1>& legal_action,
               const ConstArray<std::int64_t, 1>& policy_start,
               const ConstArray<ActionIndex, 1>& policy_action,
               const ConstArray<std::uint16_t, 1>& policy_prob,
               const ConstArray<std::int32_t, 2>& cell_map,
               const ConstArray<std::int32_t, 2>& action_map,
               const ConstArray<std::int64_t, 1>& rows, const ConstArray<std::uint8_t, 1>& symmetry,
               int threads) {
    const bool real = planes.dtype() == nb::dtype<float>();
    const auto height = static_cast<std::size_t>(rows_of_board);
    const auto width = static_cast<std::size_t>(cols_of_board);
    const std::size_t cells = cell_map.shape(1), n = legal_start.size() - 1;
    const std::size_t row_size = real ? cells : (cells + 7) / 8;
    if (rows_of_board < 1 || cols_of_board < 1 || legal_start.size() == 0 ||
        policy_start.size() != n + 1 || scalars.shape(0) != n ||
        policy_prob.size() != policy_action.size() || cells != height * width ||
        (!real && planes.dtype() != nb::dtype<std::uint8_t>()) || planes.ndim() < 3 ||
        planes.shape(0) != n || planes.size() != n * planes.shape(1) * row_size)
        throw misfit("arrays of different numbers of samples, cells or entries");
    const SamplesView<ActionIndex> samples{
        .num_planes = planes.shape(1),
        .num_cells = cells,
        .num_scalars = scalars.shape(1),
        .num_actions = action_map.shape(1),
        .real_planes = real,
        .planes = static_cast<const std::uint8_t*>(planes.data()),
        .scalars = scalars.data(),
        .legal_start = as_span<std::int64_t>(legal_start),
        .legal_action = as_span<ActionIndex>(legal_action),
        .policy_start = as_span<std::int64_t>(policy_start),
        .policy_action = as_span<ActionIndex>(policy_action),
        .policy_prob = policy_prob.data()};
    const SymmetryMaps maps{as_span<std::int32_t>(cell_map), as_span<std::int32_t>(action_map)};

    const std::size_t b = rows.size(), c = samples.num_planes;
    BatchRows out{};
    nb::object batch_planes;
    if (real) {
        auto [array, data] = make_uninitialised_array<float>({b, height, width, c});
        batch_planes = nb::cast(array);
        out.planes = reinterpret_cast<std::uint8_t*>(data);
    } else {
        auto [array, data] = make_uninitialised_array<std::uint8_t>({b, height, width, c});
        batch_planes = nb::cast(array);
        out.planes = data;
    }
    auto [batch_scalars, scalar_data] = make_uninitialised_array<float>({b, samples.num_scalars});
    auto [legal, legal_data] = make_uninitialised_array<std::uint8_t>({b, samples.num_actions});
    auto [policy, policy_data] = make_uninitialised_array<float>({b, samples.num_actions});
    out.scalars = scalar_data;
    out.legal = legal_data;
    out.policy = policy_data;
    {
        const nb::gil_scoped_release release;
        selfplay::fill_batch(samples, maps, as_span<std::int64_t>(rows),
                             as_span<std::uint8_t>(symmetry), threads, out);
    }
    return nb::make_tuple(batch_planes, batch_scalars, legal, policy);
}

template <class ActionIndex>
void bind_draw(nb::module_& m, const char* doc) {
    m.def("draw_batch", &draw<ActionIndex>, nb::kw_only(), "planes"_a.noconvert(), "height"_a,
          "width"_a, "scalars"_a.noconvert(), "legal_start"_a.noconvert(),
          "legal_action"_a.noconvert(), "policy_start"_a.noconvert(), "policy_action"_a.noconvert(),
          "policy_prob_bits"_a.noconvert(), "cell_map"_a.noconvert(), "action_map"_a.noconvert(),
          "rows"_a.noconvert(), "symmetry"_a.noconvert(), "threads"_a = 1, doc);
}

}  // namespace

void bind_samples(nb::module_& m) {
    m.def("encode_games", &encode_games, "game"_a, nb::kw_only(), "game_start"_a.noconvert(),
          "action"_a.noconvert(), "ply_flags"_a.noconvert(), "returns"_a.noconvert(),
          "termination"_a.noconvert(), "policy_start"_a.noconvert() = nb::none(),
          "policy_action"_a.noconvert() = nb::none(), "initial_start"_a.noconvert() = nb::none(),
          "initial_text"_a.noconvert() = nb::none(), "mask"_a = 0, "without"_a = 0, "threads"_a = 1,
          R"(Replays finished games of any game, checks what `replay_games` checks and encodes.

Args:
  game: the rules, as `load_game` returns them.
  mask, without: plies where a player moves whose flags have all bits of mask and none of without.
  threads: share the games; the result is the same for any number. Python's games use one.
Returns: (planes, scalars f32 [N, S], legal_start i64 [N + 1], legal_action i32 [L], ply i64 [N],
  to_play u8 [N]), a row for each of those plies in the order of the record. The first four are
  those of `LeafBatch`: planes are u8 [N, C, ceil(H * W / 8)], or f32 [N, C, H, W] of games with
  real-valued observations.
Raises: ValueError for the first game with something wrong, as `replay_games`; what Python's rules
  raise passes through.)");
    bind_draw<std::uint16_t>(m, R"(Samples by index as a training step reads them.

Args:
  planes .. policy_prob_bits: the samples as `encode_games` returns them, actions as u16 or i32;
    policy_prob_bits are f16 seen as u16.
  cell_map, action_map: i32 [symmetries, H * W] and [symmetries, A]: where each goes.
  rows, symmetry: i64 [B] and u8 [B]: which sample, and its image under what.
Returns: (planes u8 [B, H, W, C] of zeros and ones, or f32; scalars f32 [B, S]; legal u8 [B, A];
  policy f32 [B, A], rows sum to 1, or to 0 where none is known).
Raises: ValueError if arrays do not fit together or an index is outside.)");
    bind_draw<std::int32_t>(m, "The same for games of more than 65,536 actions.");
}

}  // namespace zerofleet::bind
