// Options of games, and the one text that names a game with its options: `go(komi=7.5,size=9)`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zerofleet {

/// What a game declares about one of its options: a number in low..high, in steps from low.
struct GameOption {
    std::string_view name;
    double standard;  // the value without it
    double low, high, step;
    std::string_view about;  // for people
};

/// An option whose value is part of the type: `Othello<6>` is othello with size 6.
struct FixedOption {
    std::string_view name;
    double value;
};

/// A game's name and the value of each of its options.
class GameOptions {
  public:
    struct Value {
        GameOption option;
        double value;
    };

    /// Every option has its standard value. `declared` is ascending by name.
    explicit GameOptions(std::string_view game, std::span<const GameOption> declared = {});

    const std::string& game() const { return game_; }
    std::span<const Value> values() const { return values_; }

    /// The value of an option that the game declares; throws std::out_of_range for any other.
    double number(std::string_view option) const;

    /// Throws std::invalid_argument saying which options there are, or which values.
    void set(std::string_view option, double value);
    /// The same for a value as text.
    void set(std::string_view option, std::string_view value);

    /// The canonical text: options that differ from their standard, ascending by name.
    std::string spec() const;

    bool operator==(const GameOptions& other) const { return spec() == other.spec(); }

  private:
    Value& find(std::string_view option);

    std::string game_;
    std::vector<Value> values_;
};

/// Options that only take whole numbers.
inline bool is_whole(const GameOption& option) {
    return option.step == static_cast<int>(option.step) &&
           option.low == static_cast<int>(option.low);
}

/// A text taken apart, its meaning unchecked.
struct SpecParts {
    std::string_view name;
    std::vector<std::pair<std::string_view, std::string_view>> options;
};

/// Splits `name` or `name(a=1, b=2)`. Throws std::invalid_argument if it has no such form or names
/// an option twice.
SpecParts split_spec(std::string_view spec);

/// `; did you mean "go"?` with the one of `known` (not empty) that is least edits away from `word`,
/// for error messages; `;` alone if more than half of it would be another.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace zerofleet
