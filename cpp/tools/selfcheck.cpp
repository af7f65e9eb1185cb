#include <cstdio>

#include "games/ultimate_ttt.h"

int main() {
    zerofleet::UltimateTtt::State s;
    std::printf("%s\n", s.text().c_str());
    return 0;
}
