// Alpha-beta search: iterative deepening, aspiration windows, principal variation search,
// late-move reductions, killers, history, a transposition table, quiescence on tactical moves.
//
// With `reductions` off the value is exactly that of plain minimax over the same leaves (tested
// against search/minimax.h). With them on it is not, but a proven score stays a proof: no move is
// ever skipped, every evaluation is within +-kMaxEval, so a score beyond that can only come from
// finished games (docs/alphabeta.md).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "games/game.h"
#include "search/move_order.h"
#include "search/score.h"
#include "search/tactics.h"
#include "search/transposition_table.h"

namespace zerofleet::search {

struct AlphaBetaOptions {
    /// Search moves late in the order less deeply until they prove better than expected.
    bool reductions = true;
    /// Follow winning and board-winning moves beyond the depth limit.
    bool quiescence = true;
    /// Half-width of the first window around the last iteration's score; 0 = full windows.
    int aspiration = 96;
    /// Size of the transposition table.
    std::size_t table_kib = 512;
};

/// Whatever comes first ends the search; iteration 1 is always finished.
struct SearchLimits {
    int depth = std::numeric_limits<int>::max();  // plies
    std::uint64_t nodes = 0;                      // exact; 0 = no limit
    double seconds = 0.0;                         // 0 = no limit
    const std::atomic<bool>* stop = nullptr;      // polled every 1,024 nodes
};

struct SearchResult {
    Action action = -1;
    int score = 0;             // mover's view, search/score.h
    int depth = 0;             // last finished iteration
    bool interrupted = false;  // by nodes, time or stop
    std::uint64_t nodes = 0;   // positions entered after the root, quiescence included
    std::uint64_t evaluations = 0;
    std::uint64_t expanded = 0;  // positions whose moves were generated
    std::vector<Action> pv;      // legal in turn; may end early where the table cut a line
};

/// What search asks of an evaluator. It keeps a stack of positions: `reset` starts it, `push` adds
/// the position after a move, `pop` drops it; `evaluate` is asked about the top only.
template <class E, class Game>
concept EvaluatorFor = requires(E e, const typename Game::State& s, Action a) {
    e.reset(s);
    e.push(s, a, s);
    e.pop();
    { e.evaluate(s) } -> std::convertible_to<int>;  // mover's view, within +-kMaxEval
};

/// One searcher: owns its evaluator, table and heuristics; one thread at a time, no shared state.
template <GameType Game, EvaluatorFor<Game> Evaluator>
class AlphaBeta {
  public:
    using State = typename Game::State;

    template <class... EvaluatorArgs>
    explicit AlphaBeta(const AlphaBetaOptions& options, EvaluatorArgs&&... evaluator_args)
        : options_(options),
          evaluator_(std::forward<EvaluatorArgs>(evaluator_args)...),
          table_(options.table_kib),
          stack_(Game::kMaxPlies + 2) {
        new_game();
    }

    /// Forgets everything learnt: the next search depends on its arguments alone.
    void new_game() {
        table_.clear();
        order_.clear();
    }

    /// The best move and value of `root`, which must not be terminal. Moves of equal value are
    /// taken in the game's ordering, or in an order drawn from `shuffle_seed` if that is not 0.
    SearchResult search(const State& root, const SearchLimits& limits,
                        std::uint64_t shuffle_seed = 0);

    /// Value of every legal move (mover's view), each searched to `limits.depth` with full windows;
    /// slower than `search`, for sampling by temperature. Empty if interrupted.
    std::vector<std::pair<Action, int>> search_each(const State& root, const SearchLimits& limits);

    // Of the last search.
    std::uint64_t nodes() const { return nodes_; }
    std::uint64_t evaluations() const { return evaluations_; }
    std::uint64_t expanded() const { return expanded_; }

  private:
    using Tactic = Tactics<Game>;
    static constexpr int kMaxDepth = Game::kMaxPlies;
    static_assert(kMaxDepth <= std::numeric_limits<std::int8_t>::max(), "depths of TableEntry");
    static constexpr std::uint64_t kPollNodes = 1024;

    struct Frame {
        std::int16_t pv_length = 0;
        std::int16_t pv[Game::kMaxPlies + 2];
    };
    using Clock = std::chrono::steady_clock;

    void start(const State& root, const SearchLimits& limits);
    int search_root(const State& root, int alpha, int beta, int depth);
    template <bool kPv>
    int node(const State& s, int alpha, int beta, int depth, int ply);
    int leaf(const State& s, int alpha, int beta, int ply);
    int quiesce(const State& s, int alpha, int beta, int ply);

