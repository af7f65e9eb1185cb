// Text for error messages.
#pragma once

#include <string>
#include <string_view>

namespace zerofleet {

/// A stranger's text made fit to quote: at most `limit` characters, all of them printable ASCII.
inline std::string quoted(std::string_view text, std::size_t limit = 120) {
    std::string out = "\"";
    for (const char ch : text.substr(0, limit)) out += ch >= ' ' && ch <= '~' ? ch : '?';
    return out + (text.size() > limit ? "...\"" : "\"");
}

}  // namespace zerofleet
