#include "bind/any_state.h"

#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

#include "bind/game_face.h"

namespace nb = nanobind;

namespace zerofleet::bind {

namespace {
std::string shown_type(nb::handle object) {
    return nb::cast<std::string>(nb::str(object.type().attr("__name__")));
}
}  // namespace

std::shared_ptr<const AnyGame> any_game_of(nb::handle game) {
    const GameFace* face = nullptr;
    if (!nb::try_cast<const GameFace*>(game, face) || face == nullptr)
        throw nb::type_error(
            ("expected a game as load_game returns it, got " + shown_type(game)).c_str());
    return any_game(face->facts().options.spec());
}

AnyState any_state_of(const AnyGame& game, nb::handle state) {
    const StateFace* face = nullptr;
    if (!nb::try_cast<const StateFace*>(state, face) || face == nullptr)
        throw nb::type_error(
            ("expected a state of " + game.info().spec + ", got " + shown_type(state)).c_str());
    const std::string spec = face->game().facts().options.spec();
    if (spec != game.info().spec)
        throw std::invalid_argument("a state of " + spec + " was given to " + game.info().spec);
    return AnyState(game, face->raw());
}

}  // namespace zerofleet::bind
