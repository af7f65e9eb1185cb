// Selfcheck of replaying: honest games pass, and no damage to the arrays makes it read outside
// them, on several threads at once.
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "games/play.h"
#include "games/registry.h"
#include "selfplay/replay.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

struct OwnedGames {
    std::vector<std::int64_t> game_start{0}, policy_start{0}, initial_start{0};
    std::vector<std::int32_t> action, policy_action;
    std::vector<std::uint8_t> ply_flags, termination;
    std::vector<float> returns;
    std::string initial_text;

    GamesView view() const {
        return {.game_start = game_start,
                .action = action,
                .ply_flags = ply_flags,
                .returns = returns,
                .termination = termination,
                .policy_start = policy_start,
                .policy_action = policy_action,
                .initial_start = initial_start,
                .initial_text = initial_text};
    }
};

template <GameType G>
OwnedGames random_games(int num_games, std::uint64_t seed) {
    OwnedGames games;
    Rng rng(seed);
    for (int g = 0; g < num_games; ++g) {
        typename G::State s{};
        if (g % 3 == 1) {  // starts one move into the game
            s.apply(random_action<G>(s, rng));
            games.initial_text += s.text();
        }
        games.initial_start.push_back(static_cast<std::int64_t>(games.initial_text.size()));
        while (!s.is_terminal()) {
            const Action a = random_action<G>(s, rng);
            games.action.push_back(a);
            if (!is_chance(s)) games.policy_action.push_back(a);
            games.policy_start.push_back(static_cast<std::int64_t>(games.policy_action.size()));
            games.ply_flags.push_back(is_chance(s)   ? kPlyChance
                                      : rng.below(2) ? kPlyPolicyTarget | kPlyValueTarget
                                                     : kPlyPolicyTarget);
            s.apply(a);
        }
        games.game_start.push_back(static_cast<std::int64_t>(games.action.size()));
        games.termination.push_back(static_cast<std::uint8_t>(
            at_length_bound(s) ? Termination::kLengthBound : Termination::kPlayedOut));
        for (const float r : s.returns()) games.returns.push_back(r);
    }
    return games;
}

template <GameType G>
void check_replay(std::uint64_t seed) {
    constexpr bool kLong = G::kMaxPlies > 250;
    const OwnedGames honest = random_games<G>(kLong ? 3 : 20, seed);
    const auto all = replay_games<G>(honest.view(), 0, 0);
    expect_equal(all.ply.size(), honest.action.size(), "positions of a replay");
    const auto some = replay_games<G>(honest.view(), kPlyValueTarget, 0);
    const auto rest = replay_games<G>(honest.view(), 0, kPlyValueTarget);
    expect_equal(some.ply.size() + rest.ply.size(), all.ply.size(), "positions with and without");

    Rng rng(seed);
    auto spoil = [&](auto& array) {
        using T = std::remove_reference_t<decltype(array[0])>;
        const std::uint64_t noise = rng.next();
        array[rng.below(static_cast<std::uint32_t>(array.size()))] =
            rng.below(2) ? static_cast<T>(noise) : static_cast<T>(noise % 100);
    };
    int num_refused = 0;
    constexpr int kDamages = kLong ? 100 : 400;
    for (int i = 0; i < kDamages; ++i) {
        OwnedGames bad = honest;
        switch (rng.below(9)) {
            case 0:
                spoil(bad.game_start);
                break;
            case 1:
                spoil(bad.action);
                break;
            case 2:
                spoil(bad.ply_flags);
                break;
            case 3:
                spoil(bad.termination);
                break;
            case 4:
                spoil(bad.policy_start);
                break;
            case 5:
                spoil(bad.policy_action);
                break;
            case 6:
                spoil(bad.initial_start);
                break;
            case 7:
                bad.action.pop_back();
                break;
            default:
                bad.initial_text[rng.below(static_cast<std::uint32_t>(bad.initial_text.size()))] ^=
                    static_cast<char>(1u << rng.below(8));
        }
        try {
            replay_games<G>(bad.view(), 0, 0);
        } catch (const RecordError&) {
            ++num_refused;
        }
    }
    expect_true(num_refused > kDamages / 2, options_of<G>().spec() + ": damage goes unnoticed");
}

}  // namespace

void selfcheck_records() {
    std::vector<std::string> errors(2);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < errors.size(); ++t)
        threads.emplace_back([&errors, t] {
            try {
                for_each_game([&]<class G>() { check_replay<G>(t + 1); });
            } catch (const std::exception& e) {
                errors[t] = e.what();
            }
        });
    for (auto& thread : threads) thread.join();
    for (const auto& error : errors) expect_true(error.empty(), error);
}

}  // namespace zerofleet::selfcheck
