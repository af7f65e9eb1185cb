// A compiled game and its states behind virtual calls, for the Python face: what Python sees is
// bound once (games.cpp) and not once for each game.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "games/game.h"

namespace zerofleet::bind {

class GameFace;

/// A state of a compiled game. Calls mean what they mean in games/game.h.
class StateFace {
  public:
    virtual ~StateFace() = default;

    const GameFace& game() const { return *game_; }
    const std::shared_ptr<const GameFace>& shared_game() const { return game_; }
    /// The state itself, as `any_game(game().facts().options.spec())` knows it.
    virtual const void* raw() const = 0;

    virtual std::unique_ptr<StateFace> clone() const = 0;
    virtual bool equals(const StateFace& other) const = 0;  // false for states of other games
    virtual int to_play() const = 0;
    virtual bool is_terminal() const = 0;
    virtual bool at_length_bound() const = 0;
    virtual bool is_chance() const = 0;
    virtual std::vector<Action> sorted_actions() const = 0;
    virtual std::vector<ChanceOutcome> chance_outcomes() const = 0;
    virtual bool is_legal(Action action) const = 0;
    virtual void apply(Action action) = 0;
    virtual std::vector<float> returns() const = 0;
    virtual std::uint64_t hash() const = 0;
    /// Planes as zeros and ones, [C, H, W]; [S] scalars. Both start as zeros.
    virtual void observe(float* planes, float* scalars) const = 0;
    virtual void pack(std::uint8_t* out) const = 0;
    virtual std::unique_ptr<StateFace> transformed(int symmetry) const = 0;
    virtual std::string text() const = 0;
    virtual std::string pretty() const = 0;
    virtual std::string action_to_text(Action action) const = 0;
    virtual Action action_from_text(std::string_view text) const = 0;
    virtual std::uint64_t perft(int depth) const = 0;

  protected:
    explicit StateFace(std::shared_ptr<const GameFace> game) : game_(std::move(game)) {}

  private:
    std::shared_ptr<const GameFace> game_;
};

/// What is constant about a game.
struct GameFacts {
    GameOptions options;
    int num_actions, num_players, max_plies, max_chance_outcomes;
    int num_planes, rows, cols, num_scalars;
    int score_scalar;  // -1: none
    int num_symmetries, packed_bytes;
};

/// The rules of a compiled game.
class GameFace : public std::enable_shared_from_this<GameFace> {
  public:
    virtual ~GameFace() = default;

    const GameFacts& facts() const { return facts_; }
    const std::string& name() const { return facts_.options.game(); }

    virtual std::unique_ptr<StateFace> initial_state() const = 0;
    virtual std::unique_ptr<StateFace> parse(std::string_view text) const = 0;
    virtual std::unique_ptr<StateFace> unpack(const std::uint8_t* packed) const = 0;
    virtual Action transform_action(Action action, int symmetry) const = 0;
    virtual Action transform_outcome(Action outcome, int symmetry) const = 0;
    virtual float search_value(float result) const = 0;

  protected:
    explicit GameFace(GameFacts facts) : facts_(std::move(facts)) {}

  private:
    GameFacts facts_;
};

/// Throws std::invalid_argument as `parse_game_spec` does.
std::shared_ptr<const GameFace> load_game_face(std::string_view spec);

}  // namespace zerofleet::bind
