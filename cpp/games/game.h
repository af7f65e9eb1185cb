// The contract every game of the core satisfies. Searches and self-play are templates over it.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fixed_list.h"

namespace zerofleet {

using Action = std::int32_t;

/// One number per player, in [-1, 1] for two-player zero-sum games; index = player.
template <int NumPlayers>
using Returns = std::array<float, NumPlayers>;

/// One of the things nature may do at a chance node. Outcomes are numbered on their own, from 0 to
/// G::kMaxChanceOutcomes - 1; kNumActions counts the players' actions only.
struct ChanceOutcome {
    Action action;
    float probability;
};

/// G::kMaxChanceOutcomes, or 0 for games without chance, which need not say so.
template <class G>
constexpr int max_chance_outcomes() {
    if constexpr (requires { G::kMaxChanceOutcomes; })
        return G::kMaxChanceOutcomes;
    else
        return 0;
}

/// A game is a type of constants and static functions; `Game::State` is the small copyable value
/// that is searched. Copying a state is how search branches; there is no undo.
///
/// Not part of the concept because only some games have them: chance (`State::is_chance`), NNUE
/// features (nnue/features.h), and `Game::wins_locally` (alpha-beta quiescence).
template <class G>
concept GameType = requires(typename G::State s, const typename G::State c, Action a, int sym,
                            FixedList<Action, G::kMaxLegalActions>& out, std::uint8_t* planes,
                            float* scalars, std::string_view text) {
    requires std::copyable<typename G::State>;
    { G::kName } -> std::convertible_to<std::string_view>;
    { G::kNumActions } -> std::convertible_to<int>;
    { G::kNumPlayers } -> std::convertible_to<int>;
    { G::kMaxLegalActions } -> std::convertible_to<int>;  // largest number at any state
    { G::kMaxPlies } -> std::convertible_to<int>;         // no game is longer
    { G::kNumPlanes } -> std::convertible_to<int>;        // observation: binary planes ...
    { G::kNumScalars } -> std::convertible_to<int>;       // ... and real numbers
    { G::kRows } -> std::convertible_to<int>;
    { G::kCols } -> std::convertible_to<int>;
    { G::kNumSymmetries } -> std::convertible_to<int>;  // symmetry 0 is the identity
    { c.to_play() } -> std::same_as<int>;               // 0 or 1; unspecified at the end
    { c.is_terminal() } -> std::same_as<bool>;
    { c.returns() } -> std::same_as<Returns<G::kNumPlayers>>;  // terminal states only
    c.legal_actions(out);                         // appends; any fixed order; nothing iff terminal
    { c.is_legal(a) } -> std::same_as<bool>;      // any integer may be asked
    s.apply(a);                                   // precondition: a is legal
    { c.hash() } -> std::same_as<std::uint64_t>;  // equal states, equal hashes, whatever the path
    { c == c } -> std::same_as<bool>;
    // Bit-packed planes from the mover's view: kNumPlanes * ceil(rows * cols / 8) bytes, cell i of
    // a plane (row-major) at bit i % 8 of byte i / 8; kNumScalars floats.
    c.observe(planes, scalars);
    { c.transformed(sym) } -> std::same_as<typename G::State>;
    { G::transform_action(a, sym) } -> std::same_as<Action>;  // legal after `transformed(sym)`
    // The state in kPackedBytes bytes, for windows and files; each game's header draws its layout.
    { G::kPackedBytes } -> std::convertible_to<int>;
    c.pack(planes);
    { G::State::unpack(planes) } -> std::same_as<typename G::State>;  // throws invalid_argument
    { c.text() } -> std::same_as<std::string>;                        // parse(text()) == state
    { c.pretty() } -> std::same_as<std::string>;                      // several lines, for people
    { G::parse(text) } -> std::same_as<typename G::State>;  // throws std::invalid_argument
    { G::action_to_text(c, a) } -> std::same_as<std::string>;
    { G::action_from_text(c, text) } -> std::same_as<Action>;  // throws std::invalid_argument
};

template <class G>
using LegalActions = FixedList<Action, G::kMaxLegalActions>;

}  // namespace zerofleet
