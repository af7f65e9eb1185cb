#include "bind/module.h"

#include <nanobind/stl/string.h>
#include "games/ultimate_ttt.h"

namespace zerofleet::bind {

void bind_games(nanobind::module_& m) {
    m.def("ultimate_ttt_start_text", [] { return UltimateTtt::State{}.text(); });
}

}  // namespace zerofleet::bind
