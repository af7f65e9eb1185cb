#include "bind/game_face.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "games/play.h"
#include "games/registry.h"

namespace zerofleet::bind {

namespace {

template <GameType G>
class StateOf final : public StateFace {
  public:
    using State = typename G::State;

    StateOf(std::shared_ptr<const GameFace> game, State state)
        : StateFace(std::move(game)), state_(std::move(state)) {}

    const void* raw() const override { return &state_; }
    std::unique_ptr<StateFace> clone() const override { return same_game(state_); }
    bool equals(const StateFace& other) const override {
        const auto* same = dynamic_cast<const StateOf*>(&other);
        return same != nullptr && same->state_ == state_;
    }
    int to_play() const override { return state_.to_play(); }
    bool is_terminal() const override { return state_.is_terminal(); }
    bool at_length_bound() const override { return zerofleet::at_length_bound(state_); }
    bool is_chance() const override { return zerofleet::is_chance(state_); }
    std::vector<Action> sorted_actions() const override {
        LegalActions<G> actions;
        if constexpr (requires { state_.sorted_legal_actions(actions); }) {
            state_.sorted_legal_actions(actions);
        } else {
            state_.legal_actions(actions);
            std::sort(actions.begin(), actions.end());
        }
        return {actions.begin(), actions.end()};
    }
    std::vector<ChanceOutcome> chance_outcomes() const override {
        ChanceOutcomes<G> outcomes;
        zerofleet::chance_outcomes<G>(state_, outcomes);
        std::vector<ChanceOutcome> out(outcomes.begin(), outcomes.end());
        std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.action < b.action; });
        return out;
    }
    bool is_legal(Action action) const override { return state_.is_legal(action); }
    void apply(Action action) override { state_.apply(action); }
    std::vector<float> returns() const override {
        const auto r = state_.returns();
        return {r.begin(), r.end()};
    }
    std::uint64_t hash() const override { return state_.hash(); }
    void observe(float* planes, float* scalars) const override {
        constexpr int kCells = G::kRows * G::kCols, kPlaneBytes = (kCells + 7) / 8;
        std::array<std::uint8_t, G::kNumPlanes * kPlaneBytes> bits{};
        state_.observe(bits.data(), scalars);
        for (int c = 0; c < G::kNumPlanes; ++c)
            for (int i = 0; i < kCells; ++i)
                planes[c * kCells + i] = bits[c * kPlaneBytes + i / 8] >> (i % 8) & 1;
    }
    void pack(std::uint8_t* out) const override { state_.pack(out); }
    std::unique_ptr<StateFace> transformed(int symmetry) const override {
        return same_game(state_.transformed(symmetry));
    }
    std::string text() const override { return state_.text(); }
    std::string pretty() const override { return state_.pretty(); }
    std::string action_to_text(Action action) const override {
        return G::action_to_text(state_, action);
    }
    Action action_from_text(std::string_view text) const override {
        return G::action_from_text(state_, text);
    }
    std::uint64_t perft(int depth) const override { return zerofleet::perft<G>(state_, depth); }

  private:
    std::unique_ptr<StateFace> same_game(State state) const {
        return std::make_unique<StateOf>(shared_game(), std::move(state));
    }

    State state_;
};

template <GameType G>
class GameOf final : public GameFace {
  public:
    explicit GameOf(const GameOptions& options)
        : GameFace({options, G::kNumActions, G::kNumPlayers, G::kMaxPlies, max_chance_outcomes<G>(),
                    G::kNumPlanes, G::kRows, G::kCols, G::kNumScalars, score_scalar<G>(),
                    G::kNumSymmetries, G::kPackedBytes}) {}

    std::unique_ptr<StateFace> initial_state() const override {
        return face(zerofleet::initial_state<G>(facts().options));
    }
    std::unique_ptr<StateFace> parse(std::string_view text) const override {
        return face(parse_state<G>(text, facts().options));
    }
    std::unique_ptr<StateFace> unpack(const std::uint8_t* packed) const override {
        try {
            return face(unpack_state<G>(packed, facts().options));
        } catch (const std::invalid_argument& e) {
            throw std::invalid_argument(name() + ": bad packed position: " + e.what());
        }
    }
    Action transform_action(Action action, int symmetry) const override {
        return G::transform_action(action, symmetry);
    }
    Action transform_outcome(Action outcome, int symmetry) const override {
        return zerofleet::transform_outcome<G>(outcome, symmetry);
    }
    float search_value(float result) const override { return zerofleet::search_value<G>(result); }

  private:
    std::unique_ptr<StateFace> face(typename G::State state) const {
        return std::make_unique<StateOf<G>>(shared_from_this(), std::move(state));
    }
};

}  // namespace

std::shared_ptr<const GameFace> load_game_face(std::string_view spec) {
    return with_game(spec,
                     []<class G>(const GameOptions& options) -> std::shared_ptr<const GameFace> {
                         return std::make_shared<GameOf<G>>(options);
                     });
}

}  // namespace zerofleet::bind
