// The Python face of the compiled games: for each game a class of the game and one of its states.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "bind/arrays.h"
#include "bind/module.h"
#include "games/play.h"
#include "games/registry.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

/// What `load_game` returns. The rules are static; the object only carries the name into Python.
template <class G>
struct GameHandle {};

template <GameType G>
std::vector<Action> sorted_legal_actions(const typename G::State& s) {
    LegalActions<G> actions;
    s.legal_actions(actions);
    std::vector<Action> out(actions.begin(), actions.end());
    std::sort(out.begin(), out.end());
    return out;
}

template <GameType G>
void check_legal(const typename G::State& s, std::int64_t action) {
    if (action >= 0 && action < G::kNumActions && s.is_legal(static_cast<Action>(action))) return;
    std::string what = std::string(G::kName) + ": action " + std::to_string(action);
    if (action >= 0 && action < G::kNumActions)
        what += " (" + G::action_to_text(s, static_cast<Action>(action)) + ")";
    else
        what += " (expected 0.." + std::to_string(G::kNumActions - 1) + ")";
    throw std::invalid_argument(what + " is not legal in " + s.text() +
                                (s.is_terminal() ? "; the game is over" : ""));
}

template <GameType G>
void check_action_range(std::int64_t action) {
    if (action < 0 || action >= G::kNumActions)
        throw std::invalid_argument(std::string(G::kName) + ": action " + std::to_string(action) +
                                    "; expected 0.." + std::to_string(G::kNumActions - 1));
}

template <GameType G>
void check_symmetry(int symmetry) {
    if (symmetry < 0 || symmetry >= G::kNumSymmetries)
        throw std::invalid_argument(std::string(G::kName) + ": symmetry " +
                                    std::to_string(symmetry) + "; expected 0.." +
                                    std::to_string(G::kNumSymmetries - 1));
}

template <GameType G>
void observe(const typename G::State& s, float* planes_CHW, float* scalars) {
    constexpr int kCells = G::kRows * G::kCols, kPlaneBytes = (kCells + 7) / 8;
    std::array<std::uint8_t, G::kNumPlanes * kPlaneBytes> bits{};
    std::array<float, G::kNumScalars + 1> numbers{};
    s.observe(bits.data(), numbers.data());
    if (planes_CHW)
        for (int c = 0; c < G::kNumPlanes; ++c)
            for (int i = 0; i < kCells; ++i)
                planes_CHW[c * kCells + i] = bits[c * kPlaneBytes + i / 8] >> (i % 8) & 1;
    if (scalars) std::copy_n(numbers.begin(), G::kNumScalars, scalars);
}

template <GameType G>
typename G::State unpack_one(const std::uint8_t* packed) {
    try {
        return G::State::unpack(packed);
    } catch (const std::invalid_argument& e) {
        throw std::invalid_argument(std::string(G::kName) + ": bad packed position: " + e.what());
    }
}

