#include "bind/python_state.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>
#include <tuple>

namespace nb = nanobind;

namespace zerofleet::bind {

namespace {

nb::object& at(void* state) { return *static_cast<nb::object*>(state); }
const nb::object& at(const void* state) { return *static_cast<const nb::object*>(state); }

nb::builtin_exception wrong_type(const std::string& what) { return nb::type_error(what.c_str()); }

/// Adds "in <what>" to what Python raised and lets it pass on, with its traceback. A user's class
/// has said more in a note of its own (games/user_class.py).
template <class F>
auto noting(const std::string& spec, const char* what, F&& f) {
    try {
        return f();
    } catch (nb::python_error& error) {
        if (!nb::hasattr(error.value(), "__notes__") && !nb::hasattr(error.value(), "says_where"))
            error.value().attr("add_note")(nb::str(("in " + spec + ": " + what).c_str()));
        throw;
    } catch (const nb::cast_error&) {
        throw wrong_type(spec + ": " + what + " returned what it must not; check_game says more");
    }
}

int whole(nb::handle game, const char* name) { return nb::cast<int>(game.attr(name)); }

GameInfo info_of(nb::handle game) {
    for (const char* name : {"spec", "num_actions", "initial_state", "observation_shape"})
        if (!nb::hasattr(game, name))
            throw wrong_type("expected a game as load_game returns it, got " +
                             nb::cast<std::string>(nb::repr(game)) + ", which has no " + name);
    GameInfo info;
    info.spec = nb::cast<std::string>(game.attr("spec"));
    return noting(info.spec, "a property of the game", [&] {
        const auto [planes, rows, cols] =
            nb::cast<std::tuple<int, int, int>>(game.attr("observation_shape"));
        info.num_actions = whole(game, "num_actions");
        info.max_chance_outcomes = whole(game, "max_chance_outcomes");
        info.num_players = whole(game, "num_players");
        info.max_legal_actions = info.num_actions;
        info.max_plies = whole(game, "max_plies");
        info.num_planes = planes;
        info.rows = rows;
        info.cols = cols;
        info.num_scalars = whole(game, "num_scalars");
        info.real_planes = true;
        info.state_bytes = sizeof(nb::object);
        info.state_alignment = alignof(nb::object);
        if (std::min({info.num_actions, info.max_plies, planes, rows, cols}) < 1 ||
            info.max_chance_outcomes < 0 || info.num_scalars < 0 || info.num_players < 1 ||
            info.num_players > 2)
            throw wrong_type(info.spec +
                             ": a number of the game is out of range; check_game says "
                             "which");
        return info;
    });
}

/// Copies a float32 array of `size` numbers.
void copy_floats(const nb::object& array, std::size_t size, float* out, const std::string& spec,
                 const char* method) {
    using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
    Floats floats;
    const bool is_array = nb::try_cast<Floats>(array, floats);
    if (!is_array || floats.size() != size)
        throw wrong_type(spec + ": " + method + "() returned " +
                         (is_array ? std::to_string(floats.size()) + " numbers"
                                   : nb::cast<std::string>(nb::str(array.type()))) +
                         "; expected " + std::to_string(size) + " float32 numbers");
    std::copy_n(floats.data(), size, out);
    if (!std::all_of(out, out + size, [](float x) { return std::isfinite(x); }))
        throw std::invalid_argument(spec + ": " + method + "() has numbers that are not finite");
}

}  // namespace

PythonGame::PythonGame(nb::object game) : AnyGame(info_of(game)), game_(std::move(game)) {}

PythonGame::~PythonGame() {
    const nb::gil_scoped_acquire gil;
    game_.reset();
}

void PythonGame::construct_initial(void* to) const {
    const nb::gil_scoped_acquire gil;
    noting(info().spec, "initial_state",
           [&] { new (to) nb::object(game_.attr("initial_state")()); });
}

void PythonGame::construct_copy(void* to, const void* from) const {
    const nb::gil_scoped_acquire gil;
    noting(info().spec, "copy", [&] { new (to) nb::object(at(from).attr("copy")()); });
}

nb::object PythonGame::copy_of(nb::handle state) const {
    if (!nb::hasattr(state, "legal_actions"))
        throw wrong_type("expected a state of " + info().spec + ", got " +
                         nb::cast<std::string>(nb::repr(state)));
    if (nb::hasattr(state, "game") && !state.attr("game").is(game_) &&
        !state.attr("game").attr("spec").equal(game_.attr("spec")))
        throw std::invalid_argument("a state of another game was given to " + info().spec);
    return noting(info().spec, "copy", [&] { return nb::object(state.attr("copy")()); });
}

void PythonGame::construct_parsed(void* to, std::string_view text) const {
    const nb::gil_scoped_acquire gil;
    try {
        const auto decoded = nb::steal<nb::object>(
            PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
        if (!decoded.is_valid()) nb::raise_python_error();
        new (to) nb::object(game_.attr("parse")(decoded));
    } catch (nb::python_error& error) {
        // Whatever a parser stumbles over, the text is at fault: it may come from a file.
        if (!error.matches(PyExc_Exception)) throw;
        throw std::invalid_argument(
            info().spec + ": no position: " + nb::cast<std::string>(nb::str(error.value())));
    }
}

void PythonGame::assign(void* to, const void* from) const {
    const nb::gil_scoped_acquire gil;
    noting(info().spec, "copy", [&] { at(to) = at(from).attr("copy")(); });
}

void PythonGame::destroy(void* state) const {
    const nb::gil_scoped_acquire gil;
    at(state).~object();
}

void PythonGame::apply(void* state, std::span<const Action> actions) const {
    const nb::gil_scoped_acquire gil;
    noting(info().spec, "apply", [&] {
        for (const Action a : actions) at(state).attr("apply")(a);
    });
}

Position PythonGame::look(const void* state, Choices& choices) const {
    const nb::gil_scoped_acquire gil;
    const nb::object& s = at(state);
    choices.clear();
    Position position;
    Action last = -1;
    const auto check = [&](const char* what, Action a, int end) {
        if (a <= last || a >= end)
            throw std::invalid_argument(info().spec + ": " + what + "() has " + std::to_string(a) +
                                        (last < 0 ? "" : " after " + std::to_string(last)) +
                                        "; expected 0.." + std::to_string(end - 1) +
                                        ", ascending, each once");
        last = a;
    };
    position.terminal =
        noting(info().spec, "is_terminal", [&] { return nb::cast<bool>(s.attr("is_terminal")); });
    if (position.terminal) {
        position.length_bound = noting(info().spec, "at_length_bound",
                                       [&] { return nb::cast<bool>(s.attr("at_length_bound")); });
        std::vector<float> results;
        returns(state, results);
        position.value = search_value(results[0]);
        if (!(std::abs(position.value) <= 1.0f))  // no number either
            throw std::invalid_argument(info().spec + ": returns() gives player 0 " +
                                        std::to_string(results[0]) + ", which searches value " +
                                        std::to_string(position.value) +
                                        "; expected a value in [-1, 1]");
        return position;
    }
    position.chance =
        noting(info().spec, "is_chance", [&] { return nb::cast<bool>(s.attr("is_chance")); });
    if (position.chance) {
        const auto outcomes = noting(info().spec, "chance_outcomes", [&] {
            return nb::cast<std::vector<std::tuple<Action, float>>>(s.attr("chance_outcomes")());
        });
        float total = 0;
        for (const auto& [outcome, probability] : outcomes) {
            check("chance_outcomes", outcome, info().max_chance_outcomes);
            choices.push_back(outcome, probability);
            total += probability;
        }
        if (!(std::fabs(total - 1.0f) < 1e-3f))
            throw std::invalid_argument(info().spec + ": probabilities of chance outcomes sum to " +
                                        std::to_string(total));
        return position;
    }
    const int to_play = noting(info().spec, "to_play", [&] { return whole(s, "to_play"); });
    if (to_play < 0 || to_play >= info().num_players)
        throw std::invalid_argument(info().spec + ": to_play is " + std::to_string(to_play) +
                                    "; expected 0.." + std::to_string(info().num_players - 1));
    position.to_play = static_cast<std::int8_t>(to_play);
    const auto legal = noting(info().spec, "legal_actions", [&] {
        return nb::cast<std::vector<Action>>(s.attr("legal_actions")());
    });
    if (legal.empty())
        throw std::invalid_argument(info().spec + ": no legal action before the end");
    for (const Action a : legal) {
        check("legal_actions", a, info().num_actions);
        choices.push_back(a);
    }
    return position;
}

void PythonGame::observe(const void* state, std::uint8_t* planes, float* scalars) const {
    const nb::gil_scoped_acquire gil;
    const nb::object observation =
        noting(info().spec, "observation", [&] { return at(state).attr("observation")(); });
    copy_floats(observation, info().plane_bytes() / sizeof(float), reinterpret_cast<float*>(planes),
                info().spec, "observation");
    if (info().num_scalars == 0) return;
    const nb::object numbers =
        noting(info().spec, "scalars", [&] { return at(state).attr("scalars")(); });
    copy_floats(numbers, static_cast<std::size_t>(info().num_scalars), scalars, info().spec,
                "scalars");
}

bool PythonGame::is_legal(const void* state, std::int64_t action) const {
    const nb::gil_scoped_acquire gil;
    return noting(info().spec, "legal_actions", [&] {
        const auto legal = nb::cast<std::vector<std::int64_t>>(at(state).attr("legal_actions")());
        return std::find(legal.begin(), legal.end(), action) != legal.end();
    });
}

std::uint64_t PythonGame::hash(const void* state) const {
    const nb::gil_scoped_acquire gil;
    return noting(info().spec, "hash",
                  [&] { return nb::cast<std::uint64_t>(at(state).attr("hash")); });
}

void PythonGame::returns(const void* state, std::vector<float>& out) const {
    const nb::gil_scoped_acquire gil;
    const auto results = noting(info().spec, "returns", [&] {
        return nb::cast<std::vector<float>>(at(state).attr("returns")());
    });
    if (results.size() != static_cast<std::size_t>(info().num_players))
        throw std::invalid_argument(info().spec + ": returns() has " +
                                    std::to_string(results.size()) + " numbers; expected " +
                                    std::to_string(info().num_players));
    if (results.size() == 2 && !(std::fabs(results[0] + results[1]) < 1e-3f))
        throw std::invalid_argument(info().spec + ": returns() gives " +
                                    std::to_string(results[0]) + " and " +
                                    std::to_string(results[1]) + "; expected a sum of 0");
    out.insert(out.end(), results.begin(), results.end());
}

float PythonGame::search_value(float player0_return) const {
    const nb::gil_scoped_acquire gil;
    return noting(info().spec, "search_value",
                  [&] { return nb::cast<float>(game_.attr("search_value")(player0_return)); });
}

std::string PythonGame::text(const void* state) const {
    const nb::gil_scoped_acquire gil;
    return noting(info().spec, "text",
                  [&] { return nb::cast<std::string>(at(state).attr("text")()); });
}

std::string PythonGame::action_to_text(const void* state, Action action) const {
    const nb::gil_scoped_acquire gil;
    return noting(info().spec, "action_to_text", [&] {
        return nb::cast<std::string>(game_.attr("action_to_text")(at(state), action));
    });
}

}  // namespace zerofleet::bind
