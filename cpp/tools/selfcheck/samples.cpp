// Selfcheck of training samples, for every game: encoding agrees with the states, whatever the
// number of threads; batches agree with the samples.
#include <numeric>
#include <string>
#include <vector>

#include "base/half.h"
#include "games/registry.h"
#include "selfplay/encode.h"
#include "selfplay/sample_batch.h"
#include "tools/selfcheck/pool.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

struct Encoded {
    std::vector<std::uint8_t> planes, to_play;
    std::vector<float> scalars;
    std::vector<std::int64_t> legal_start, ply;
    std::vector<Action> legal;

    Encoded(const AnyGame& game, const GamesView& games, selfplay::PlyFilter filter, int threads) {
        const selfplay::GameEncoder encoder(game, games, filter);
        const std::size_t n = encoder.num_rows();
        planes.resize(n * game.info().plane_bytes());
        scalars.resize(n * static_cast<std::size_t>(game.info().num_scalars));
        legal_start.resize(n + 1);
        ply.resize(n);
        to_play.resize(n);
        legal = encoder.encode(threads, {planes.data(), scalars.data(), legal_start.data(),
                                         ply.data(), to_play.data()});
    }
    bool operator==(const Encoded&) const = default;
};

template <class G>
void check_samples() {
    using State = typename G::State;
    const auto game = any_game(options_of<G>().spec());
    const std::string name = game->info().spec;
    selfplay::PoolOptions options;
    options.num_games = 8;
    options.search.num_simulations = 4;
    options.play.max_plies = 60;
    const auto games = play_pool(*game, options, 8);
    const GamesView view{.game_start = games.game_start,
                         .action = games.action,
                         .ply_flags = games.ply_flags,
                         .returns = games.returns,
                         .termination = games.termination,
                         .policy_start = games.policy_start,
                         .policy_action = games.policy_action,
                         .initial_start = {},
                         .initial_text = {}};
    const selfplay::PlyFilter filter{.mask = kPlyValueTarget, .without = 0};
    const Encoded one(*game, view, filter, 1);
    expect_true(one == Encoded(*game, view, filter, 3), name + ": other samples with 3 threads");

    // The batch of all samples under the identity, and what it is made of.
    const std::size_t n = one.ply.size();
    const auto actions = static_cast<std::size_t>(G::kNumActions);
    const std::size_t planes = G::kNumPlanes, cells = G::kRows * G::kCols;
    std::vector<std::int32_t> cell_map(cells), action_map(actions);
    std::iota(cell_map.begin(), cell_map.end(), 0);
    std::iota(action_map.begin(), action_map.end(), 0);
    std::vector<std::int64_t> policy_start{0}, rows(n);
    std::vector<std::int32_t> policy_action;
    std::vector<std::uint16_t> policy_prob;
    for (const std::int64_t ply : one.ply) {
        const auto at = static_cast<std::size_t>(ply);
        for (auto k = games.policy_start[at]; k < games.policy_start[at + 1]; ++k) {
            policy_action.push_back(games.policy_action[static_cast<std::size_t>(k)]);
            policy_prob.push_back(games.policy_prob[static_cast<std::size_t>(k)]);
        }
        policy_start.push_back(static_cast<std::int64_t>(policy_action.size()));
    }
    std::iota(rows.begin(), rows.end(), 0);
    const selfplay::SamplesView<std::int32_t> samples{
        .num_planes = planes,
        .num_cells = cells,
        .num_scalars = static_cast<std::size_t>(G::kNumScalars),
        .num_actions = actions,
        .real_planes = false,
        .planes = one.planes.data(),
        .scalars = one.scalars.data(),
        .legal_start = one.legal_start,
        .legal_action = one.legal,
        .policy_start = policy_start,
        .policy_action = policy_action,
        .policy_prob = policy_prob.data()};
    std::vector<std::uint8_t> batch_planes(n * planes * cells), legal(n * actions), none(n);
    std::vector<float> batch_scalars(one.scalars.size() + 1), policy(n * actions);
    selfplay::fill_batch(samples, {cell_map, action_map}, rows, none, 3,
                         {batch_planes.data(), batch_scalars.data(), legal.data(), policy.data()});

    std::size_t row = 0;
    for (std::size_t g = 0; g < games.size(); ++g) {
        State state = initial_state<G>(options_of<G>());
        for (auto i = games.game_start[g]; i < games.game_start[g + 1]; ++i) {
            const auto ply = static_cast<std::size_t>(i);
            if (filter(games.ply_flags[ply])) {
                const std::string where = name + ", sample " + std::to_string(row);
                const std::string plane = where + ": plane", legality = where + ": legal",
                                  target = where + ": policy";
                expect_equal(one.ply[row], i, where + ": ply");
                expect_equal(int{one.to_play[row]}, state.to_play(), where + ": mover");
                std::vector<std::uint8_t> seen(game->info().plane_bytes());
                std::vector<float> scalars(static_cast<std::size_t>(G::kNumScalars) + 1);
                state.observe(seen.data(), scalars.data());
                const std::size_t plane_bytes = (cells + 7) / 8;
                for (std::size_t c = 0; c < planes; ++c)
                    for (std::size_t cell = 0; cell < cells; ++cell)
                        expect_equal(int{batch_planes[(row * cells + cell) * planes + c]},
                                     seen[c * plane_bytes + cell / 8] >> (cell % 8) & 1, plane);
                float total = 0;
                for (std::size_t a = 0; a < actions; ++a) {
                    const bool is_legal = state.is_legal(static_cast<Action>(a));
                    expect_equal(legal[row * actions + a] != 0, is_legal, legality);
                    expect_true(is_legal || policy[row * actions + a] == 0, target);
                    total += policy[row * actions + a];
                }
                expect_true(total > 0.9999f && total < 1.0001f, where + ": sum of the policy");
                ++row;
            }
            state.apply(games.action[ply]);
        }
    }
    expect_equal(row, n, name + ": samples");
}

}  // namespace

void selfcheck_samples() {
    for (int bits = 0; bits < 0x7c00; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        expect_equal(int{half_bits(half_value(half))}, bits, "a half there and back");
    }
    for_each_game([]<class G>() { check_samples<G>(); });
}

}  // namespace zerofleet::selfcheck
