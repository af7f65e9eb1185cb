#include "selfplay/check_games.h"

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>

namespace zerofleet::selfplay {

void check_games(const AnyGame& game, const GamesView& games) {
    check_sizes(games, game.info().num_players);
    GameChecker checker(game, games);
    for (std::size_t g = 0; g < games.num_games(); ++g) checker.check(g, [](auto&&...) {});
}

GameChecker::GameChecker(const AnyGame& game, const GamesView& games)
    : game_(&game),
      games_(&games),
      choices_(game.info()),
      legal_(static_cast<std::size_t>(
          std::max(game.info().num_actions, game.info().max_chance_outcomes))) {}

AnyState GameChecker::parsed(std::string_view text) const {
    const std::align_val_t alignment{game_->info().state_alignment};
    const auto free = [&](void* p) { ::operator delete(p, alignment); };
    const std::unique_ptr<void, decltype(free)> memory(
        ::operator new(game_->info().state_bytes, alignment), free);
    game_->construct_parsed(memory.get(), text);
    const auto destroy = [&](void* p) { game_->destroy(p); };
    const std::unique_ptr<void, decltype(destroy)> state(memory.get(), destroy);
    return AnyState(*game_, state.get());
}

AnyState GameChecker::start_of(std::size_t g) const {
    const auto& start = games_->initial_start;
    if (start.empty() || start[g + 1] == start[g]) return AnyState(*game_);
    const auto first = static_cast<std::size_t>(start[g]);
    const auto last = static_cast<std::size_t>(start[g + 1]);
    try {
        return parsed(games_->initial_text.substr(first, last - first));
    } catch (const std::invalid_argument& e) {
        throw RecordError("game " + std::to_string(g) + ": start position: " + e.what());
    }
}

void GameChecker::fail(std::size_t g, std::size_t ply, const AnyState& state,
                       const std::string& what) const {
    throw ply_error(g, static_cast<std::int64_t>(ply) - games_->game_start[g], what,
                    game_->text(state.get()));
}

Position GameChecker::look(const AnyState& state) {
    // A policy has as many entries as there are actions: looked up, not searched for.
    for (const Action a : choices_.actions()) legal_[static_cast<std::size_t>(a)] = 0;
    const Position position = game_->look(state.get(), choices_);
    for (const Action a : choices_.actions()) legal_[static_cast<std::size_t>(a)] = 1;
    return position;
}

Position GameChecker::check_ply(std::size_t g, std::size_t ply, const AnyState& state) {
    const Position position = look(state);
    if (position.terminal) fail(g, ply, state, "a move after the end of the game");
    const Action action = games_->action[ply];
    if (!is_legal(action)) fail(g, ply, state, "illegal action " + std::to_string(action));
    const std::uint8_t flags = games_->ply_flags[ply];
    if (const char* error = flags_error(flags, position.chance))
        fail(g, ply, state, "flags " + std::to_string(flags) + " (" + error + ")");
    if (!games_->policy_start.empty()) {
        Action previous = -1;
        for (auto k = games_->policy_start[ply]; k < games_->policy_start[ply + 1]; ++k) {
            const Action a = games_->policy_action[static_cast<std::size_t>(k)];
            if (a <= previous || !is_legal(a))
                fail(g, ply, state,
                     "policy action " + std::to_string(a) + " after " + std::to_string(previous) +
                         " (illegal or unsorted)");
            previous = a;
        }
    }
    return position;
}

void GameChecker::check_end(std::size_t g, const AnyState& state) {
    const Position last = look(state);
    returns_.clear();
    if (last.terminal)
        game_->returns(state.get(), returns_);
    else
        returns_.assign(static_cast<std::size_t>(game_->info().num_players), 0.0f);
    check_ending(*games_, g, last_position(last.terminal, last.length_bound), returns_,
                 game_->text(state.get()));
}

}  // namespace zerofleet::selfplay
