#include "games/go/rules.h"

namespace zerofleet {

template struct Go<14>;
template struct Go<15>;
template struct Go<16>;
template struct Go<17>;
template struct Go<18>;
template struct Go<19>;

static_assert(GameType<Go<19>>);
static_assert(sizeof(Go<19>::State) <= 2048, "copies are cheap");

}  // namespace zerofleet
