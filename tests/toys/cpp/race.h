// Race to 21: players add 1, 2 or 3 in turn, and who reaches 21 wins. The toy game of
// tests/test_contributing.py.
#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"

namespace zerofleet {

struct Race {
    static constexpr std::string_view kName = "race";
    static constexpr int kGoal = 21;
    static constexpr int kNumActions = 3;  // add action + 1
    static constexpr int kNumPlayers = 2;
    static constexpr int kMaxLegalActions = 3;
    static constexpr int kMaxPlies = kGoal;
    static constexpr int kRows = 1;
    static constexpr int kCols = kGoal;
    static constexpr int kNumPlanes = 1;  // the total, as one cell
    static constexpr int kNumScalars = 0;
    static constexpr int kNumSymmetries = 1;
    static constexpr int kPackedBytes = 2;  // the total, the player to move

    class State {
      public:
        int to_play() const { return player_; }
        bool is_terminal() const { return total_ == kGoal; }
        Returns<2> returns() const {
            return player_ == 1 ? Returns<2>{1.0f, -1.0f} : Returns<2>{-1.0f, 1.0f};
        }
        template <class List>
        void legal_actions(List& out) const {
            for (Action a = 0; a < kNumActions && total_ + a < kGoal; ++a) out.push_back(a);
        }
        bool is_legal(Action a) const { return a >= 0 && a < kNumActions && total_ + a < kGoal; }
        void apply(Action a) {
            total_ = static_cast<std::uint8_t>(total_ + a + 1);
            player_ ^= 1;
        }
        std::uint64_t hash() const { return derive_seed(total_, player_); }
        bool operator==(const State&) const = default;

        void observe(std::uint8_t* planes, float* /*scalars*/) const {
            planes[0] = planes[1] = planes[2] = 0;
            if (total_ < kGoal) planes[total_ / 8] = static_cast<std::uint8_t>(1 << total_ % 8);
        }
        State transformed(int /*symmetry*/) const { return *this; }
        void pack(std::uint8_t* out) const {
            out[0] = total_;
            out[1] = player_;
        }
        /// Throws std::invalid_argument if no such position exists.
        static State unpack(const std::uint8_t* packed) { return of(packed[0], packed[1]); }
        static State of(int total, int player) {
            const int least = (total + 2) / 3;  // turns it takes
            const bool exists = total >= 0 && total <= kGoal && (player == 0 || player == 1) &&
                                (least != total || total % 2 == player);
            if (!exists) throw std::invalid_argument("race: no such position");
            State s;
            s.total_ = static_cast<std::uint8_t>(total);
            s.player_ = static_cast<std::uint8_t>(player);
            return s;
        }
        std::string text() const {
            return std::to_string(total_) + (player_ == 0 ? " first" : " second");
        }
        std::string pretty() const { return std::to_string(total_) + " of 21"; }

      private:
        std::uint8_t total_ = 0, player_ = 0;
    };

    static Action transform_action(Action a, int /*symmetry*/) { return a; }
    /// The total and who moves: `14 second`.
    static State parse(std::string_view text) {
        int total = -1;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), total);
        const std::string_view rest(end, text.data() + text.size());
        if (error != std::errc() || (rest != " first" && rest != " second"))
            throw std::invalid_argument("race: expected a total and first or second, got " +
                                        std::string(text));
        return State::of(total, rest == " second");
    }
    static std::string action_to_text(const State& /*state*/, Action a) {
        return std::string("+").append(std::to_string(a + 1));  // GCC 12 warns of the sum
    }
    static Action action_from_text(const State& state, std::string_view text) {
        for (Action a = 0; a < kNumActions; ++a)
            if (action_to_text(state, a) == text && state.is_legal(a)) return a;
        throw std::invalid_argument("race: " + std::string(text) + " is no legal move of " +
                                    state.text());
    }
};

static_assert(GameType<Race>);

}  // namespace zerofleet
