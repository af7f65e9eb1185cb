#include "selfplay/check_games.h"

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace zerofleet::selfplay {

namespace {

AnyState parsed(const AnyGame& game, std::string_view text) {
    const std::align_val_t alignment{game.info().state_alignment};
    const auto free = [&](void* p) { ::operator delete(p, alignment); };
    const std::unique_ptr<void, decltype(free)> memory(
        ::operator new(game.info().state_bytes, alignment), free);
    game.construct_parsed(memory.get(), text);
    const auto destroy = [&](void* p) { game.destroy(p); };
    const std::unique_ptr<void, decltype(destroy)> state(memory.get(), destroy);
    return AnyState(game, state.get());
}

AnyState start_of(const AnyGame& game, const GamesView& games, std::size_t g) {
    if (games.initial_start.empty() || games.initial_start[g + 1] == games.initial_start[g])
        return AnyState(game);
    const auto first = static_cast<std::size_t>(games.initial_start[g]);
    const auto last = static_cast<std::size_t>(games.initial_start[g + 1]);
    try {
        return parsed(game, games.initial_text.substr(first, last - first));
    } catch (const std::invalid_argument& e) {
        throw RecordError("game " + std::to_string(g) + ": start position: " + e.what());
    }
}

}  // namespace

void check_games(const AnyGame& game, const GamesView& games) {
    const auto num_players = static_cast<std::size_t>(game.info().num_players);
    check_sizes(games, game.info().num_players);
    Choices choices(game.info());
    const auto is_legal = [&](Action action) {
        const auto actions = choices.actions();
        return std::find(actions.begin(), actions.end(), action) != actions.end();
    };
    for (std::size_t g = 0; g < games.num_games(); ++g) {
        AnyState state = start_of(game, games, g);
        for (std::int64_t i = games.game_start[g]; i < games.game_start[g + 1]; ++i) {
            const auto ply = static_cast<std::size_t>(i);
            const auto fail = [&](const std::string& what) {
                throw ply_error(g, i - games.game_start[g], what, game.text(state.get()));
            };
            const Position position = game.look(state.get(), choices);
            if (position.terminal) fail("a move after the end of the game");
            if (!is_legal(games.action[ply]))
                fail("illegal action " + std::to_string(games.action[ply]));
            const std::uint8_t flags = games.ply_flags[ply];
            if (const char* error = flags_error(flags, position.chance))
                fail("flags " + std::to_string(flags) + " (" + error + ")");
            Action previous = -1;
            if (!games.policy_start.empty())
                for (auto k = games.policy_start[ply]; k < games.policy_start[ply + 1]; ++k) {
                    const Action a = games.policy_action[static_cast<std::size_t>(k)];
                    if (a <= previous || !is_legal(a))
                        fail("policy action " + std::to_string(a) + " after " +
                             std::to_string(previous) + " (illegal or unsorted)");
                    previous = a;
                }
            state.apply(games.action[ply]);
        }
        const bool over = game.look(state.get(), choices).terminal;
        std::vector<float> returns;
        if (over)
            game.returns(state.get(), returns);
        else
            returns.assign(num_players, 0.0f);
        check_ending(games, g, over, returns, game.text(state.get()));
    }
}

}  // namespace zerofleet::selfplay