    static State after(const State& s, Action a) {
        State child = s;
        child.apply(a);
        return child;
    }
    /// Score of a finished game for the player who made the last move at `ply` - 1.
    static int finished(const State& end, int mover, int ply) {
        const float result = end.returns()[static_cast<std::size_t>(mover)];
        return result > 0 ? win_in(ply) : result < 0 ? loss_in(ply) : 0;
    }
    /// Plies to take off, at least 0; integers only.
    static int reduction(int depth, int index) {
        return depth < 3 || index < 3 ? 0
                                      : std::bit_width(static_cast<unsigned>(depth - 1)) *
                                            std::bit_width(static_cast<unsigned>(index)) / 4;
    }
    int evaluate(const State& s) {
        ++evaluations_;
        return evaluator_.evaluate(s);
    }
    /// Counts a position; true if the search must end.
    bool enter() { return ++nodes_ >= next_poll_ && poll(); }
    bool poll();
    void keep_pv(int ply, Action a) {
        Frame& here = stack_[static_cast<std::size_t>(ply)];
        const Frame& below = stack_[static_cast<std::size_t>(ply) + 1];
        here.pv[0] = static_cast<std::int16_t>(a);
        std::copy(below.pv, below.pv + below.pv_length, here.pv + 1);
        here.pv_length = static_cast<std::int16_t>(below.pv_length + 1);
    }

    AlphaBetaOptions options_;
    Evaluator evaluator_;
    TranspositionTable table_;
    std::vector<Frame> stack_;
    MoveOrder<Game> order_;
    std::vector<ScoredMove> root_moves_;  // best first

