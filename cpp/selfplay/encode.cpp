#include "selfplay/encode.h"

#include <atomic>
#include <exception>

#include "base/parallel.h"
#include "selfplay/check_games.h"

namespace zerofleet::selfplay {

namespace {
// Enough for a thread to be busy for about a millisecond.
constexpr std::size_t kPliesPerBlock = 2048;
}  // namespace

GameEncoder::GameEncoder(const AnyGame& game, const GamesView& games, PlyFilter filter)
    : game_(&game), games_(&games), filter_(filter) {
    check_sizes(games, game.info().num_players);
    std::size_t plies = kPliesPerBlock;
    for (std::size_t g = 0; g < games.num_games(); ++g) {
        const auto first = static_cast<std::size_t>(games.game_start[g]);
        const auto last = static_cast<std::size_t>(games.game_start[g + 1]);
        if (plies >= kPliesPerBlock) {
            blocks_.push_back({g, g, num_rows_});
            plies = 0;
        }
        blocks_.back().last_game = g + 1;
        plies += last - first;
        for (std::size_t ply = first; ply < last; ++ply) num_rows_ += filter_(games.ply_flags[ply]);
    }
}

std::vector<Action> GameEncoder::encode(int threads, const EncodedRows& out) const {
    std::vector<std::vector<Action>> legal(blocks_.size());
    std::vector<std::exception_ptr> errors(blocks_.size());
    std::atomic<bool> failed = false;
    share_indices(threads, static_cast<std::ptrdiff_t>(blocks_.size()), [&](auto&& next) {
        // What was handed out is done: blocks come in order, so the first that fails is always
        // found.
        while (!failed.load(std::memory_order_relaxed)) {
            const std::ptrdiff_t i = next();
            if (i < 0) return;
            const auto block = static_cast<std::size_t>(i);
            try {
                legal[block] = encode_block(blocks_[block], out);
            } catch (...) {
                errors[block] = std::current_exception();
                failed.store(true, std::memory_order_relaxed);
            }
        }
    });
    for (const std::exception_ptr& error : errors)
        if (error) std::rethrow_exception(error);

    // The blocks wrote how many legal actions each row has; from here on where they end.
    out.legal_start[0] = 0;
    for (std::size_t row = 0; row < num_rows_; ++row)
        out.legal_start[row + 1] += out.legal_start[row];
    std::vector<Action> all;
    all.reserve(static_cast<std::size_t>(out.legal_start[num_rows_]));
    for (std::vector<Action>& actions : legal) {
        all.insert(all.end(), actions.begin(), actions.end());
        std::vector<Action>().swap(actions);
    }
    return all;
}

std::vector<Action> GameEncoder::encode_block(const Block& block, const EncodedRows& out) const {
    const std::size_t plane_bytes = game_->info().plane_bytes();
    const auto num_scalars = static_cast<std::size_t>(game_->info().num_scalars);
    GameChecker checker(*game_, *games_);
    std::vector<Action> legal;
    std::size_t row = block.first_row;
    for (std::size_t g = block.first_game; g < block.last_game; ++g)
        checker.check(g, [&](std::size_t ply, const AnyState& state, const Position& position,
                             const Choices& choices) {
            if (!filter_(games_->ply_flags[ply])) return;
            game_->observe(state.get(), out.planes + row * plane_bytes,
                           out.scalars + row * num_scalars);
            const auto actions = choices.actions();
            legal.insert(legal.end(), actions.begin(), actions.end());
            out.legal_start[row + 1] = static_cast<std::int64_t>(actions.size());
            out.ply[row] = static_cast<std::int64_t>(ply);
            out.to_play[row] = static_cast<std::uint8_t>(position.to_play);
            ++row;
        });
    return legal;
}

}  // namespace zerofleet::selfplay
