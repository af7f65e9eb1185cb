// The Python face of the compiled games: one class for the rules of any of them, one for a state.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "bind/arrays.h"
#include "bind/game_face.h"
#include "bind/module.h"
#include "games/registry.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

using GamePtr = std::shared_ptr<const GameFace>;
using StatePtr = std::unique_ptr<StateFace>;

void check_range(const GameFace& game, const char* what, std::int64_t value, int end) {
    if (value < 0 || value >= end)
        throw std::invalid_argument(game.name() + ": " + what + " " + std::to_string(value) +
                                    "; expected 0.." + std::to_string(end - 1));
}

/// Actions of players, or outcomes at chance nodes.
int num_choices(const StateFace& s) {
    const GameFacts& facts = s.game().facts();
    return s.is_chance() ? facts.max_chance_outcomes : facts.num_actions;
}

void check_legal(const StateFace& s, std::int64_t action) {
    const int end = num_choices(s);
    const bool in_range = action >= 0 && action < end;
    if (in_range && s.is_legal(static_cast<Action>(action))) return;
    std::string what =
        s.game().name() + (s.is_chance() ? ": outcome " : ": action ") + std::to_string(action);
    what += in_range ? " (" + s.action_to_text(static_cast<Action>(action)) + ")"
                     : " (expected 0.." + std::to_string(end - 1) + ")";
    throw std::invalid_argument(what + " is not legal in " + s.text() +
                                (s.is_terminal() ? "; the game is over" : ""));
}

void check_same_game(const GameFace& game, const StateFace& s) {
    if (!(s.game().facts().options == game.facts().options))
        throw std::invalid_argument("a state of " + s.game().facts().options.spec() +
                                    " was given to " + game.facts().options.spec());
}

std::vector<std::tuple<int, double>> chance_outcomes(const StateFace& s) {
    if (!s.is_chance())
        throw std::invalid_argument(s.game().name() + ": " +
                                    (s.game().facts().max_chance_outcomes > 0
                                         ? "nature does not move in " + s.text()
                                         : "this game has no chance nodes"));
    std::vector<std::tuple<int, double>> out;
    for (const ChanceOutcome& o : s.chance_outcomes()) out.emplace_back(o.action, o.probability);
    return out;
}

std::vector<double> returns(const StateFace& s) {
    if (!s.is_terminal())
        throw std::invalid_argument(s.game().name() +
                                    ": returns() of a game that is not over: " + s.text());
    const auto r = s.returns();
    return {r.begin(), r.end()};
}

/// (planes float32 [C, H, W], scalars float32 [S])
std::pair<NewArray<float>, NewArray<float>> observe(const StateFace& s) {
    const GameFacts& f = s.game().facts();
    auto size = [](int n) { return static_cast<std::size_t>(n); };
    auto [planes, plane_data] = make_array<float>({size(f.num_planes), size(f.rows), size(f.cols)});
    auto [scalars, scalar_data] = make_array<float>({size(f.num_scalars)});
    s.observe(plane_data, scalar_data);
    return {planes, scalars};
}

NewArray<std::uint8_t> pack(const StateFace& s) {
    auto [array, data] =
        make_array<std::uint8_t>({static_cast<std::size_t>(s.game().facts().packed_bytes)});
    s.pack(data);
    return array;
}

NewArray<std::uint8_t> pack_states(const GameFace& game, const nb::sequence& states) {
    const auto bytes = static_cast<std::size_t>(game.facts().packed_bytes);
    auto [array, data] = make_array<std::uint8_t>({nb::len(states), bytes});
    std::size_t row = 0;
    for (const nb::handle item : states) {
        const StateFace* s = nullptr;
        if (!nb::try_cast<const StateFace*>(item, s) || s == nullptr)
            throw nb::type_error(("expected a state of " + game.facts().options.spec() + ", got " +
                                  nb::cast<std::string>(nb::repr(item)))
                                     .c_str());
        check_same_game(game, *s);
        s->pack(data + row++ * bytes);
    }
    return array;
}

StatePtr unpack(const GameFace& game, ConstArray<std::uint8_t, 1> packed) {
    const auto bytes = static_cast<std::size_t>(game.facts().packed_bytes);
    if (packed.shape(0) != bytes)
        throw std::invalid_argument(game.name() + ": packed position of " +
                                    std::to_string(packed.shape(0)) + " bytes; expected " +
                                    std::to_string(bytes));
    return game.unpack(packed.data());
}

using Options = nb::typed<nb::dict, nb::str, nb::any>;

Options options(const GameFace& game) {
    Options out;
    for (const auto& [option, value] : game.facts().options.values()) {
        const nb::str name(option.name.data(), option.name.size());
        if (is_whole(option))
            out[name] = static_cast<int>(value);
        else
            out[name] = value;
    }
    return out;
}

/// Pickles rebuild a game from its spec and a state from its text, by Python functions: the core's
/// own cannot be pickled.
nb::object from_registry(const char* function) {
    return nb::module_::import_("zerofleet.games.registry").attr(function);
}

