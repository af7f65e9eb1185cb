// Replays finished games of any game, those written in Python too, and checks everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "games/any_game.h"
#include "selfplay/record.h"

namespace zerofleet::selfplay {

/// What `replay_games` checks, by the rules behind virtual calls. Throws RecordError at the first
/// thing that is wrong.
void check_games(const AnyGame& game, const GamesView& games);

/// Replays one game after the other; its memory is made once. Of one thread at a time.
class GameChecker {
  public:
    /// `games` have passed `check_sizes`; both outlive the checker.
    GameChecker(const AnyGame& game, const GamesView& games);

    /// Checks game `g`. Calls `at_ply(ply, state, position, choices)` for each ply, found in order,
    /// with what there was to choose from. Throws RecordError.
    template <class AtPly>
    void check(std::size_t g, AtPly&& at_ply) {
        AnyState state = start_of(g);
        for (std::int64_t i = games_->game_start[g]; i < games_->game_start[g + 1]; ++i) {
            const auto ply = static_cast<std::size_t>(i);
            const Position position = check_ply(g, ply, state);
            at_ply(ply, static_cast<const AnyState&>(state), position, choices_);
            state.apply(games_->action[ply]);
        }
        check_end(g, state);
    }

  private:
    AnyState start_of(std::size_t g) const;
    AnyState parsed(std::string_view text) const;
    Position look(const AnyState& state);
    Position check_ply(std::size_t g, std::size_t ply, const AnyState& state);
    void check_end(std::size_t g, const AnyState& state);
    [[noreturn]] void fail(std::size_t g, std::size_t ply, const AnyState& state,
                           const std::string& what) const;
    bool is_legal(Action action) const {
        return action >= 0 && static_cast<std::size_t>(action) < legal_.size() &&
               legal_[static_cast<std::size_t>(action)] != 0;
    }

    const AnyGame* game_;
    const GamesView* games_;
    Choices choices_;
    std::vector<std::uint8_t> legal_;  // [actions or outcomes] 1 for those in choices_
    std::vector<float> returns_;
};

}  // namespace zerofleet::selfplay
