// The compiled games, and the one place where the text that names a game becomes a type.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "games/chess/chess.h"
#include "games/connect_four.h"
#include "games/game.h"
#include "games/go/go.h"
#include "games/options.h"
#include "games/othello.h"
#include "games/tic_tac_toe.h"
#include "games/twenty48.h"
#include "games/ultimate_ttt.h"

namespace zerofleet {

template <GameType... Games>
struct GameList {};

/// Every compiled game. Adding one is its header and its name here. A game with sizes has a type
/// for each; they share the name and the declared options.
using AllGames =
    GameList<TicTacToe, ConnectFour, UltimateTtt, Chess, Othello<8>, Othello<6>, Twenty48<4>,
             Twenty48<2>, Twenty48<3>, Twenty48<5>, Go<5>, Go<6>, Go<7>, Go<8>, Go<9>, Go<10>,
             Go<11>, Go<12>, Go<13>, Go<14>, Go<15>, Go<16>, Go<17>, Go<18>, Go<19>>;

/// Names of all compiled games, in the order of AllGames.
std::vector<std::string> game_names();

/// The game and the options that a text such as `go(size=9)` names. Throws std::invalid_argument:
/// an unknown game or option names the nearest known one, a bad value the range.
GameOptions parse_game_spec(std::string_view spec);

namespace detail {
[[noreturn]] void throw_not_compiled(const GameOptions& options);

/// True if this type plays the game with these options.
template <class G>
bool plays(const GameOptions& options) {
    if (options.game() != G::kName) return false;
    for (const FixedOption& fixed : fixed_options<G>())
        if (options.number(fixed.name) != fixed.value) return false;
    return true;
}

template <class G, class F>
decltype(auto) call_with_game(const GameOptions& options, F&& f) {
    if constexpr (requires { f.template operator()<G>(options); })
        return std::forward<F>(f).template operator()<G>(options);
    else
        return std::forward<F>(f).template operator()<G>();
}

template <class F, class First, class... Rest>
decltype(auto) with_game_of(GameList<First, Rest...>, const GameOptions& options, F&& f) {
    if (plays<First>(options)) return call_with_game<First>(options, std::forward<F>(f));
    if constexpr (sizeof...(Rest) > 0)
        return with_game_of(GameList<Rest...>{}, options, std::forward<F>(f));
    else
        throw_not_compiled(options);
}

template <class F, class... Games>
void for_each_game_of(GameList<Games...>, F&& f) {
    (f.template operator()<Games>(), ...);
}
}  // namespace detail

/// Calls `f.template operator()<Game>(options)`, or `<Game>()` where f takes no options, for the
/// game that a text names, and returns its result, which has one type for all games:
/// `with_game("othello(size=6)", [&]<class Game>() { return Game::kNumActions; })`.
/// Throws as `parse_game_spec` does.
template <class F>
decltype(auto) with_game(std::string_view spec, F&& f) {
    return detail::with_game_of(AllGames{}, parse_game_spec(spec), std::forward<F>(f));
}

/// Calls `f.template operator()<Game>()` for every compiled type.
template <class F>
void for_each_game(F&& f) {
    detail::for_each_game_of(AllGames{}, std::forward<F>(f));
}

}  // namespace zerofleet
