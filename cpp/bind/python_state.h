// Games written in Python for the searches of the core: the only place where C++ calls Python.
#pragma once

#include <nanobind/nanobind.h>

#include "games/any_game.h"

namespace zerofleet::bind {

/// The rules of a Python object with the face of `zerofleet.games.Game`. A state is one reference
/// to a Python object. Every call takes the GIL, so that threads take turns; what Python raises
/// comes through as nanobind::python_error with a note naming the game and the method, and what
/// Python returns is checked before the search sees it.
class [[gnu::visibility("hidden")]] PythonGame final : public AnyGame {
  public:
    /// Throws TypeError naming what is missing. The GIL is held.
    explicit PythonGame(nanobind::object game);
    ~PythonGame() override;

    void construct_initial(void* to) const override;
    void construct_copy(void* to, const void* from) const override;
    void construct_parsed(void* to, std::string_view text) const override;
    void assign(void* to, const void* from) const override;
    void destroy(void* state) const override;

    void apply(void* state, std::span<const Action> actions) const override;
    Position look(const void* state, Choices& choices) const override;
    void observe(const void* state, std::uint8_t* planes, float* scalars) const override;

    bool is_legal(const void* state, std::int64_t action) const override;
    std::uint64_t hash(const void* state) const override;
    void returns(const void* state, std::vector<float>& out) const override;
    float search_value(float player0_return) const override;
    std::string text(const void* state) const override;
    std::string action_to_text(const void* state, Action action) const override;

    /// A copy of a Python state for `AnyState`. Throws TypeError or ValueError for what is no state
    /// of this game. The GIL is held.
    nanobind::object copy_of(nanobind::handle state) const;

  private:
    nanobind::object game_;
};

}  // namespace zerofleet::bind
