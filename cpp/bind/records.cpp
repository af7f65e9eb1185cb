// Replaying of finished games and conversions of packed positions.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>

#include "bind/any_state.h"
#include "bind/arrays.h"
#include "bind/games_view.h"
#include "bind/module.h"
#include "games/registry.h"
#include "games/ultimate_ttt_boards.h"
#include "selfplay/check_games.h"
#include "selfplay/replay.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using Replayed = std::tuple<NewArray<std::uint8_t>, NewArray<std::int64_t>, NewArray<std::uint8_t>>;

Replayed replay(std::string_view game, const ConstArray<std::int64_t, 1>& game_start,
                const ConstArray<std::int32_t, 1>& action,
                const ConstArray<std::uint8_t, 1>& ply_flags, const ConstArray<float, 2>& returns,
                const ConstArray<std::uint8_t, 1>& termination,
                const MaybeArray<std::int64_t>& policy_start,
                const MaybeArray<std::int32_t>& policy_action,
                const MaybeArray<std::int64_t>& initial_start,
                const MaybeArray<std::uint8_t>& initial_text, int mask, int without) {
    if (mask < 0 || mask > 255 || without < 0 || without > 255)
        throw std::invalid_argument("mask and without are sets of ply flags, 0..255");
    return with_game(game, [&]<class G>(const GameOptions& options) -> Replayed {
        const GamesView games =
            games_view(game_start, action, ply_flags, returns, termination, policy_start,
                       policy_action, initial_start, initial_text, G::kNumPlayers);
        ReplayedPositions out;
        {
            nb::gil_scoped_release release;
            out = replay_games<G>(games, static_cast<std::uint8_t>(mask),
                                  static_cast<std::uint8_t>(without), options);
        }
        const std::size_t n = out.ply.size();
        return {to_array(std::move(out.packed), {n, G::kPackedBytes}),
                to_array(std::move(out.ply), {n}), to_array(std::move(out.to_play), {n})};
    });
}

void check_games(nb::handle game, const ConstArray<std::int64_t, 1>& game_start,
                 const ConstArray<std::int32_t, 1>& action,
                 const ConstArray<std::uint8_t, 1>& ply_flags, const ConstArray<float, 2>& returns,
                 const ConstArray<std::uint8_t, 1>& termination,
                 const MaybeArray<std::int64_t>& policy_start,
                 const MaybeArray<std::int32_t>& policy_action,
                 const MaybeArray<std::int64_t>& initial_start,
                 const MaybeArray<std::uint8_t>& initial_text) {
    const std::shared_ptr<const AnyGame> rules = any_game_of(game);
    const GamesView games =
        games_view(game_start, action, ply_flags, returns, termination, policy_start, policy_action,
                   initial_start, initial_text, rules->info().num_players);
    const nb::gil_scoped_release release;
    selfplay::check_games(*rules, games);
}

std::invalid_argument bad_row(std::size_t row, const std::string& why) {
    return std::invalid_argument("row " + std::to_string(row) + ": " + why);
}

NewArray<std::uint8_t> boards_to_packed(ConstArray<std::int8_t, 2> boards) {
    if (boards.shape(1) != kBoardRowSize)
        throw std::invalid_argument("boards have " + std::to_string(boards.shape(1)) +
                                    " columns; expected 92");
    const std::size_t n = boards.shape(0);
    auto [array, data] = make_array<std::uint8_t>({n, UltimateTtt::kPackedBytes});
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < n; ++i) {
        try {
            state_from_board_row(BoardRow(boards.data() + i * kBoardRowSize, kBoardRowSize))
                .pack(data + i * UltimateTtt::kPackedBytes);
        } catch (const std::invalid_argument& e) {
            throw bad_row(i, e.what());
        }
    }
    return array;
}

