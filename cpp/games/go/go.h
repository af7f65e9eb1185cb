// Go on boards of 5 x 5 to 19 x 19: area scoring, positional superko, no suicide, two passes end.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"
#include "games/go/past.h"
#include "games/go/points.h"
#include "games/go/record.h"

namespace zerofleet {

/// A template of the size, so that a set of points is exactly as many words as it needs.
template <int Size>
struct Go {
    static_assert(Size >= 5 && Size <= 19);
    static constexpr std::string_view kName = "go";
    static constexpr int kRows = Size;
    static constexpr int kCols = Size;
    static constexpr int kNumPoints = Size * Size;
    static constexpr Action kPass = kNumPoints;
    static constexpr int kNumActions = kNumPoints + 1;
    static constexpr int kNumPlayers = 2;  // player 0 is Black
    static constexpr int kMaxLegalActions = kNumActions;
    static constexpr int kMaxPlies = 3 * kNumPoints;  // then the board is scored as it stands
    static constexpr int kNumHistory = 8;             // positions in the observation
    static constexpr int kNumPlanes = 2 * kNumHistory + 1;
    static constexpr int kNumScalars = 1;
    static constexpr int kNumSymmetries = 8;
    static constexpr int kPackedBytes = go::packed_bytes(Size);

    static constexpr float kStandardKomi = 7.5f;
    static constexpr std::array<GameOption, 2> kOptions = {{
        {"komi", kStandardKomi, -go::kMaxKomi, go::kMaxKomi, 0.5,
         "points White gets for moving second"},
        {"size", 9, 5, 19, 1, "rows and columns"},
    }};
    static constexpr std::array<FixedOption, 1> kFixedOptions = {{{"size", Size}}};

    using Points = go::Points<Size>;
    using PointsOfPlayers = std::array<Points, 2>;

    class State {
      public:
        State() { begin(); }

        int to_play() const { return to_play_; }
        bool is_terminal() const { return num_passes_ >= 2 || past_.size() >= kMaxPlies; }
        /// The game ended for its length alone.
        bool at_length_bound() const { return num_passes_ < 2 && past_.size() >= kMaxPlies; }
        Returns<2> returns() const {
            const float s = score();
            return s > 0 ? Returns<2>{1, -1} : s < 0 ? Returns<2>{-1, 1} : Returns<2>{0, 0};
        }

        template <class List>
        void legal_actions(List& out) const {
            if (is_terminal()) return;
            legal_points().for_each([&](int p) { out.push_back(p); });
            out.push_back(kPass);
        }
        int count_legal_actions() const { return is_terminal() ? 0 : legal_points().count() + 1; }
        /// A legal action, all equally likely; the game is open.
        Action random_action(Rng& rng) const {
            const Points legal = legal_points();
            const int num_points = legal.count();
            const auto n = static_cast<int>(rng.below(static_cast<std::uint32_t>(num_points) + 1));
            return n == num_points ? kPass : legal.nth(n);
        }
        bool is_legal(Action a) const;
        void apply(Action a);

        /// Of komi, the first position and all moves: what is legal depends on the whole game.
        std::uint64_t hash() const { return hash_; }
        bool operator==(const State& other) const;

        /// Planes 2 k and 2 k + 1: stones of the mover and of the other side k plies ago; plane 16:
        /// ones if Black moves. Scalar: komi / 20, positive for White.
        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int symmetry) const;
        std::string text() const { return go::to_text(record()); }
        std::string pretty() const;
        void pack(std::uint8_t* out) const { go::pack(record(), out); }
        /// Throws std::invalid_argument if no such game exists.
        static State unpack(const std::uint8_t* packed);

        /// The last position of a game. Throws std::invalid_argument (a bare reason) for a stone
        /// without a liberty, komi out of range and illegal moves.
        static State from_record(const go::Record& record);
        go::Record record() const;

        const Points& stones(int player) const { return stones_[static_cast<std::size_t>(player)]; }
        Points empty() const;
        /// All points the side to move may play on; without meaning at the end.
        Points legal_points() const;
        /// Stones and surrounded points of Black minus those of White minus komi (Tromp-Taylor:
        /// all stones on the board are alive).
        float score() const;
        float komi() const { return komi_; }
        int num_plies() const { return past_.size(); }

      private:
        void begin();
        Points playable() const;
        bool repeats(int p) const;
        Points captured_by(int p) const;
        void place(int p);
        void update_atari(std::size_t player, Points seed);

        // A chain is in atari if it has exactly one liberty. The set of all stones in atari is
        // enough to know every legal point and every capture without lists of chains or counts of
        // liberties, and it is cheap to keep: a stone changes only the chains next to it and those
        // next to what it captures.
        PointsOfPlayers stones_{};
        PointsOfPlayers atari_{};
        PointsOfPlayers lost_{};  // where stones of that player have been captured
        std::array<PointsOfPlayers, kNumHistory> recent_{};  // position before ply i at i % 8
        std::uint64_t key_ = 0;                              // of the stones, for superko
        std::uint64_t hash_ = 0;
        go::Past<go::filter_words(kNumPoints)> past_;
        PointsOfPlayers first_{};  // the first position
        float komi_ = kStandardKomi;
        std::uint8_t first_to_play_ = 0;
        std::uint8_t to_play_ = 0;
        std::uint8_t num_passes_ = 0;  // in a row
    };

    static State initial_state(const GameOptions& options);

    static Action transform_action(Action a, int symmetry) {
        return a == kPass ? kPass : grid::transform_cell(a, Size, symmetry);
    }

    /// The text is that of go::to_text.
    static State parse(std::string_view text);
    /// The same, refusing another komi than the game's.
    static State parse(std::string_view text, const GameOptions& options);
    static State unpack(const std::uint8_t* packed, const GameOptions& options);
    /// Column letter without I and row from the bottom, or "pass": "D4".
    static std::string action_to_text(const State& state, Action a);
    /// Throws std::invalid_argument unless it names a legal action.
    static Action action_from_text(const State& state, std::string_view text);
};

}  // namespace zerofleet