void bind_state(nb::module_& m) {
    nb::class_<StateFace>(
        m, "State",
        "A position of a compiled game. Changed by `apply`; `copy` branches. Not hashable by "
        "Python because it changes: use `.hash` as a key.")
        .def_prop_ro(
            "game",
            [](const StateFace& s) { return std::const_pointer_cast<GameFace>(s.shared_game()); },
            "The rules.")
        .def_prop_ro("to_play", &StateFace::to_play,
                     "Player whose move it is, 0 or 1; -1 if nature moves; without meaning at the "
                     "end.")
        .def_prop_ro("is_terminal", &StateFace::is_terminal, "True once the game is over.")
        .def_prop_ro("at_length_bound", &StateFace::at_length_bound,
                     "True if the rules ended the game for its length and nothing else did.")
        .def_prop_ro("is_chance", &StateFace::is_chance,
                     "True if nature moves next: the legal actions are then the outcomes.")
        .def("legal_actions", &StateFace::sorted_actions,
             "Legal actions in ascending order; empty only at the end.")
        .def(
            "chance_outcomes", &chance_outcomes,
            "(outcome, probability) of each outcome of a chance node, ascending. Raises ValueError "
            "elsewhere.")
        .def(
            "apply",
            [](StateFace& s, std::int64_t action) {
                check_legal(s, action);
                s.apply(static_cast<Action>(action));
            },
            "action"_a,
            "Plays the action, or at a chance node the outcome, on this state. Raises ValueError, "
            "naming action and position, if it is not legal; the state is then unchanged.")
        .def("returns", &returns,
             "One number per player, index = player: in [-1, 1] with sum 0 for two players, the "
             "score for one. Raises ValueError before the end.")
        .def(
            "observation", [](const StateFace& s) { return observe(s).first; },
            "float32 [C, H, W] of zeros and ones from the mover's view; the page of the game lists "
            "the planes.")
        .def(
            "scalars", [](const StateFace& s) { return observe(s).second; },
            "float32 [S], the part of the observation that is not planes, from the mover's view.")
        .def("pack", &pack, "uint8 [game.packed_bytes], the position as windows and files keep it.")
        .def("copy", &StateFace::clone, "An independent copy.")
        .def("__copy__", &StateFace::clone)
        .def(
            "__deepcopy__", [](const StateFace& s, nb::handle) { return s.clone(); }, "memo"_a)
        .def_prop_ro("hash", &StateFace::hash,
                     "64 bits; equal states have equal hashes whatever the path to them.")
        .def(
            "transformed",
            [](const StateFace& s, int symmetry) {
                check_range(s.game(), "symmetry", symmetry, s.game().facts().num_symmetries);
                return s.transformed(symmetry);
            },
            "symmetry"_a, "The image under symmetry 0 .. game.symmetries - 1; 0 is the identity.")
        .def("text", &StateFace::text, "The position on one line; `game.parse` reads it.")
        .def("__str__", &StateFace::pretty)
        .def("__repr__",
             [](const StateFace& s) {
                 return "<" + s.game().facts().options.spec() + " \"" + s.text() + "\">";
             })
        .def(
            "__eq__", [](const StateFace& s, const StateFace& other) { return s.equals(other); },
            nb::is_operator(), nb::sig("def __eq__(self, other: object, /) -> bool"))
        .def(
            "__ne__", [](const StateFace& s, const StateFace& other) { return !s.equals(other); },
            nb::is_operator(), nb::sig("def __ne__(self, other: object, /) -> bool"))
        .def("__hash__",
             [](const StateFace&) -> std::int64_t {
                 throw nb::type_error("a state changes and has no Python hash; use .hash as a key");
             })
        .def("__reduce__", [](const StateFace& s) {
            return nb::make_tuple(from_registry("parse_state"),
                                  nb::make_tuple(s.game().facts().options.spec(), s.text()));
        });
}

