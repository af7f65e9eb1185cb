// Evaluates the states of a search: a stack of accumulators that follows apply and undo.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/cache_line.h"
#include "nnue/features.h"
#include "nnue/network.h"

namespace zerofleet::nnue {

/// One per thread; the network is shared and must outlive it.
///
///   evaluator.reset(root);
///   State child = root;  child.apply(a);
///   evaluator.push(root, a, child);
///   int eval = evaluator.evaluate(child);
///   evaluator.pop();
///
/// `push` only notes which rows the move adds; the accumulators are computed when `evaluate` needs
/// them, and are then kept for the state's own children. All additions are exact, so an evaluation
/// never depends on the path.
template <class Game>
class Evaluator {
    using F = Features<Game>;
    static_assert(MoveRows::kMax == Update::kMaxRows);
    using State = typename Game::State;

  public:
    /// Throws std::invalid_argument if the network is for another game.
    explicit Evaluator(const Network& network)
        : network_(&network),
          width_(static_cast<std::size_t>(2 * network.sizes().a)),
          entries_(Game::kMaxPlies + 1),
          accumulators_(width_ * entries_.size()) {
        network.require(find_feature_set(F::kName));
    }

    /// Starts a new path at `root`, computed from all its features.
    void reset(const State& root) {
        top_ = 0;
        std::int32_t psqt[2] = {0, 0};
        for (int view = 0; view < 2; ++view) {
            const std::int16_t* rows[F::kMaxActive];
            int count = 0;
            F::for_each_active(root, view, [&](int f) {
                rows[count++] = network_->row(f);
                psqt[view] += network_->row_psqt(f);
            });
            network_->kernels().refresh(network_->sizes(), network_->bias(), rows, count,
                                        accumulators(0) + view * network_->sizes().a);
        }
        entries_[0].psqt = psqt[0] - psqt[1];
        entries_[0].computed = true;
    }

    /// Follows the move `a` from `before`, the state on top, to `after`. A path has at most
    /// Game::kMaxPlies moves.
    void push(const State& before, Action a, const State& after) {
        Entry& entry = entries_[++top_];
        entry.change = F::move_rows(before, a, after);
        entry.computed = false;
    }

    void pop() { --top_; }

    /// Brings the accumulators of the state on top up to date without evaluating it.
    void update() {
        if (entries_[top_].computed) return;
        catch_up();
        network_->kernels().update(network_->sizes(), step(top_));
    }

    /// Value of the state on top, from its mover's view: kEvalPerLogit steps are one logit of the
    /// win probability; within +-kMaxEval.
    int evaluate(const State& s) {
        const LayerStack& layers = network_->layers(F::num_pieces(s));
        const Entry& top = entries_[top_];
        std::int32_t out;
        if (top.computed) {
            out = network_->kernels().forward(network_->sizes(), layers, accumulators(top_),
                                              s.to_play());
        } else {
            catch_up();
            out = network_->kernels().update_forward(network_->sizes(), layers, step(top_),
                                                     s.to_play());
        }
        const std::int32_t raw = out + (s.to_play() == 0 ? top.psqt : -top.psqt);
        return std::clamp(raw >> 4, -kMaxEval, kMaxEval);
    }

  private:
    struct Entry {
        MoveRows change;    // from the entry below
        std::int32_t psqt;  // view 0 minus view 1; valid if computed
        bool computed;
    };

    std::int16_t* accumulators(std::size_t i) { return accumulators_.data() + i * width_; }

    /// Computes the psqt of entry i and says how its accumulators come from those below, which
    /// must be computed; the caller does that.
    Update step(std::size_t i) {
        Entry& entry = entries_[i];
        const MoveRows& change = entry.change;
        Update update;
        update.from = accumulators(i - 1);
        update.to = accumulators(i);
        update.count = change.count;
        entry.psqt = entries_[i - 1].psqt;
        entry.computed = true;
        for (std::size_t k = 0; k < static_cast<std::size_t>(change.count); ++k) {
            for (std::size_t view = 0; view < 2; ++view)
                update.row[view][k] = network_->row(change.row[view][k]);
            entry.psqt +=
                network_->row_psqt(change.row[0][k]) - network_->row_psqt(change.row[1][k]);
        }
        return update;
    }

    /// Computes the entries below the top. Rare: a parent is computed once for all its children.
    void catch_up() {
        if (!entries_[top_ - 1].computed) [[unlikely]]
            compute_path();
    }
    [[gnu::noinline]] void compute_path() {
        std::size_t i = top_ - 1;
        while (!entries_[i - 1].computed) --i;  // entry 0 always is
        for (; i < top_; ++i) network_->kernels().update(network_->sizes(), step(i));
    }

    const Network* network_;
    std::size_t width_;  // of both views
    std::size_t top_ = 0;
    std::vector<Entry> entries_;             // [ply of the path]
    LineVector<std::int16_t> accumulators_;  // [ply of the path][view][A]
};

}  // namespace zerofleet::nnue
