// Chess by the rules of FIDE, with the draws that players may claim made automatic: the third
// occurrence of a position and 50 moves without capture or pawn move end the game.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fixed_list.h"
#include "base/rng.h"
#include "games/chess/actions.h"
#include "games/chess/position.h"
#include "games/game.h"

namespace zerofleet {

struct Chess {
    static constexpr std::string_view kName = "chess";
    static constexpr int kRows = 8;
    static constexpr int kCols = 8;
    static constexpr int kNumActions = chess::kNumActions;
    static constexpr int kNumPlayers = 2;
    static constexpr int kMaxLegalActions = chess::kMaxMoves;
    static constexpr int kMaxPlies = 512;
    static constexpr int kNumSteps = 8;        // positions seen: this one and seven before
    static constexpr int kPlanesPerStep = 14;  // 6 + 6 pieces, repeated once, repeated twice
    static constexpr int kNumPlanes = kNumSteps * kPlanesPerStep + 5;
    static constexpr int kNumScalars = 2;
    static constexpr int kNumSymmetries = 1;
    static constexpr int kMaxClock = 100;  // plies without capture or pawn move: a draw
    static constexpr int kPackedBytes = 38 + 2 * kMaxClock;

    enum class Outcome : std::uint8_t {
        kOngoing,
        kCheckmate,
        kStalemate,
        kInsufficientMaterial,
        kRepetition,   // the third occurrence
        kFiftyMoves,   // kMaxClock
        kLengthBound,  // kMaxPlies
    };

    /// A position and as much of its past as matters: what the net sees (seven positions) and what
    /// can still be repeated (everything since the last irreversible move). Two states are equal if
    /// all of that is equal.
    class State {
      public:
        State() : State(chess::start_position()) {}
        /// A position that `check_position` accepted, without a past.
        explicit State(const chess::Position& position);
        State(const State& other) { *this = other; }
        State& operator=(const State& other);

        int to_play() const { return now_.ply & 1; }
        bool is_terminal() const { return now_.outcome != Outcome::kOngoing; }
        Outcome outcome() const { return now_.outcome; }
        bool at_length_bound() const { return now_.outcome == Outcome::kLengthBound; }
        Returns<2> returns() const {
            if (now_.outcome != Outcome::kCheckmate) return {0.0f, 0.0f};
            return to_play() == 1 ? Returns<2>{1.0f, -1.0f} : Returns<2>{-1.0f, 1.0f};
        }

        void legal_actions(FixedList<Action, kMaxLegalActions>& out) const {
            if (!is_terminal()) chess::legal_actions(position(), out);
        }
        template <class List>
        void legal_actions(List& out) const {
            FixedList<Action, kMaxLegalActions> found;
            legal_actions(found);
            for (const Action a : found) out.push_back(a);
        }
        /// The same in ascending order, by putting them into sets instead of comparing them.
        void sorted_legal_actions(FixedList<Action, kMaxLegalActions>& out) const;
        /// A legal action, all equally likely; the game is open.
        Action random_action(Rng& rng) const;
        bool is_legal(Action a) const;
        void apply(Action a);
        /// Applies one after the other. Only the last one may end the game: nothing is looked up in
        /// between, which is what replaying a path of the search wants.
        void apply_path(std::span<const Action> actions);
        /// `apply` of a legal move.
        void play(chess::Move move);

        /// Of everything `observe` shows. Finer than the position, coarser than equality: what was
        /// played more than seven plies ago only counts by the repetitions it makes.
        std::uint64_t hash() const;
        bool operator==(const State& other) const;

        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int /*symmetry*/) const { return *this; }
        /// `FEN` or `FEN moves e2e4 e7e5 ...`: the oldest position that matters and the moves
        /// since, as in the command `position` of UCI. `fen()` is the position alone.
        std::string text() const;
        std::string fen() const { return chess::fen(position()); }
        std::string pretty() const;

        /// kPackedBytes bytes, the content of `text`:
        ///
        ///   0-31  the oldest position, four words of 64 bits, little-endian: three bits of the
        ///         piece (0 empty, 1 pawn .. 6 king), the colour (1 = black); square a1 at bit 0
        ///   32    rights to castle: 1 white short, 2 white long, 4 black short, 8 black long
        ///   33    en passant square, 64 = none
        ///   34    plies without capture or pawn move
        ///   35    number n of moves since, 0..100
        ///   36-37 ply
        ///   38-   n moves of 16 bits: from, to << 6, promotion << 12; the rest is zero
        void pack(std::uint8_t* out) const;
        /// Throws std::invalid_argument if no such position exists or a move is illegal.
        static State unpack(const std::uint8_t* packed);

        const chess::Position& position() const { return now_.ring[now_.ply & 7]; }

      private:
        friend struct Chess;
        void step(chess::Move move);
        void conclude();
        /// What `text` and `pack` hold: the oldest position that matters and the moves since.
        struct Past {
            const chess::Position* base;
            FixedList<chess::Move, kMaxClock> moves;
        };
        Past past() const;
        const chess::Position& before(int plies) const { return now_.ring[(now_.ply - plies) & 7]; }

        /// What is copied whole.
        struct Recent {
            // The last eight positions and the moves that led to them, by ply & 7.
            std::array<chess::Position, 8> ring;
            std::array<chess::Move, 8> ring_moves;
            chess::Position anchor;  // after the last irreversible move
            std::uint16_t ply;
            std::uint8_t num_before;  // positions in the ring before this one, at most 7
            std::uint8_t num_since;   // plies since the anchor
            bool any_repeated;        // some position of the ring has repetitions
            Outcome outcome;
            // Since the anchor: [i] leads away from ply i. Only num_since entries are set and
            // copied, as is the case for the keys.
            std::array<chess::Move, kMaxClock> moves;
        };
        Recent now_;
        std::array<std::uint64_t, kMaxClock + 1> keys_;  // [i] of ply i after the anchor
    };

    static Action transform_action(Action a, int /*symmetry*/) { return a; }

    /// `startpos`, a FEN, or either followed by `moves` and moves such as `e2e4 e7e8q`.
    static State parse(std::string_view text);
    /// Standard Algebraic Notation: "Nf3", "exd8=Q#", "O-O".
    static std::string action_to_text(const State& state, Action a);
    /// Reads SAN and the notation of UCI ("e2e4", "e7e8q", "e1g1").
    static Action action_from_text(const State& state, std::string_view text);

    /// Counts by the rules of this game, draws included; much faster than walking the states where
    /// no automatic draw is within reach.
    static std::uint64_t perft(const State& state, int depth);
};

}  // namespace zerofleet