NewArray<std::int8_t> packed_to_boards(ConstArray<std::uint8_t, 2> packed) {
    if (packed.shape(1) != UltimateTtt::kPackedBytes)
        throw std::invalid_argument("packed positions have " + std::to_string(packed.shape(1)) +
                                    " bytes; expected 24");
    const std::size_t n = packed.shape(0);
    auto [array, data] = make_array<std::int8_t>({n, kBoardRowSize});
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < n; ++i) {
        try {
            state_to_board_row(
                UltimateTtt::State::unpack(packed.data() + i * UltimateTtt::kPackedBytes),
                std::span<std::int8_t, kBoardRowSize>(data + i * kBoardRowSize, kBoardRowSize));
        } catch (const std::invalid_argument& e) {
            throw bad_row(i, e.what());
        }
    }
    return array;
}

}  // namespace

void bind_records(nb::module_& m) {
    nb::exception<RecordError>(m, "RecordError", PyExc_ValueError);
    m.attr("PLY_POLICY_TARGET") = static_cast<int>(kPlyPolicyTarget);
    m.attr("PLY_VALUE_TARGET") = static_cast<int>(kPlyValueTarget);
    m.attr("PLY_CHANCE") = static_cast<int>(kPlyChance);
    m.attr("PLY_RANDOM_OPENING") = static_cast<int>(kPlyRandomOpening);
    m.attr("PLY_FAST_SEARCH") = static_cast<int>(kPlyFastSearch);
    m.attr("PLY_QUIET") = static_cast<int>(kPlyQuiet);
    m.attr("PLY_FLAG_BITS") = static_cast<int>(kPlyFlagBits);
    m.attr("TERMINATION_PLAYED_OUT") = static_cast<int>(Termination::kPlayedOut);
    m.attr("TERMINATION_ADJUDICATED") = static_cast<int>(Termination::kAdjudicated);
    m.attr("TERMINATION_RESIGNED") = static_cast<int>(Termination::kResigned);
    m.attr("TERMINATION_LENGTH_BOUND") = static_cast<int>(Termination::kLengthBound);
    m.attr("NUM_TERMINATIONS") = kNumTerminations;

    m.def("replay_games", &replay, "game"_a, nb::kw_only(), "game_start"_a.noconvert(),
          "action"_a.noconvert(), "ply_flags"_a.noconvert(), "returns"_a.noconvert(),
          "termination"_a.noconvert(), "policy_start"_a.noconvert() = nb::none(),
          "policy_action"_a.noconvert() = nb::none(), "initial_start"_a.noconvert() = nb::none(),
          "initial_text"_a.noconvert() = nb::none(), "mask"_a = 0, "without"_a = 0,
          R"(Replays finished games and checks every move and every ending.

The arrays are those of the shard, C-contiguous and of exactly its types; without policy or initial
arrays these are not checked, or every game starts as the rules say.

Args:
  mask, without: only plies whose flags have all bits of mask and none of without are returned.
Returns: (packed uint8 [N, packed_bytes], ply int64 [N], to_play uint8 [N]): the positions in which
  those actions were taken, where they are in the record, and whose view mover values have.
Raises: RecordError, a ValueError, at the first illegal move, wrong ending, wrong result or impossible start,
  naming game, ply (both from 0) and position.)");
    m.def(
        "check_games", &check_games, "game"_a, nb::kw_only(), "game_start"_a.noconvert(),
        "action"_a.noconvert(), "ply_flags"_a.noconvert(), "returns"_a.noconvert(),
        "termination"_a.noconvert(), "policy_start"_a.noconvert() = nb::none(),
        "policy_action"_a.noconvert() = nb::none(), "initial_start"_a.noconvert() = nb::none(),
        "initial_text"_a.noconvert() = nb::none(),
        "What `replay_games` checks, by the rules of a game object of any kind; returns nothing.");
    m.def("boards_to_packed", &boards_to_packed, "boards"_a.noconvert(),
          R"(Packs Ultimate Tic-Tac-Toe positions kept as rows of 92 numbers.

Args:
  boards: int8 [N, 92]: 81 cells row-major (0 empty, 1, 2), 9 board states (0 open, 1, 2, 3 drawn),
    active board 0..8 or -1 for any, side to move 1 or 2.
Returns: uint8 [N, 24].
Raises: ValueError naming the first row that is out of range or contradicts itself.)");
    m.def("packed_to_boards", &packed_to_boards, "packed"_a.noconvert(),
          "The reverse of `boards_to_packed`: int8 [N, 92] of uint8 [N, 24].");
}

}  // namespace zerofleet::bind
