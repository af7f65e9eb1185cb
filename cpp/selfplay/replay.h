// Replays finished games: every move is checked, and the positions asked for are packed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selfplay/record.h"

namespace zerofleet {

/// N positions in which an action was taken, in the order of the record.
struct ReplayedPositions {
    std::vector<std::uint8_t> packed;   // [N * kPackedBytes]
    std::vector<std::int64_t> ply;      // [N] index into the arrays of the record
    std::vector<std::uint8_t> to_play;  // [N] 255 where nature moved
};

/// Replays all games; returns the positions of the plies whose flags have all bits of `mask` and
/// none of `without` (no mask: all plies). Throws RecordError at the first thing that is wrong: an
/// illegal move, moves after the end, an ending or result that does not fit the last position, a
/// start position that is none, a policy over illegal or unsorted actions, unknown flags, a chance
/// flag where a player moves or none (or a target) where nature does.
template <GameType G>
ReplayedPositions replay_games(const GamesView& games, std::uint8_t mask, std::uint8_t without,
                               const GameOptions& options = options_of<G>()) {
    using State = typename G::State;
    check_sizes(games, G::kNumPlayers);

    auto wanted = [&](std::size_t ply) {
        return (games.ply_flags[ply] & mask) == mask && !(games.ply_flags[ply] & without);
    };
    std::size_t count = 0;
    for (std::size_t ply = 0; ply < games.num_plies(); ++ply) count += wanted(ply);
    ReplayedPositions out;
    out.packed.resize(count * G::kPackedBytes);
    out.ply.resize(count);
    out.to_play.resize(count);

    const State start = initial_state<G>(options);
    std::size_t n = 0;
    for (std::size_t g = 0; g < games.num_games(); ++g) {
        State state = start;
        if (!games.initial_start.empty() && games.initial_start[g + 1] > games.initial_start[g]) {
            const auto text = games.initial_text.substr(
                static_cast<std::size_t>(games.initial_start[g]),
                static_cast<std::size_t>(games.initial_start[g + 1] - games.initial_start[g]));
            try {
                state = parse_state<G>(text, options);
            } catch (const std::invalid_argument& e) {
                throw RecordError("game " + std::to_string(g) + ": start position: " + e.what());
            }
        }
        for (std::int64_t i = games.game_start[g]; i < games.game_start[g + 1]; ++i) {
            const auto ply = static_cast<std::size_t>(i);
            const std::int64_t in_game = i - games.game_start[g];
            const Action action = games.action[ply];
            if (!state.is_legal(action)) {
                if (state.is_terminal())
                    throw ply_error(g, in_game, "a move after the end of the game", state.text());
                throw ply_error(g, in_game, "illegal action " + std::to_string(action),
                                state.text());
            }
            const std::uint8_t flags = games.ply_flags[ply];
            if (const char* error = flags_error(flags, is_chance(state)))
                throw ply_error(g, in_game, "flags " + std::to_string(flags) + " (" + error + ")",
                                state.text());
            if (!games.policy_start.empty()) {
                Action previous = -1;
                for (auto k = games.policy_start[ply]; k < games.policy_start[ply + 1]; ++k) {
                    const Action a = games.policy_action[static_cast<std::size_t>(k)];
                    if (a <= previous || !state.is_legal(a))
                        throw ply_error(g, in_game,
                                        "policy action " + std::to_string(a) + " after " +
                                            std::to_string(previous) + " (illegal or unsorted)",
                                        state.text());
                    previous = a;
                }
            }
            if (wanted(ply)) {
                state.pack(out.packed.data() + n * G::kPackedBytes);
                out.ply[n] = i;
                out.to_play[n] = static_cast<std::uint8_t>(state.to_play());
                ++n;
            }
            state.apply(action);
        }
        const bool over = state.is_terminal();
        const auto final_returns = over ? state.returns() : Returns<G::kNumPlayers>{};
        check_ending(games, g, last_position(over, over && at_length_bound(state)), final_returns,
                     state.text());
    }
    return out;
}

}  // namespace zerofleet
