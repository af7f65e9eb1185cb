#include "games/any_game.h"

#include <algorithm>
#include <new>

#include "games/registry.h"

namespace zerofleet {

namespace {

template <class G>
GameInfo info_of(const GameOptions& options) {
    GameInfo info;
    info.spec = options.spec();
    info.num_actions = G::kNumActions;
    info.max_chance_outcomes = max_chance_outcomes<G>();
    info.num_players = G::kNumPlayers;
    info.max_legal_actions = G::kMaxLegalActions;
    info.max_plies = G::kMaxPlies;
    info.num_planes = G::kNumPlanes;
    info.num_scalars = G::kNumScalars;
    info.rows = G::kRows;
    info.cols = G::kCols;
    info.state_bytes = sizeof(typename G::State);
    info.state_alignment = alignof(typename G::State);
    return info;
}

template <GameType G>
class CompiledGame final : public AnyGame {
    using State = typename G::State;
    static constexpr int kOutcomes = max_chance_outcomes<G>();
    static const State& at(const void* p) { return *static_cast<const State*>(p); }
    static State& at(void* p) { return *static_cast<State*>(p); }

  public:
    explicit CompiledGame(const GameOptions& options)
        : AnyGame(info_of<G>(options)), options_(options), initial_(initial_state<G>(options)) {}

    void construct_initial(void* to) const override { new (to) State(initial_); }
    void construct_copy(void* to, const void* from) const override { new (to) State(at(from)); }
    void construct_parsed(void* to, std::string_view text) const override {
        new (to) State(parse_state<G>(text, options_));
    }
    void assign(void* to, const void* from) const override { at(to) = at(from); }
    void destroy(void* state) const override { at(state).~State(); }

    void apply(void* state, std::span<const Action> actions) const override {
        apply_all(at(state), actions);
    }
    Position look(const void* state, Choices& choices) const override {
        return look_at(at(state), choices);
    }
    void observe(const void* state, std::uint8_t* planes, float* scalars) const override {
        at(state).observe(planes, scalars);
    }
    Position visit(void* state, std::span<const Action> actions, Choices& choices,
                   std::uint8_t* planes, float* scalars) const override {
        State& s = at(state);
        apply_all(s, actions);
        const Position position = look_at(s, choices);
        if (position.to_play >= 0) s.observe(planes, scalars);
        return position;
    }

    bool is_legal(const void* state, std::int64_t action) const override {
        if (action < 0 || action >= std::max(G::kNumActions, kOutcomes)) return false;
        return at(state).is_legal(static_cast<Action>(action));
    }
    std::uint64_t hash(const void* state) const override { return at(state).hash(); }
    void returns(const void* state, std::vector<float>& out) const override {
        for (const float r : at(state).returns()) out.push_back(r);
    }
    float search_value(float player0_return) const override {
        return zerofleet::search_value<G>(player0_return);
    }
    std::string text(const void* state) const override { return at(state).text(); }
    std::string action_to_text(const void* state, Action action) const override {
        return G::action_to_text(at(state), action);
    }

  private:
    static void apply_all(State& s, std::span<const Action> actions) {
        if constexpr (requires { s.apply_path(actions); })
            s.apply_path(actions);
        else
            for (const Action a : actions) s.apply(a);
    }
    Position look_at(const State& s, Choices& choices) const {
        choices.clear();
        Position position;
        if (s.is_terminal()) {
            position.terminal = true;
            position.length_bound = at_length_bound(s);
            position.value = search_value(s.returns()[0]);
            return position;
        }
        if constexpr (kOutcomes > 0) {
            if (s.is_chance()) {
                position.chance = true;
                ChanceOutcomes<G> outcomes;
                s.chance_outcomes(outcomes);
                for (const ChanceOutcome& o : outcomes) choices.push_back(o.action, o.probability);
                return position;
            }
        }
        position.to_play = static_cast<std::int8_t>(s.to_play());
        LegalActions<G> actions;
        s.legal_actions(actions);
        choices.assign(actions.begin(), actions.size());
        return position;
    }

    GameOptions options_;
    State initial_;
};

}  // namespace

Position AnyGame::visit(void* state, std::span<const Action> actions, Choices& choices,
                        std::uint8_t* planes, float* scalars) const {
    apply(state, actions);
    const Position position = look(state, choices);
    if (position.to_play >= 0) observe(state, planes, scalars);
    return position;
}

std::shared_ptr<const AnyGame> any_game(std::string_view spec) {
    return with_game(spec,
                     []<class G>(const GameOptions& options) -> std::shared_ptr<const AnyGame> {
                         return std::make_shared<CompiledGame<G>>(options);
                     });
}

namespace {

/// States share no line of the cache: each may be another thread's.
std::align_val_t alignment_of(const GameInfo& info) {
    return std::align_val_t{std::max(info.state_alignment, kCacheLine)};
}

std::size_t bytes_of(const GameInfo& info) {
    return (info.state_bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace

AnyState::AnyState(const AnyGame& game, const void* from)
    : game_(&game), memory_(::operator new(bytes_of(game.info()), alignment_of(game.info()))) {
    try {
        if (from == nullptr)
            game.construct_initial(memory_);
        else
            game.construct_copy(memory_, from);
    } catch (...) {
        ::operator delete(memory_, alignment_of(game.info()));
        throw;
    }
}

AnyState::~AnyState() {
    if (memory_ == nullptr) return;
    game_->destroy(memory_);
    ::operator delete(memory_, alignment_of(game_->info()));
}

}  // namespace zerofleet
