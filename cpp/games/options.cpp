#include "games/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "base/text.h"

namespace zerofleet {

namespace {
/// Levenshtein distance.
int edit_distance(std::string_view a, std::string_view b) {
    std::vector<int> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
        int diagonal = row[0];
        row[0] = static_cast<int>(i) + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const int above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
            diagonal = above;
        }
    }
    return row.back();
}

/// The shortest text that reads back as the same number: 9, 7.5.
std::string to_text(double value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

std::string range_of(const GameOption& option) {
    std::string out = to_text(option.low);
    out.append("..").append(to_text(option.high));
    if (option.step != 1) out.append(" in steps of ").append(to_text(option.step));
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}
}  // namespace

GameOptions::GameOptions(std::string_view game, std::span<const GameOption> declared)
    : game_(game) {
    for (const GameOption& option : declared) values_.push_back({option, option.standard});
}

GameOptions::Value& GameOptions::find(std::string_view option) {
    for (Value& v : values_)
        if (v.option.name == option) return v;
    std::string message = game_ + ": unknown option " + quoted(option, 40);
    if (values_.empty()) throw std::invalid_argument(message + "; this game has no options");
    std::vector<std::string> names;
    for (const Value& v : values_) names.emplace_back(v.option.name);
    message.append(did_you_mean(option, names)).append(" options:");
    for (const Value& v : values_)
        message.append(" ").append(v.option.name).append(" (").append(range_of(v.option)) += ')';
    throw std::invalid_argument(message);
}

double GameOptions::number(std::string_view option) const {
    for (const Value& v : values_)
        if (v.option.name == option) return v.value;
    throw std::out_of_range(game_ + " declares no option " + std::string(option));
}

void GameOptions::set(std::string_view option, double value) {
    Value& v = find(option);
    const double steps = (value - v.option.low) / v.option.step;
    // Written so that NaN is refused as well.
    if (!(value >= v.option.low && value <= v.option.high && steps == std::round(steps)))
        throw std::invalid_argument(game_ + ": " + std::string(option) + "=" + to_text(value) +
                                    "; expected " + range_of(v.option));
    v.value = value + 0.0;  // -0 is 0
}

void GameOptions::set(std::string_view option, std::string_view text) {
    const Value& v = find(option);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::invalid_argument(game_ + ": " + std::string(option) + "=" + quoted(text, 40) +
                                    "; expected a number, " + range_of(v.option));
    set(option, value);
}

std::string GameOptions::spec() const {
    std::string out = game_;
    char separator = '(';
    for (const Value& v : values_) {
        if (v.value == v.option.standard) continue;
        out += separator;
        out += v.option.name;
        out += '=';
        out += to_text(v.value);
        separator = ',';
    }
    if (separator == ',') out += ')';
    return out;
}

SpecParts split_spec(std::string_view spec) {
    auto bad = [&](const std::string& why) {
        return std::invalid_argument(std::string("game ").append(quoted(spec, 80)) + ": " + why +
                                     "; expected NAME or NAME(OPTION=VALUE,...)");
    };
    const std::string_view text = trimmed(spec);
    SpecParts parts{text, {}};
    const std::size_t open = text.find('(');
    if (open == std::string_view::npos) return parts;
    if (text.back() != ')') throw bad("no ')' at the end");
    parts.name = trimmed(text.substr(0, open));
    std::string_view rest = trimmed(text.substr(open + 1, text.size() - open - 2));
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        const std::string_view item = rest.substr(0, comma);
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos)
            throw bad(std::string("no '=' in ").append(quoted(item, 40)));
        const std::string_view name = trimmed(item.substr(0, equals));
        for (const auto& known : parts.options)
            if (known.first == name)
                throw bad(std::string("option ").append(quoted(name, 40)) + " twice");
        parts.options.emplace_back(name, trimmed(item.substr(equals + 1)));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
        if (trimmed(rest).empty()) throw bad("nothing after the last ','");
    }
    return parts;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
    const std::string_view shown = word.substr(0, 60);
    const std::string& nearest = *std::min_element(
        known.begin(), known.end(),
        [&](auto& a, auto& b) { return edit_distance(shown, a) < edit_distance(shown, b); });
    const std::size_t longer = std::max(shown.size(), nearest.size());
    if (edit_distance(shown, nearest) * 2 > static_cast<int>(longer)) return ";";
    return "; did you mean \"" + nearest + "\"?";
}

}  // namespace zerofleet