template <GameType G>
void bind_state(nb::module_& m, const std::string& name) {
    using State = typename G::State;
    nb::class_<State> cls(m, name.c_str(),
                          "A position. Changed by `apply`; `copy` branches. Not hashable by Python "
                          "because it changes: use `.hash` as a key.");
    cls.def_prop_ro("to_play", &State::to_play,
                    "Player whose move it is, 0 or 1; without meaning at the end.")
        .def_prop_ro("is_terminal", &State::is_terminal, "True once the game is over.")
        .def_prop_ro(
            "is_chance", [](const State&) { return false; },
            "True if nature moves next; never in this game.")
        .def("legal_actions", &sorted_legal_actions<G>,
             "Legal actions in ascending order; empty only at the end.")
        .def(
            "chance_outcomes",
            [](const State&) -> std::vector<std::tuple<int, double>> {
                throw std::invalid_argument(std::string(G::kName) + " has no chance nodes");
            },
            "(action, probability) of each outcome of a chance node. Raises ValueError elsewhere.")
        .def(
            "apply",
            [](State& s, std::int64_t action) {
                check_legal<G>(s, action);
                s.apply(static_cast<Action>(action));
            },
            "action"_a,
            "Plays the action on this state. Raises ValueError, naming action and position, if it "
            "is not legal; the state is then unchanged.")
        .def(
            "returns",
            [](const State& s) {
                if (!s.is_terminal())
                    throw std::invalid_argument(
                        std::string(G::kName) +
                        ": returns() of a game that is not over: " + s.text());
                const auto r = s.returns();
                return std::vector<double>(r.begin(), r.end());
            },
            "One number per player in [-1, 1], index = player, sum 0. Raises ValueError before the "
            "end.")
        .def(
            "observation",
            [](const State& s) {
                auto [array, data] = make_array<float>({G::kNumPlanes, G::kRows, G::kCols});
                observe<G>(s, data, nullptr);
                return array;
            },
            "float32 [C, H, W] of zeros and ones from the mover's view; the page of the game lists "
            "the planes.")
        .def(
            "scalars",
            [](const State& s) {
                auto [array, data] = make_array<float>({G::kNumScalars});
                observe<G>(s, nullptr, data);
                return array;
            },
            "float32 [S], the part of the observation that is not planes, from the mover's view.")
        .def(
            "pack",
            [](const State& s) {
                auto [array, data] = make_array<std::uint8_t>({G::kPackedBytes});
                s.pack(data);
                return array;
            },
            "uint8 [game.packed_bytes], the position as windows and files keep it.")
        .def(
            "copy", [](const State& s) { return s; }, "An independent copy.")
        .def("__copy__", [](const State& s) { return s; })
        .def(
            "__deepcopy__", [](const State& s, nb::handle) { return s; }, "memo"_a)
        .def_prop_ro("hash", &State::hash,
                     "64 bits; equal states have equal hashes whatever the path to them.")
        .def(
            "transformed",
            [](const State& s, int symmetry) {
                check_symmetry<G>(symmetry);
                return s.transformed(symmetry);
            },
            "symmetry"_a, "The image under symmetry 0 .. game.symmetries - 1; 0 is the identity.")
        .def("text", &State::text, "The position on one line; `game.parse` reads it.")
        .def("__str__", &State::pretty)
        .def("__repr__", [name](const State& s) { return "<" + name + " \"" + s.text() + "\">"; })
        .def(
            "__eq__", [](const State& s, const State& other) { return s == other; },
            nb::is_operator(), nb::sig("def __eq__(self, other: object, /) -> bool"))
        .def(
            "__ne__", [](const State& s, const State& other) { return !(s == other); },
            nb::is_operator(), nb::sig("def __ne__(self, other: object, /) -> bool"))
        .def("__getstate__", &State::text)
        .def("__setstate__",
             [](State& s, const std::string& text) { new (&s) State(G::parse(text)); });
    cls.def("__hash__", [name](const State&) -> std::int64_t {
        throw nb::type_error(
            (name + " changes and has no Python hash; use .hash as a key").c_str());
    });
}

