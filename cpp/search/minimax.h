// The slow, readable twins of alphabeta.h: plain minimax over the same leaves, and an exhaustive
// proof of forced results without any table. Tests and adjudication rest on them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "games/game.h"
#include "search/score.h"
#include "search/tactics.h"

namespace zerofleet::search {

/// Value of `s` (mover's view), which is not finished, searched to exactly `depth` plies, with
/// every move of every node; the evaluator's top is `s`. With `quiescence`, leaves go on with
/// winning and tactical moves for as long as the mover prefers them to standing still.
template <GameType Game, class Evaluator>
int minimax(Evaluator& evaluator, const typename Game::State& s, int depth, bool quiescence,
            int ply = 0) {
    const int me = s.to_play();
    int best = -kInfinite;
    if (depth == 0) {
        best = evaluator.evaluate(s);
        if (!quiescence) return best;
    }
    LegalActions<Game> actions;
    s.legal_actions(actions);
    for (const Action a : actions) {
        typename Game::State child = s;
        child.apply(a);
        int score;
        if (child.is_terminal()) {
            const float result = child.returns()[static_cast<std::size_t>(me)];
            score = result > 0 ? win_in(ply + 1) : result < 0 ? loss_in(ply + 1) : 0;
            if (depth == 0 && result <= 0 && !Tactics<Game>::is_tactical(s, a)) continue;
        } else {
            if (depth == 0 && !Tactics<Game>::is_tactical(s, a)) continue;
            evaluator.push(s, a, child);
            score = -minimax<Game>(evaluator, child, std::max(depth - 1, 0), quiescence, ply + 1);
            evaluator.pop();
        }
        best = std::max(best, score);
    }
    return best;
}

template <GameType Game>
bool proves_loss(const typename Game::State& s, int plies, std::int64_t& budget);

/// True if the mover of `s`, which is not finished, is proven to win within `plies`, from the rules
/// alone: every reply is played out to a finished game; no evaluation, no hash that could collide.
/// False if there is no such win or `budget` (nodes, counted down) runs out.
template <GameType Game>
bool proves_win(const typename Game::State& s, int plies, std::int64_t& budget) {
    if (plies <= 0 || --budget < 0) return false;
    if (Tactics<Game>::winning_action(s) >= 0) return true;
    if (plies < 3) return false;
    MoveList<Game> moves;
    Tactics<Game>::moves(s, moves);
    for (std::size_t i = 0; i < moves.size(); ++i) {
        pick_best(moves, i);
        typename Game::State child = s;
        child.apply(moves[i].action);
        if (!child.is_terminal() && proves_loss<Game>(child, plies - 1, budget)) return true;
    }
    return false;
}

/// The same for the mover losing whatever they play.
template <GameType Game>
bool proves_loss(const typename Game::State& s, int plies, std::int64_t& budget) {
    if (plies <= 0 || --budget < 0) return false;
    if (Tactics<Game>::winning_action(s) >= 0) return false;
    LegalActions<Game> actions;
    s.legal_actions(actions);
    for (const Action a : actions) {
        typename Game::State child = s;
        child.apply(a);
        if (child.is_terminal()) {
            if (child.returns()[static_cast<std::size_t>(s.to_play())] >= 0) return false;
        } else if (!proves_win<Game>(child, plies - 1, budget)) {
            return false;
        }
    }
    return true;
}

}  // namespace zerofleet::search
