// The compiled games, and the one place where a game's name becomes a type.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "games/connect_four.h"
#include "games/game.h"
#include "games/tic_tac_toe.h"
#include "games/ultimate_ttt.h"

namespace zerofleet {

template <GameType... Games>
struct GameList {};

/// Every compiled game. Adding one is its header and its name here.
using AllGames = GameList<TicTacToe, ConnectFour, UltimateTtt>;

/// Names of all compiled games, in the order of AllGames.
std::vector<std::string> game_names();

/// `unknown game "conect_four"; did you mean "connect_four"? known games: ...`
std::string unknown_game_message(std::string_view name);

namespace detail {
[[noreturn]] void throw_unknown_game(std::string_view name);

template <class F, class First, class... Rest>
decltype(auto) with_game_of(GameList<First, Rest...>, std::string_view name, F&& f) {
    if (name == First::kName) return std::forward<F>(f).template operator()<First>();
    if constexpr (sizeof...(Rest) > 0)
        return with_game_of(GameList<Rest...>{}, name, std::forward<F>(f));
    else
        throw_unknown_game(name);
}

template <class F, class... Games>
void for_each_game_of(GameList<Games...>, F&& f) {
    (f.template operator()<Games>(), ...);
}
}  // namespace detail

/// Calls `f.template operator()<Game>()` for the game of this name and returns its result, which
/// has one type for all games: `with_game(name, [&]<class Game>() { return Game::kNumActions; })`.
/// Throws std::invalid_argument naming the known games and the nearest one.
template <class F>
decltype(auto) with_game(std::string_view name, F&& f) {
    return detail::with_game_of(AllGames{}, name, std::forward<F>(f));
}

/// Calls `f.template operator()<Game>()` for every game.
template <class F>
void for_each_game(F&& f) {
    detail::for_each_game_of(AllGames{}, std::forward<F>(f));
}

}  // namespace zerofleet