template <GameType G>
void bind_game(nb::module_& m, const std::string& name) {
    using State = typename G::State;
    using Handle = GameHandle<G>;
    nb::class_<Handle>(m, name.c_str(), "The rules; states come from `initial_state` and `parse`.")
        .def(nb::init<>())
        .def_prop_ro(
            "name", [](const Handle&) { return std::string(G::kName); },
            "What `load_game` calls it.")
        .def_prop_ro(
            "options", [](const Handle&) { return nb::typed<nb::dict, nb::str, nb::any>(); },
            "The options it was loaded with; this game has none.")
        .def_prop_ro(
            "num_actions", [](const Handle&) { return int{G::kNumActions}; },
            "Actions are 0 .. num_actions - 1.")
        .def_prop_ro("num_players", [](const Handle&) { return int{G::kNumPlayers}; })
        .def_prop_ro(
            "max_plies", [](const Handle&) { return int{G::kMaxPlies}; }, "No game is longer.")
        .def_prop_ro(
            "observation_shape",
            [](const Handle&) {
                return std::tuple<int, int, int>(G::kNumPlanes, G::kRows, G::kCols);
            },
            "(C, H, W) of `state.observation()`.")
        .def_prop_ro(
            "num_scalars", [](const Handle&) { return int{G::kNumScalars}; },
            "Length of `state.scalars()`.")
        .def_prop_ro(
            "symmetries", [](const Handle&) { return int{G::kNumSymmetries}; },
            "Number of symmetries, the identity (0) included.")
        .def_prop_ro(
            "packed_bytes", [](const Handle&) { return int{G::kPackedBytes}; },
            "Length of `state.pack()`.")
        .def("initial_state", [](const Handle&) { return State{}; })
        .def(
            "parse", [](const Handle&, std::string_view text) { return G::parse(text); }, "text"_a,
            "The state of `state.text()`. Raises ValueError saying what was expected.")
        .def(
            "unpack",
            [](const Handle&, ConstArray<std::uint8_t, 1> packed) {
                if (packed.shape(0) != G::kPackedBytes)
                    throw std::invalid_argument(std::string(G::kName) + ": packed position of " +
                                                std::to_string(packed.shape(0)) +
                                                " bytes; expected " +
                                                std::to_string(G::kPackedBytes));
                return unpack_one<G>(packed.data());
            },
            "packed"_a, "The state of uint8 [packed_bytes]. Raises ValueError if there is none.")
        .def(
            "pack_states",
            [](const Handle&, const std::vector<State>& states) {
                auto [array, data] = make_array<std::uint8_t>({states.size(), G::kPackedBytes});
                for (std::size_t i = 0; i < states.size(); ++i)
                    states[i].pack(data + i * G::kPackedBytes);
                return array;
            },
            "states"_a, "uint8 [N, packed_bytes] of many states.")
        .def(
            "action_to_text",
            [](const Handle&, const State& s, std::int64_t action) {
                check_action_range<G>(action);
                return G::action_to_text(s, static_cast<Action>(action));
            },
            "state"_a, "action"_a, "How people write the action, e.g. \"e5\".")
        .def(
            "action_from_text",
            [](const Handle&, const State& s, std::string_view text) {
                return G::action_from_text(s, text);
            },
            "state"_a, "text"_a, "The reverse. Raises ValueError unless it names a legal action.")
        .def(
            "transform_action",
            [](const Handle&, std::int64_t action, int symmetry) {
                check_action_range<G>(action);
                check_symmetry<G>(symmetry);
                return G::transform_action(static_cast<Action>(action), symmetry);
            },
            "action"_a, "symmetry"_a,
            "The action that means in `state.transformed(symmetry)` what `action` means in "
            "`state`.")
        .def(
            "perft",
            [](const Handle&, int depth, std::optional<State> state) {
                if (depth < 0) throw std::invalid_argument("perft: depth must not be negative");
                return perft<G>(state.value_or(State{}), depth);
            },
            "depth"_a, "state"_a = nb::none(), nb::call_guard<nb::gil_scoped_release>(),
            "Number of action sequences of exactly `depth` plies from `state` (default: the "
            "start).")
        .def("__repr__", [](const Handle&) { return "<game " + std::string(G::kName) + ">"; })
        .def(
            "__eq__", [](const Handle&, const Handle&) { return true; }, nb::is_operator(),
            nb::sig("def __eq__(self, other: object, /) -> bool"))
        .def("__hash__", [](const Handle&) { return std::hash<std::string_view>{}(G::kName); })
        .def("__getstate__", [](const Handle&) { return std::string(G::kName); })
        .def("__setstate__", [](Handle& self, const std::string&) { new (&self) Handle(); });
}

/// "connect_four" -> "ConnectFour".
std::string class_name(std::string_view game) {
    std::string out;
    bool upper = true;
    for (const char ch : game) {
        if (ch != '_') out += upper ? static_cast<char>(ch - 'a' + 'A') : ch;
        upper = ch == '_';
    }
    return out;
}

}  // namespace

void bind_games(nb::module_& m) {
    for_each_game([&]<class G>() {
        bind_state<G>(m, class_name(G::kName) + "State");
        bind_game<G>(m, class_name(G::kName));
    });
    m.def("game_names", &game_names, "Names of the compiled games.");
    m.def(
        "load_game",
        [](std::string_view name) {
            return with_game(name, []<class G>() { return nb::cast(GameHandle<G>{}); });
        },
        "name"_a,
        "A compiled game by name. Raises ValueError naming the known games and the nearest one.");
}

}  // namespace zerofleet::bind
