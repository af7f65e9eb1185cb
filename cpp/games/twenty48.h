// 2048 on square boards. After each move nature puts a 2 (nine times in ten) or a 4 on an empty
// cell, each equally likely; the score is the sum of all tiles made by merging.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"
#include "games/grid.h"
#include "games/twenty48_board.h"

namespace zerofleet {

template <int N>
struct Twenty48 {
    static_assert(N >= 2 && N <= 5);
    static constexpr std::string_view kName = "twenty48";
    static constexpr std::array kOptions = {
        GameOption{"size", 4, 2, 5, 1, "rows and columns of the board"}};
    static constexpr std::array kFixedOptions = {FixedOption{"size", N}};
    static constexpr int kRows = N;
    static constexpr int kCols = N;
    static constexpr int kMaxExponent = N * N + 1;  // the largest tile there can be is 2 to this
    static constexpr int kNumActions = 4;           // twenty48::Direction
    static constexpr int kNumPlayers = 1;
    static constexpr int kMaxLegalActions = 4;
    static constexpr int kMaxChanceOutcomes = 2 * N * N;  // cell * 2, + 1 for a tile of 4
    // A move and its tile add 2 or more to the sum of the tiles, which stays below 2^(N * N + 2).
    static constexpr int kMaxPlies = 1 << (N * N + 2);
    static constexpr int kNumPlanes = kMaxExponent;  // plane e - 1: the tiles 2^e
    static constexpr int kNumScalars = 1;
    static constexpr int kScoreScalar = 0;  // search_value(score)
    static constexpr int kNumSymmetries = 8;
    static constexpr int kPackedBytes = N * N + 5;

    class State {
      public:
        int to_play() const { return is_chance() ? kChancePlayer : 0; }
        bool is_terminal() const { return (movable_ | spawns_) == 0; }
        Returns<1> returns() const { return {static_cast<float>(score())}; }

        template <class List>
        void legal_actions(List& out) const {
            if (is_chance()) {
                for (auto cells = board_.empty(); cells; cells &= cells - 1) {
                    out.push_back(2 * std::countr_zero(cells));
                    out.push_back(2 * std::countr_zero(cells) + 1);
                }
                return;
            }
            for (unsigned open = movable_; open; open &= open - 1)
                out.push_back(std::countr_zero(open));
        }
        bool is_legal(Action a) const {
            if (is_chance())
                return a >= 0 && a < kMaxChanceOutcomes && (board_.empty() >> a / 2 & 1);
            return a >= 0 && a < kNumActions && (movable_ >> a & 1);
        }
        void apply(Action a) {
            if (!is_chance()) {
                board_.slide(a);
                spawns_ = 1;
                movable_ = 0;
                return;
            }
            board_.place(a >> 1, 1 + (a & 1));
            num_fours_ += a & 1;
            if (--spawns_ == 0) movable_ = static_cast<std::uint8_t>(board_.movable());
        }

        bool is_chance() const { return spawns_ != 0; }
        template <class List>
        void chance_outcomes(List& out) const {
            const auto cells = board_.empty();
            const float share = 1.0f / static_cast<float>(std::popcount(cells));
            for (auto rest = cells; rest; rest &= rest - 1) {
                const Action outcome = 2 * std::countr_zero(rest);
                out.push_back({outcome, 0.9f * share});
                out.push_back({outcome + 1, 0.1f * share});
            }
        }
        /// A legal direction, all equally likely, or an outcome with its probability; the game is
        /// open.
        Action random_action(Rng& rng) const {
            const std::uint32_t from = is_chance() ? board_.empty() : movable_;
            const std::uint64_t bits = rng.next();
            const auto size = static_cast<std::uint64_t>(std::popcount(from));
            const auto n = static_cast<int>((bits >> 32) * size >> 32);
            const int chosen = nth_bit(from, n);
            if (!is_chance()) return chosen;
            constexpr std::uint32_t kTenth = 0x1999'999a;
            return 2 * chosen + (static_cast<std::uint32_t>(bits) < kTenth);
        }

        std::uint64_t hash() const {
            return mix64(board_.key(static_cast<std::uint64_t>(num_fours_) << 8 | spawns_));
        }
        bool operator==(const State&) const = default;

        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int symmetry) const;
        std::string text() const;
        std::string pretty() const;

        /// kPackedBytes bytes: the exponent of every cell, 0 for empty; how many of the tiles that
        /// nature put were fours (4 bytes, lowest first); how many tiles nature puts next, 0..2.
        void pack(std::uint8_t* out) const;
        /// Throws std::invalid_argument if no such position exists.
        static State unpack(const std::uint8_t* packed);

        // What players and notation read.
        int exponent(int cell) const { return board_.exponent(cell); }
        int num_spawns() const { return spawns_; }
        /// The sum of the tiles that merging made.
        std::int64_t score() const;

        /// Throws std::invalid_argument if no such position exists.
        static State from_exponents(const std::array<int, N * N>& exponents, std::int64_t num_fours,
                                    int num_spawns);

      private:
        /// Index of the n-th lowest bit, from 0, by bytes.
        static int nth_bit(std::uint32_t bits, int n) {
            int at = 0;
            for (int byte = 0; byte < (N * N - 1) / 8; ++byte) {
                const int count = std::popcount(bits & 0xff);
                const bool beyond = n >= count;
                bits = beyond ? bits >> 8 : bits;
                n -= beyond ? count : 0;
                at += beyond ? 8 : 0;
                if (N == 4 || !beyond) break;
            }
            return at + grid::kNthBit[bits & 0xff][n];
        }

        twenty48::Board<N> board_;
        // Instead of the score: a tile 2^e made of twos alone scored (e - 1) 2^e on its way, and 4
        // less for every four that nature put.
        std::int32_t num_fours_ = 0;
        std::uint8_t spawns_ = 2;   // tiles nature puts before the player moves
        std::uint8_t movable_ = 0;  // directions, where the player moves
    };

    static Action transform_action(Action direction, int symmetry);
    static Action transform_outcome(Action outcome, int symmetry);

    /// The score in [-1, 1]: -1 for 0, 1 for kTopScore and more, in between by the transform of
    /// Schrittwieser et al. 2020 (MuZero), appendix F, which evens out the steps.
    static float search_value(float score);
    /// More than random play or a beginner gets, and about what the best programs do.
    static constexpr float kTopScore = std::array{100.f, 10e3f, 400e3f, 20e6f}[N - 2];

    /// Rows from the top separated by '/', tiles by blanks, '.' for none; the score; the number of
    /// tiles nature puts next: `. 2/4 . score 0 spawns 1`.
    static State parse(std::string_view text);
    /// "up", "right", "down", "left"; outcomes are cell and tile, "b3=2" (column a.., row 1..).
    static std::string action_to_text(const State& state, Action a);
    static Action action_from_text(const State& state, std::string_view text);
};

extern template struct Twenty48<2>;
extern template struct Twenty48<3>;
extern template struct Twenty48<4>;
extern template struct Twenty48<5>;

}  // namespace zerofleet
