// What the sections of the selfcheck share. A section is `<area>.cpp` here with a function
// `selfcheck_<area>()` that throws at the first thing that is wrong.
#pragma once

#include <stdexcept>
#include <string>

namespace zerofleet::selfcheck {

template <class T, class U>
void expect_equal(const T& got, const U& expected, const std::string& what) {
    if (!(got == expected))
        throw std::runtime_error(what + ": expected " + std::to_string(expected) + ", got " +
                                 std::to_string(got));
}

inline void expect_true(bool ok, const std::string& what) {
    if (!ok) throw std::runtime_error(what);
}

}  // namespace zerofleet::selfcheck
