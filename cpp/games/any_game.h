// The rules of one loaded game behind a few virtual calls, so that tree search, pool, record
// writing and evaluation cache are compiled once and games written in Python fit beside the
// compiled ones. Calls are coarse: one search simulation is one `assign` and one `visit`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "games/game.h"

namespace zerofleet {

/// What is constant about a game.
struct GameInfo {
    std::string spec;             // canonical text, `go(komi=7.5,size=9)`
    int num_actions = 0;          // players' actions are 0 .. num_actions - 1
    int max_chance_outcomes = 0;  // 0: no chance; outcomes are 0 .. max_chance_outcomes - 1
    int num_players = 2;          // 1 or 2
    int max_legal_actions = 0;    // at one state
    int max_plies = 0;            // chance outcomes included
    int num_planes = 0, num_scalars = 0, rows = 0, cols = 0;
    bool real_planes = false;  // planes are f32 [C, H, W], not bits: games written in Python
    std::size_t state_bytes = 0, state_alignment = 1;

    /// Bytes of the planes of one observation: u8 [C, ceil(H * W / 8)], or f32 [C, H, W].
    std::size_t plane_bytes() const {
        const auto cells = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
        return static_cast<std::size_t>(num_planes) *
               (real_planes ? cells * sizeof(float) : (cells + 7) / 8);
    }
    /// The longest list that `Choices` holds.
    int max_choices() const {
        return max_legal_actions > max_chance_outcomes ? max_legal_actions : max_chance_outcomes;
    }
};

/// What may happen next at a state: legal actions in the game's own fixed order, or the outcomes of
/// a chance node with their probabilities, which sum to 1. Nothing at the end.
class Choices {
  public:
    explicit Choices(const GameInfo& info)
        : actions_(static_cast<std::size_t>(info.max_choices())),
          probabilities_(static_cast<std::size_t>(info.max_chance_outcomes)) {}

    int size() const { return size_; }
    std::span<const Action> actions() const { return {actions_.data(), count()}; }
    /// Chance nodes only.
    std::span<const float> probabilities() const { return {probabilities_.data(), count()}; }

    void clear() { size_ = 0; }
    void push_back(Action a) { actions_[static_cast<std::size_t>(size_++)] = a; }  // unchecked
    void push_back(Action outcome, float probability) {
        probabilities_[static_cast<std::size_t>(size_)] = probability;
        push_back(outcome);
    }
    /// Replaces the list by these actions.
    void assign(const Action* first, std::size_t count) {
        std::copy_n(first, count, actions_.data());
        size_ = static_cast<int>(count);
    }

  private:
    std::size_t count() const { return static_cast<std::size_t>(size_); }
    LineVector<Action> actions_;
    LineVector<float> probabilities_;
    int size_ = 0;
};

/// What search asks of a state.
struct Position {
    bool terminal = false;
    bool chance = false;        // nature moves next
    std::int8_t to_play = -1;   // 0 or 1; -1 at chance nodes and at the end
    bool length_bound = false;  // at the end: the rules ended the game for its length alone
    float value = 0.0f;         // at the end: the search value from the view of player 0
};

/// The rules. States live in memory of the caller, `info().state_bytes` bytes aligned to
/// `state_alignment`; `AnyState` is such a state with an owner. Const and safe to use from several
/// threads; one state belongs to one thread at a time, copies are independent.
class AnyGame {
  public:
    explicit AnyGame(GameInfo info) : info_(std::move(info)) {}
    virtual ~AnyGame() = default;
    AnyGame(const AnyGame&) = delete;
    AnyGame& operator=(const AnyGame&) = delete;

    const GameInfo& info() const { return info_; }

    virtual void construct_initial(void* to) const = 0;  // `to`: raw memory
    virtual void construct_copy(void* to, const void* from) const = 0;
    virtual void construct_parsed(void* to, std::string_view text) const = 0;  // invalid_argument
    virtual void assign(void* to, const void* from) const = 0;                 // both are states
    virtual void destroy(void* state) const = 0;

    /// Plays actions and chance outcomes in order; each is legal where it is played.
    virtual void apply(void* state, std::span<const Action> actions) const = 0;
    /// Says what the state is and fills `choices`.
    virtual Position look(const void* state, Choices& choices) const = 0;
    /// Writes the observation from the mover's view: `info().plane_bytes()` bytes of planes (f32
    /// planes need their alignment) and `num_scalars` floats. Players' nodes only.
    virtual void observe(const void* state, std::uint8_t* planes, float* scalars) const = 0;
    /// apply, look and, where a player moves, observe, in one call: a simulation of the search.
    virtual Position visit(void* state, std::span<const Action> actions, Choices& choices,
                           std::uint8_t* planes, float* scalars) const;

    /// Any integer may be asked, at chance nodes too.
    virtual bool is_legal(const void* state, std::int64_t action) const = 0;
    /// Of the state, not of the path to it. What a net sees may hold more (history): the evaluation
    /// cache hashes the observation and the legal actions themselves.
    virtual std::uint64_t hash(const void* state) const = 0;
    /// One number per player at the end; the score in one-player games. Appends.
    virtual void returns(const void* state, std::vector<float>& out) const = 0;
    /// A return of player 0 on the scale of search, [-1, 1]: the same in two-player games, a
    /// monotone map of the score in one-player games.
    virtual float search_value(float player0_return) const = 0;
    virtual std::string text(const void* state) const = 0;
    /// Chance outcomes too.
    virtual std::string action_to_text(const void* state, Action action) const = 0;

  private:
    GameInfo info_;
};

/// A compiled game by its canonical text. Throws std::invalid_argument as `with_game` does.
std::shared_ptr<const AnyGame> any_game(std::string_view spec);

/// A state with its memory. The game must outlive it.
class AnyState {
  public:
    explicit AnyState(const AnyGame& game) : AnyState(game, nullptr) {}
    /// A copy of `from`, a state of this game.
    AnyState(const AnyGame& game, const void* from);
    AnyState(const AnyState& other) : AnyState(*other.game_, other.memory_) {}
    AnyState(AnyState&& other) noexcept
        : game_(other.game_), memory_(std::exchange(other.memory_, nullptr)) {}
    AnyState& operator=(AnyState other) noexcept {
        std::swap(game_, other.game_);
        std::swap(memory_, other.memory_);
        return *this;
    }
    ~AnyState();

    void assign(const void* from) { game_->assign(memory_, from); }
    void apply(Action action) { game_->apply(memory_, {&action, 1}); }

    const AnyGame& game() const { return *game_; }
    void* get() { return memory_; }
    const void* get() const { return memory_; }

  private:
    const AnyGame* game_;
    void* memory_;
};

}  // namespace zerofleet
