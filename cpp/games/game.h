// The contract every game of the core satisfies. Searches and self-play are templates over it.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fixed_list.h"
#include "games/options.h"

namespace zerofleet {

using Action = std::int32_t;

/// One number per player; index = player. Two players: in [-1, 1], zero-sum. One player: the score,
/// any finite number.
template <int NumPlayers>
using Returns = std::array<float, NumPlayers>;

/// One thing nature may do at a chance node.
struct ChanceOutcome {
    Action action;
    float probability;
};

/// `to_play` of a state in which nature moves.
constexpr int kChancePlayer = -1;

/// G::kMaxChanceOutcomes, or 0 for games without chance. Outcomes are numbered on their own, from
/// 0; kNumActions counts the players' actions only.
template <class G>
constexpr int max_chance_outcomes() {
    if constexpr (requires { G::kMaxChanceOutcomes; })
        return G::kMaxChanceOutcomes;
    else
        return 0;
}

template <class G>
using ChanceOutcomes = FixedList<ChanceOutcome, std::max(1, max_chance_outcomes<G>())>;

/// What `State::legal_actions` of any state fits in; at chance nodes these are the outcomes.
template <class G>
using LegalActions =
    FixedList<Action, std::max(int{G::kMaxLegalActions}, max_chance_outcomes<G>())>;

/// A game is a type of constants and static functions; `Game::State` is the small copyable value
/// that is searched. Copying a state is how search branches; there is no undo.
///
/// `State{}` is the start of the game with standard options. Not part of the concept, because only
/// some games have them; the functions below the concept fill in for the others:
///
///   kOptions, kFixedOptions         the options and those that this type fixes (games/options.h)
///   initial_state(options)          where options are more than the choice of a type
///   parse(text, options)            the same for texts
///   unpack(packed, options)         the same for packed bytes
///   kMaxChanceOutcomes, State::is_chance(), State::chance_outcomes(out), transform_outcome(a, sym)
///                                   games with chance; out appends to a ChanceOutcomes<G>.
///                                   At chance nodes to_play() is kChancePlayer and apply() takes
///                                   an outcome
///   search_value(score)             one player: a rising map of scores to [-1, 1]
///   kScoreScalar                    one player: the scalar that holds search_value of the score so
///                                   far, at most that of any score still to come
///   State::at_length_bound()        where the rules end a game for its length: true if they did so
///                                   here and nothing else ended it
///   State::random_action(rng)       where picking is cheaper than listing (games/play.h)
///   State::sorted_legal_actions(out)  where that is cheaper than sorting the list
///   State::apply_path(actions)      where playing many is cheaper than one by one; only the last
///                                   one may end the game
///   perft(state, depth)             where counting is cheaper than walking (games/play.h)
///
/// NNUE features are in nnue/features.h, what alpha-beta needs in search/tactics.h.
template <class G>
concept GameType =
    requires(typename G::State s, const typename G::State c, Action a, int sym,
             LegalActions<G>& out, std::uint8_t* planes, float* scalars, std::string_view text) {
        requires std::copyable<typename G::State>;
        { G::kName } -> std::convertible_to<std::string_view>;
        { G::kNumActions } -> std::convertible_to<int>;
        { G::kNumPlayers } -> std::convertible_to<int>;
        { G::kMaxLegalActions } -> std::convertible_to<int>;  // largest number for a player
        { G::kMaxPlies } -> std::convertible_to<int>;         // no game is longer
        { G::kNumPlanes } -> std::convertible_to<int>;        // observation: binary planes ...
        { G::kNumScalars } -> std::convertible_to<int>;       // ... and real numbers
        { G::kRows } -> std::convertible_to<int>;
        { G::kCols } -> std::convertible_to<int>;
        { G::kNumSymmetries } -> std::convertible_to<int>;  // symmetry 0 is the identity
        { c.to_play() } -> std::same_as<int>;  // 0, 1 or kChancePlayer; unspecified at the end
        { c.is_terminal() } -> std::same_as<bool>;
        { c.returns() } -> std::same_as<Returns<G::kNumPlayers>>;  // terminal states only
        c.legal_actions(out);                     // appends; any fixed order; nothing iff terminal
        { c.is_legal(a) } -> std::same_as<bool>;  // any integer may be asked
        s.apply(a);                               // precondition: a is legal
        {
            c.hash()
        } -> std::same_as<std::uint64_t>;  // equal states, equal hashes, whatever the path
        { c == c } -> std::same_as<bool>;
        // Bit-packed planes from the mover's view: kNumPlanes * ceil(rows * cols / 8) bytes, cell i
        // of a plane (row-major) at bit i % 8 of byte i / 8; kNumScalars floats.
        c.observe(planes, scalars);
        { c.transformed(sym) } -> std::same_as<typename G::State>;
        { G::transform_action(a, sym) } -> std::same_as<Action>;  // legal after `transformed(sym)`
        // The state in kPackedBytes bytes, for windows and files; each game's header draws its
        // layout.
        { G::kPackedBytes } -> std::convertible_to<int>;
        c.pack(planes);
        { G::State::unpack(planes) } -> std::same_as<typename G::State>;  // throws invalid_argument
        { c.text() } -> std::same_as<std::string>;                        // parse(text()) == state
        { c.pretty() } -> std::same_as<std::string>;            // several lines, for people
        { G::parse(text) } -> std::same_as<typename G::State>;  // throws std::invalid_argument
        { G::action_to_text(c, a) } -> std::same_as<std::string>;
        { G::action_from_text(c, text) } -> std::same_as<Action>;  // throws std::invalid_argument
    };

/// The options a game declares, ascending by name.
template <class G>
constexpr std::span<const GameOption> declared_options() {
    if constexpr (requires { G::kOptions; })
        return G::kOptions;
    else
        return {};
}

/// The options whose value this type of the game fixes.
template <class G>
constexpr std::span<const FixedOption> fixed_options() {
    if constexpr (requires { G::kFixedOptions; })
        return G::kFixedOptions;
    else
        return {};
}

/// The options that select this type, all others standard.
template <class G>
GameOptions options_of() {
    GameOptions options(G::kName, declared_options<G>());
    for (const FixedOption& fixed : fixed_options<G>()) options.set(fixed.name, fixed.value);
    return options;
}

/// The start of the game.
template <GameType G>
typename G::State initial_state(const GameOptions& options) {
    if constexpr (requires { G::initial_state(options); })
        return G::initial_state(options);
    else
        return {};
}

/// The state of a text. Throws std::invalid_argument.
template <GameType G>
typename G::State parse_state(std::string_view text, const GameOptions& options) {
    if constexpr (requires { G::parse(text, options); })
        return G::parse(text, options);
    else
        return G::parse(text);
}

/// The state of kPackedBytes packed bytes. Throws std::invalid_argument.
template <GameType G>
typename G::State unpack_state(const std::uint8_t* packed, const GameOptions& options) {
    if constexpr (requires { G::unpack(packed, options); })
        return G::unpack(packed, options);
    else
        return G::State::unpack(packed);
}

/// True if nature moves next.
template <class State>
bool is_chance(const State& state) {
    if constexpr (requires { state.is_chance(); })
        return state.is_chance();
    else
        return false;
}

/// True if a finished game was ended for its length alone, by the rules.
template <class State>
bool at_length_bound(const State& state) {
    if constexpr (requires { state.at_length_bound(); })
        return state.at_length_bound();
    else
        return false;
}

/// Appends the outcomes of a chance node; their probabilities sum to 1.
template <GameType G>
void chance_outcomes(const typename G::State& state, ChanceOutcomes<G>& out) {
    if constexpr (max_chance_outcomes<G>() > 0) state.chance_outcomes(out);
}

/// The outcome that means in `transformed(sym)` what `outcome` means here.
template <GameType G>
Action transform_outcome(Action outcome, int sym) {
    if constexpr (max_chance_outcomes<G>() > 0)
        return G::transform_outcome(outcome, sym);
    else
        return outcome;
}

/// G::kScoreScalar, or -1 for games without one.
template <class G>
constexpr int score_scalar() {
    if constexpr (requires { G::kScoreScalar; })
        return G::kScoreScalar;
    else
        return -1;
}

/// A result on the one scale of values in search, [-1, 1].
template <class G>
float search_value(float result) {
    if constexpr (requires { G::search_value(result); })
        return G::search_value(result);
    else
        return result;
}

}  // namespace zerofleet