void bind_game(nb::module_& m) {
    auto fact = [](auto member) {
        return [member](const GameFace& game) { return game.facts().*member; };
    };
    nb::class_<GameFace>(m, "Game",
                         "The rules of a compiled game; states come from `initial_state` and "
                         "`parse`.")
        .def_prop_ro("name", &GameFace::name, "The name without options, \"go\".")
        .def_prop_ro(
            "spec", [](const GameFace& game) { return game.facts().options.spec(); },
            "The canonical text of name and options, \"go(size=9)\"; `load_game` accepts it.")
        .def_prop_ro("options", &options, "Every option of the game with its value.")
        .def_prop_ro("num_actions", fact(&GameFacts::num_actions),
                     "Actions are 0 .. num_actions - 1.")
        .def_prop_ro("max_chance_outcomes", fact(&GameFacts::max_chance_outcomes),
                     "Outcomes are 0 .. max_chance_outcomes - 1, a numbering of their own; 0 for "
                     "games without chance.")
        .def_prop_ro("num_players", fact(&GameFacts::num_players), "1 or 2.")
        .def_prop_ro("max_plies", fact(&GameFacts::max_plies),
                     "No game is longer, outcomes included.")
        .def_prop_ro(
            "observation_shape",
            [](const GameFace& game) {
                const GameFacts& f = game.facts();
                return std::tuple<int, int, int>(f.num_planes, f.rows, f.cols);
            },
            "(C, H, W) of `state.observation()`.")
        .def_prop_ro("num_scalars", fact(&GameFacts::num_scalars), "Length of `state.scalars()`.")
        .def_prop_ro(
            "score_scalar",
            [](const GameFace& game) {
                const int scalar = game.facts().score_scalar;
                return scalar < 0 ? std::optional<int>() : scalar;
            },
            "The scalar that holds `search_value` of the score reached so far; None if there is "
            "none.")
        .def_prop_ro("symmetries", fact(&GameFacts::num_symmetries),
                     "Number of symmetries, the identity (0) included.")
        .def_prop_ro("packed_bytes", fact(&GameFacts::packed_bytes), "Length of `state.pack()`.")
        .def("initial_state", &GameFace::initial_state, "A new state at the start of the game.")
        .def("parse", &GameFace::parse, "text"_a,
             "The state of `state.text()`. Raises ValueError saying what was expected.")
        .def("unpack", &unpack, "packed"_a,
             "The state of uint8 [packed_bytes]. Raises ValueError if there is none.")
        .def("pack_states", &pack_states, "states"_a, "uint8 [N, packed_bytes] of many states.")
        .def(
            "action_to_text",
            [](const GameFace& game, const StateFace& s, std::int64_t action) {
                check_same_game(game, s);
                check_range(game, s.is_chance() ? "outcome" : "action", action, num_choices(s));
                return s.action_to_text(static_cast<Action>(action));
            },
            "state"_a, "action"_a,
            "How people write the action, e.g. \"e5\"; the outcome where nature moves.")
        .def(
            "action_from_text",
            [](const GameFace& game, const StateFace& s, std::string_view text) {
                check_same_game(game, s);
                return s.action_from_text(text);
            },
            "state"_a, "text"_a, "The reverse. Raises ValueError unless it names a legal action.")
        .def(
            "transform_action",
            [](const GameFace& game, std::int64_t action, int symmetry) {
                check_range(game, "action", action, game.facts().num_actions);
                check_range(game, "symmetry", symmetry, game.facts().num_symmetries);
                return game.transform_action(static_cast<Action>(action), symmetry);
            },
            "action"_a, "symmetry"_a,
            "The action that means in `state.transformed(symmetry)` what `action` means in "
            "`state`.")
        .def(
            "transform_outcome",
            [](const GameFace& game, std::int64_t outcome, int symmetry) {
                check_range(game, "outcome", outcome, game.facts().max_chance_outcomes);
                check_range(game, "symmetry", symmetry, game.facts().num_symmetries);
                return game.transform_outcome(static_cast<Action>(outcome), symmetry);
            },
            "outcome"_a, "symmetry"_a, "The same for outcomes of chance nodes.")
        .def("search_value", &GameFace::search_value, "result"_a,
             "A return on the scale of values in search, [-1, 1]: the same number in games of two, "
             "a rising map of the score in games of one.")
        .def(
            "perft",
            [](const GameFace& game, int depth, const StateFace* state) {
                if (depth < 0) throw std::invalid_argument("perft: depth must not be negative");
                if (state == nullptr) return game.initial_state()->perft(depth);
                check_same_game(game, *state);
                return state->perft(depth);
            },
            "depth"_a, "state"_a.none() = nb::none(), nb::call_guard<nb::gil_scoped_release>(),
            "Number of sequences of exactly `depth` plies from `state` (default: the start), "
            "outcomes of chance nodes included.")
        .def("__repr__",
             [](const GameFace& game) { return "<game " + game.facts().options.spec() + ">"; })
        .def(
            "__eq__",
            [](const GameFace& game, const GameFace& other) {
                return game.facts().options == other.facts().options;
            },
            nb::is_operator(), nb::sig("def __eq__(self, other: object, /) -> bool"))
        .def("__hash__",
             [](const GameFace& game) {
                 return std::hash<std::string>{}(game.facts().options.spec());
             })
        .def("__reduce__", [](const GameFace& game) {
            return nb::make_tuple(from_registry("load_game"),
                                  nb::make_tuple(game.facts().options.spec()));
        });
}

}  // namespace

void bind_games(nb::module_& m) {
    bind_game(m);
    bind_state(m);
    m.def("game_names", &game_names, "Names of the compiled games.");
    m.def(
        "load_game",
        // nanobind counts references to objects it may change.
        [](std::string_view spec) {
            return std::const_pointer_cast<GameFace>(load_game_face(spec));
        },
        "spec"_a,
        "A compiled game by name or by name and options, \"go(komi=7.5,size=9)\". Raises "
        "ValueError naming the known games or options and the nearest one, or the values.");
}

}  // namespace zerofleet::bind
