#include "selfplay/game_log.h"

#include <algorithm>

#include "base/half.h"

namespace zerofleet::selfplay {

namespace {
template <class T>
void append_to(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
    return values.capacity() * sizeof(T);
}
}  // namespace

void GameLog::clear() {
    action.clear();
    ply_flags.clear();
    search_value.clear();
    num_policy.clear();
    policy_action.clear();
    policy_prob.clear();
    returns.clear();
    termination = Termination::kPlayedOut;
    dropped_mass = 0.0;
    worst_dropped_mass = 0.0f;
}

void GameLog::add(Action played, unsigned flags, float value) {
    action.push_back(played);
    ply_flags.push_back(static_cast<std::uint8_t>(flags));
    search_value.push_back(value);
    num_policy.push_back(0);
}

void GameLog::add_policy(std::span<const Action> actions, std::span<const float> policy) {
    const float least = *std::max_element(policy.begin(), policy.end()) * kLeastOfLargest;
    double total = 0.0, kept = 0.0;
    for (const float p : policy) {
        total += p;
        if (p >= least) kept += p;
    }
    const std::size_t before = policy_action.size();
    for (std::size_t i = 0; i < policy.size(); ++i) {
        if (policy[i] < least) continue;
        policy_action.push_back(actions[i]);
        policy_prob.push_back(half_bits(static_cast<float>(policy[i] / kept)));
    }
    num_policy.back() = static_cast<std::int32_t>(policy_action.size() - before);
    const double dropped = std::max(0.0, 1.0 - kept / total);
    dropped_mass += dropped;
    worst_dropped_mass = std::max(worst_dropped_mass, static_cast<float>(dropped));
}

std::size_t GameLog::bytes() const {
    return bytes_of(action) + bytes_of(ply_flags) + bytes_of(search_value) + bytes_of(num_policy) +
           bytes_of(policy_action) + bytes_of(policy_prob) + bytes_of(returns);
}

void FinishedGames::append(const GameLog& game) {
    append_to(action, game.action);
    append_to(ply_flags, game.ply_flags);
    append_to(search_value, game.search_value);
    for (const std::int32_t n : game.num_policy) policy_start.push_back(policy_start.back() + n);
    append_to(policy_action, game.policy_action);
    append_to(policy_prob, game.policy_prob);
    append_to(returns, game.returns);
    game_start.push_back(static_cast<std::int64_t>(action.size()));
    termination.push_back(static_cast<std::uint8_t>(game.termination));
    game_number.push_back(game.game_number);
}

}  // namespace zerofleet::selfplay
