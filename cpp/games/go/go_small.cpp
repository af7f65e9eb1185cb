#include "games/go/rules.h"

namespace zerofleet {

template struct Go<5>;
template struct Go<6>;
template struct Go<7>;
template struct Go<8>;
template struct Go<9>;
template struct Go<10>;
template struct Go<11>;
template struct Go<12>;
template struct Go<13>;

static_assert(GameType<Go<9>>);
static_assert(sizeof(Go<9>::State) <= 1024, "copies are cheap");

}  // namespace zerofleet
