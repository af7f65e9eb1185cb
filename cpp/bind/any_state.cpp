#include "bind/any_state.h"

#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

#include "bind/game_face.h"
#include "bind/python_state.h"

namespace nb = nanobind;

namespace zerofleet::bind {

std::shared_ptr<const AnyGame> any_game_of(nb::handle game) {
    const GameFace* face = nullptr;
    if (nb::try_cast<const GameFace*>(game, face) && face != nullptr)
        return any_game(face->facts().options.spec());
    return std::make_shared<PythonGame>(nb::borrow(game));
}

AnyState any_state_of(const AnyGame& game, nb::handle state) {
    if (const auto* python = dynamic_cast<const PythonGame*>(&game)) {
        const nb::object copy = python->copy_of(state);
        return AnyState(game, &copy);
    }
    const StateFace* face = nullptr;
    if (!nb::try_cast<const StateFace*>(state, face) || face == nullptr)
        throw nb::type_error(("expected a state of " + game.info().spec + ", got " +
                              nb::cast<std::string>(nb::repr(state)))
                                 .c_str());
    const std::string spec = face->game().facts().options.spec();
    if (spec != game.info().spec)
        throw std::invalid_argument("a state of " + spec + " was given to " + game.info().spec);
    return AnyState(game, face->raw());
}

}  // namespace zerofleet::bind
