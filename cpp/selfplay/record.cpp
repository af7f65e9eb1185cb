#include "selfplay/record.h"

#include <cmath>

namespace zerofleet {

namespace {
std::string in_game(std::size_t g) { return "game " + std::to_string(g) + ": "; }

void check_offsets(std::string_view name, std::span<const std::int64_t> start, std::size_t count,
                   std::size_t end, bool may_be_empty) {
    const std::string what(name);
    if (start.size() != count + 1)
        throw RecordError(what + " has " + std::to_string(start.size()) + " entries; expected " +
                          std::to_string(count + 1));
    if (start.front() != 0)
        throw RecordError(what + " begins with " + std::to_string(start.front()) + "; expected 0");
    for (std::size_t i = 0; i < count; ++i)
        if (start[i + 1] < start[i] || (start[i + 1] == start[i] && !may_be_empty))
            throw RecordError(what + "[" + std::to_string(i + 1) + "] is " +
                              std::to_string(start[i + 1]) + " after " + std::to_string(start[i]) +
                              (may_be_empty ? "; it never falls" : "; it always rises"));
    if (start.back() != static_cast<std::int64_t>(end))
        throw RecordError(what + " ends with " + std::to_string(start.back()) + "; expected " +
                          std::to_string(end));
}

void check_size(std::string_view name, std::size_t size, std::size_t expected) {
    if (size != expected)
        throw RecordError(std::string(name) + " has " + std::to_string(size) +
                          " entries; expected " + std::to_string(expected));
}

std::string show(std::span<const float> values) {
    std::string out = "(";
    for (std::size_t i = 0; i < values.size(); ++i)
        out += (i ? ", " : "") + std::to_string(values[i]);
    return out + ")";
}
}  // namespace

void check_sizes(const GamesView& games, int num_players) {
    const std::size_t num_games = games.num_games(), num_plies = games.num_plies();
    check_offsets("game_start", games.game_start, num_games, num_plies, false);
    check_size("ply_flags", games.ply_flags.size(), num_plies);
    check_size("returns", games.returns.size(), num_games * static_cast<std::size_t>(num_players));
    if (!games.policy_start.empty() || !games.policy_action.empty())
        check_offsets("policy_start", games.policy_start, num_plies, games.policy_action.size(),
                      true);
    if (!games.initial_start.empty() || !games.initial_text.empty())
        check_offsets("initial_start", games.initial_start, num_games, games.initial_text.size(),
                      true);
}

void check_ending(const GamesView& games, std::size_t g, LastPosition last,
                  std::span<const float> final_returns, const std::string& position) {
    if (games.termination[g] >= kNumTerminations)
        throw RecordError(in_game(g) + "termination is " + std::to_string(games.termination[g]) +
                          "; expected 0.." + std::to_string(kNumTerminations - 1));
    const auto termination = static_cast<Termination>(games.termination[g]);
    const std::size_t players = final_returns.size();
    const auto returns = games.returns.subspan(g * players, players);
    float sum = 0;
    for (const float r : returns) {
        // The return of one player is a score, of any size.
        if (players == 1 ? !std::isfinite(r) : !(r >= -1.0f && r <= 1.0f))
            throw RecordError(in_game(g) + "returns " + show(returns) +
                              (players == 1 ? " not finite" : " outside [-1, 1]"));
        sum += r;
    }
    if (players == 2 && sum != 0)
        throw RecordError(in_game(g) + "returns " + show(returns) + " do not sum to zero");
    if (last == LastPosition::kOpen) {
        if (termination == Termination::kPlayedOut)
            throw RecordError(in_game(g) +
                              "said to be played to the end, but the last position is not "
                              "terminal: " +
                              position);
    } else {
        const bool long_game = last == LastPosition::kLengthBound;
        if (termination != (long_game ? Termination::kLengthBound : Termination::kPlayedOut))
            throw RecordError(in_game(g) + "ends in a terminal position" +
                              (long_game ? " at the bound on length" : "") +
                              " but its termination is " + std::to_string(games.termination[g]) +
                              ": " + position);
        for (std::size_t p = 0; p < players; ++p)
            if (returns[p] != final_returns[p])
                throw RecordError(in_game(g) + "returns " + show(returns) + "; the rules give " +
                                  show(final_returns) + " for " + position);
        return;
    }
    if (players == 1) {
        if (termination != Termination::kLengthBound)
            throw RecordError(in_game(g) + "a game of one player that was " +
                              (termination == Termination::kResigned ? "resigned" : "adjudicated"));
        return;
    }
    for (const float r : returns) {
        const bool decided = std::fabs(r) == 1.0f;
        if ((termination == Termination::kResigned && !decided) ||
            (termination == Termination::kAdjudicated && !decided && r != 0.0f))
            throw RecordError(in_game(g) + "returns " + show(returns) + " of a game that was " +
                              (termination == Termination::kResigned ? "resigned" : "adjudicated"));
    }
}

RecordError ply_error(std::size_t game, std::int64_t ply, const std::string& what,
                      const std::string& position) {
    return RecordError("game " + std::to_string(game) + ", ply " + std::to_string(ply) + ": " +
                       what + " in " + position);
}

}  // namespace zerofleet
