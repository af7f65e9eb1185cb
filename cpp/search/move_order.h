// The order in which alpha-beta tries the moves of a position: the table's move, tactical moves,
// killers, then history and the game's own order. Better first means more is cut off.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "games/game.h"
#include "search/tactics.h"

namespace zerofleet::search {

/// What quiet moves have cut off so far: two killers for each distance from the root (Akl and
/// Newborn 1977), and a history of each player's actions (Schaeffer 1989).
template <GameType Game>
class MoveOrder {
  public:
    MoveOrder() : killers_(Game::kMaxPlies + 2) { clear(); }

    /// Forgets everything.
    void clear() {
        std::memset(history_, 0, sizeof history_);
        forget_killers();
    }

    /// The root has moved on: killers belong to a distance from it, and history fades.
    void new_search() {
        forget_killers();
        for (auto& player : history_)
            for (std::int16_t& h : player) h = static_cast<std::int16_t>(h / 2);
    }

    /// Adds what is known to the game's own order; `table_action` comes first, -1 for none.
    void rank(MoveList<Game>& moves, int player, int ply, int table_action) const {
        const Killers& killers = killers_[static_cast<std::size_t>(ply)];
        for (ScoredMove& m : moves) {
            if (m.action == table_action)
                m.order += 1 << 24;
            else if (m.action == killers[0])
                m.order += 1 << 14;
            else if (m.action == killers[1])
                m.order += (1 << 14) - 1;
            m.order += history_[player][m.action];
        }
    }

    /// `moves[index]`, a quiet move, cut off; those before it did not.
    void reward(const MoveList<Game>& moves, std::size_t index, int player, int ply, int depth) {
        const Action action = moves[index].action;
        Killers& killers = killers_[static_cast<std::size_t>(ply)];
        if (killers[0] != action) {
            killers[1] = killers[0];
            killers[0] = static_cast<std::int16_t>(action);
        }
        const int bonus = std::min(16 * depth * depth, 1024);
        add_history(player, action, bonus);
        for (std::size_t i = 0; i < index; ++i)
            if (!moves[i].tactical) add_history(player, moves[i].action, -bonus);
    }

  private:
    using Killers = std::array<std::int16_t, 2>;  // the newest first; -1 is none
    static constexpr int kHistoryLimit = 1 << 13;

    void forget_killers() { std::fill(killers_.begin(), killers_.end(), Killers{-1, -1}); }
    /// Grows towards +-kHistoryLimit, the slower the nearer.
    void add_history(int player, int action, int bonus) {
        std::int16_t& h = history_[player][action];
        h = static_cast<std::int16_t>(h + bonus - h * (bonus < 0 ? -bonus : bonus) / kHistoryLimit);
    }

    std::vector<Killers> killers_;
    std::int16_t history_[Game::kNumPlayers][Game::kNumActions];
};

}  // namespace zerofleet::search