    SearchLimits limits_;
    Clock::time_point deadline_;
    std::uint64_t nodes_ = 0, evaluations_ = 0, expanded_ = 0, next_poll_ = 0;
    bool may_stop_ = false;  // iteration 1 is finished
    bool aborted_ = false;
    Action best_of_iteration_ = -1;  // of the running iteration; -1 until a move raised alpha
    int best_score_ = 0;
};

template <GameType Game, EvaluatorFor<Game> Evaluator>
bool AlphaBeta<Game, Evaluator>::poll() {
    next_poll_ = nodes_ + kPollNodes;
    if (limits_.nodes != 0) next_poll_ = std::min(next_poll_, std::max(nodes_ + 1, limits_.nodes));
    if (!may_stop_) return false;
    aborted_ = (limits_.nodes != 0 && nodes_ >= limits_.nodes) ||
               (limits_.stop && limits_.stop->load(std::memory_order_relaxed)) ||
               (limits_.seconds > 0 && Clock::now() >= deadline_);
    return aborted_;
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
void AlphaBeta<Game, Evaluator>::start(const State& root, const SearchLimits& limits) {
    if (root.is_terminal())
        throw std::invalid_argument(std::string(Game::kName) +
                                    ": cannot search a finished game: " + root.text());
    limits_ = limits;
    limits_.depth =
        std::clamp(limits.depth, 1, std::min(Tactic::max_remaining_plies(root), kMaxDepth));
    // A year is no limit, and far from the end of what a clock counts.
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(std::min(limits.seconds, 3e7)));
    nodes_ = evaluations_ = expanded_ = 0;
    may_stop_ = aborted_ = false;
    next_poll_ = 1;
    table_.new_search();
    evaluator_.reset(root);
    order_.new_search();

    root_moves_.clear();
    MoveList<Game> moves;
    Tactic::moves(root, moves);
    for (const ScoredMove& m : moves) root_moves_.push_back(m);
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
SearchResult AlphaBeta<Game, Evaluator>::search(const State& root, const SearchLimits& limits,
                                                std::uint64_t shuffle_seed) {
    start(root, limits);
    SearchResult result;
    if (const Action a = Tactic::winning_action(root); a >= 0 && shuffle_seed == 0) {
        result.action = a;
        result.score = win_in(1);
        result.depth = 1;
        result.pv = {a};
        return result;
    }
    if (shuffle_seed != 0) {
        Rng rng(shuffle_seed);
        for (std::size_t i = root_moves_.size(); i > 1; --i)
            std::swap(root_moves_[i - 1], root_moves_[rng.below(static_cast<std::uint32_t>(i))]);
    } else {
        std::stable_sort(root_moves_.begin(), root_moves_.end(),
                         [](const auto& a, const auto& b) { return a.order > b.order; });
    }

    for (int depth = 1; depth <= limits_.depth; ++depth) {
        int alpha = -kInfinite, beta = kInfinite, width = options_.aspiration;
        if (width > 0 && depth >= 4 && !is_proven(result.score)) {
            alpha = result.score - width;
            beta = result.score + width;
        }
        int score;
        for (;;) {
            best_of_iteration_ = -1;
            score = search_root(root, alpha, beta, depth);
            if (aborted_) break;
            if (score <= alpha && alpha > -kInfinite)
                alpha = width < 1000 ? std::max(-kInfinite, score - (width *= 4)) : -kInfinite;
            else if (score >= beta && beta < kInfinite)
                beta = width < 1000 ? std::min(kInfinite, score + (width *= 4)) : kInfinite;
            else
                break;
        }
        if (aborted_) {
            // Every move is compared with the best so far at the new depth, so a move that raised
            // alpha beats what the last iteration chose.
            result.interrupted = true;
            if (best_of_iteration_ >= 0 && best_of_iteration_ != result.action) {
                result.action = best_of_iteration_;
                result.score = best_score_;
                result.pv.assign(stack_[0].pv, stack_[0].pv + stack_[0].pv_length);
            }
            break;
        }
        result.action = root_moves_[0].action;
        result.score = score;
        result.depth = depth;
        result.pv.assign(stack_[0].pv, stack_[0].pv + stack_[0].pv_length);
        may_stop_ = true;
        // A forced result does not change with depth, and one move needs no comparison later on.
        if (is_proven(score)) break;
        if (poll()) {  // also between iterations
            result.interrupted = depth < limits_.depth;
            break;
        }
    }
    result.nodes = nodes_;
    result.evaluations = evaluations_;
    result.expanded = expanded_;
    return result;
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
std::vector<std::pair<Action, int>> AlphaBeta<Game, Evaluator>::search_each(
    const State& root, const SearchLimits& limits) {
    start(root, limits);
    may_stop_ = true;
    std::vector<std::pair<Action, int>> scores;
    for (const ScoredMove& m : root_moves_) {
        const State child = after(root, m.action);
        if (enter()) return {};
        int score = 0;
        if (child.is_terminal()) {
            score = finished(child, root.to_play(), 1);
        } else {
            evaluator_.push(root, m.action, child);
            for (int depth = 0; depth < limits_.depth && !aborted_; ++depth)
                score = -(depth == 0 ? leaf(child, -kInfinite, kInfinite, 1)
                                     : node<true>(child, -kInfinite, kInfinite, depth, 1));
            evaluator_.pop();
        }
        if (aborted_) return {};
        scores.emplace_back(m.action, score);
    }
    return scores;
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
int AlphaBeta<Game, Evaluator>::search_root(const State& root, int alpha, int beta, int depth) {
    const int me = root.to_play();
    int best = -kInfinite;
    std::size_t best_index = 0;
    for (std::size_t i = 0; i < root_moves_.size(); ++i) {
        const Action a = root_moves_[i].action;
        const State child = after(root, a);
        if (enter()) return 0;
        stack_[1].pv_length = 0;
        int score;
        if (child.is_terminal()) {
            score = finished(child, me, 1);
        } else {
            evaluator_.push(root, a, child);
            if (depth == 1) {
                score = -leaf(child, -beta, -alpha, 1);
            } else {
                score = alpha + 1;
                if (i > 0) score = -node<false>(child, -alpha - 1, -alpha, depth - 1, 1);
                if (i == 0 || (score > alpha && score < beta && !aborted_))
                    score = -node<true>(child, -beta, -alpha, depth - 1, 1);
            }
            evaluator_.pop();
        }
        if (aborted_) return 0;
        if (score <= best) continue;
        best = score;
        best_index = i;
        if (score <= alpha) continue;
        alpha = score;
        best_of_iteration_ = a;
        best_score_ = score;
        keep_pv(0, a);
        if (score >= beta) break;
    }
    // Best first, the others in their old order.
    std::rotate(root_moves_.begin(), root_moves_.begin() + static_cast<std::ptrdiff_t>(best_index),
                root_moves_.begin() + static_cast<std::ptrdiff_t>(best_index) + 1);
    return best;
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
template <bool kPv>
int AlphaBeta<Game, Evaluator>::node(const State& s, int alpha, int beta, int depth, int ply) {
    Frame& frame = stack_[static_cast<std::size_t>(ply)];
    frame.pv_length = 0;
    const int me = s.to_play();

    // 1. A win in one: nothing is better.
    if (const Action a = Tactic::winning_action(s); a >= 0) {
        frame.pv_length = 1;
        frame.pv[0] = static_cast<std::int16_t>(a);
        return win_in(ply + 1);
    }
    // 2. Whatever happens here lies between losing and winning as fast as still possible.
    if (const int worst = loss_in(ply + 1); worst >= beta) return worst;
    if (const int ceiling = win_in(ply + 3); ceiling <= alpha) return ceiling;

    // 3. Known already?
    const std::uint64_t hash = s.hash();
    int table_action = -1;
    if (const TableEntry* e = table_.probe(hash)) {
        table_action = e->action;
        const int score = TranspositionTable::from_table(e->score, ply);
        if constexpr (!kPv) {
            // A forced result is one at any depth.
            const bool deep = e->depth >= depth;
            if (score >= beta && has(e->bound, Bound::kLower) && (deep || score > kMaxEval))
                return score;
            if (score <= alpha && has(e->bound, Bound::kUpper) && (deep || score < -kMaxEval))
                return score;
        }
    }

    // 4. Moves, in order: table, tactical, killers, then history and the game's own order.
    ++expanded_;
    MoveList<Game> moves;
    Tactic::moves(s, moves);
    order_.rank(moves, me, ply, table_action);

    const int alpha_before = alpha;
    int best = -kInfinite;
    Action best_action = -1;
    for (std::size_t i = 0; i < moves.size(); ++i) {
        pick_best(moves, i);
        const ScoredMove move = moves[i];
        const State child = after(s, move.action);
        if (enter()) return 0;
        int score;
        if (child.is_terminal()) {
            if constexpr (kPv) stack_[static_cast<std::size_t>(ply) + 1].pv_length = 0;
            score = finished(child, me, ply + 1);
        } else {
            evaluator_.push(s, move.action, child);
            if (depth == 1) {
                score = -leaf(child, -beta, -alpha, ply + 1);
            } else {
                table_.prefetch(child.hash());
                score = alpha + 1;
                if (i > 0 || !kPv) {
                    const int less = options_.reductions && !move.tactical
                                         ? reduction(depth, static_cast<int>(i))
                                         : 0;
                    if (less > 0 && depth - 1 - less >= 1)
                        score = -node<false>(child, -alpha - 1, -alpha, depth - 1 - less, ply + 1);
                    if (score > alpha && !aborted_)
                        score = -node<false>(child, -alpha - 1, -alpha, depth - 1, ply + 1);
                }
                if (kPv && (i == 0 || (score > alpha && score < beta)) && !aborted_)
                    score = -node<kPv>(child, -beta, -alpha, depth - 1, ply + 1);
            }
            evaluator_.pop();
        }
        if (aborted_) return 0;
        if (score <= best) continue;
        best = score;
        best_action = move.action;
        if (score <= alpha) continue;
        alpha = score;
        if constexpr (kPv) keep_pv(ply, move.action);
        if (score >= beta) {
            if (!move.tactical) order_.reward(moves, i, me, ply, depth);
            break;
        }
    }

    // 5. Remember it. A move that failed low is no better known than any other.
    const Bound bound = best >= beta          ? Bound::kLower
                        : best > alpha_before ? Bound::kExact
                                              : Bound::kUpper;
    table_.store(hash, TranspositionTable::to_table(best, ply), bound, depth,
                 bound == Bound::kUpper ? -1 : best_action);
    return best;
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
int AlphaBeta<Game, Evaluator>::leaf(const State& s, int alpha, int beta, int ply) {
    stack_[static_cast<std::size_t>(ply)].pv_length = 0;
    return options_.quiescence ? quiesce(s, alpha, beta, ply) : evaluate(s);
}

template <GameType Game, EvaluatorFor<Game> Evaluator>
int AlphaBeta<Game, Evaluator>::quiesce(const State& s, int alpha, int beta, int ply) {
    if (Tactic::winning_action(s) >= 0) return win_in(ply + 1);
    int best = evaluate(s);
    if constexpr (Tactic::kHasTacticalMoves) {
        if (best >= beta) return best;
        MoveList<Game> moves;
        Tactic::tactical_moves(s, moves);
        alpha = std::max(alpha, best);
        for (const ScoredMove& move : moves) {
            const State child = after(s, move.action);
            if (enter()) return 0;
            int score;
            if (child.is_terminal()) {
                score = finished(child, s.to_play(), ply + 1);
            } else {
                evaluator_.push(s, move.action, child);
                score = -quiesce(child, -beta, -alpha, ply + 1);
                evaluator_.pop();
            }
            if (aborted_) return 0;
            if (score <= best) continue;
            best = score;
            if (score >= beta) break;
            alpha = std::max(alpha, score);
        }
    }
    return best;
}

}  // namespace zerofleet::search
