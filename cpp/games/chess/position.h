// A chess position under the rules of moving: what a FEN says. Draws by repetition, move count or
// material, and the history they need, are the game's (chess.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fixed_list.h"
#include "games/chess/movegen.h"
#include "games/chess/types.h"

namespace zerofleet::chess {

/// No position that `check_position` accepts has more legal moves; 218 is the most that is known
/// (Petrovic 1964).
constexpr int kMaxMoves = 256;
using MoveList = FixedList<Move, kMaxMoves>;

/// Legal moves as sets: each the moves of one piece, or of pawns in one direction.
struct MoveSets {
    struct Set {
        Bitboard targets;
        std::int8_t from;  // of a piece, or kNoSquare: pawns, each from its target - delta
        std::int8_t delta;
        bool promotes;  // four moves to each target
    };
    /// At most 16 pieces, 7 sets of pawns, en passant twice, castling twice.
    FixedList<Set, 32> sets;
    std::uint32_t total = 0;

    /// n < total.
    Move nth(std::uint32_t n) const;
};

struct Position {
    Board board{};
    std::uint64_t key = 0;                // Zobrist: pieces, side to move, castling, en passant
    std::uint16_t ply = 0;                // 2 * (move number - 1), + 1 with Black to move
    std::uint8_t castling = 0;            // Castling bits
    std::uint8_t en_passant = kNoSquare;  // only where a capture there is legal
    std::uint8_t clock = 0;               // plies since the last capture or pawn move
    std::uint8_t repetitions = 0;         // earlier occurrences, kept by the game

    int to_play() const { return ply & 1; }
    Rights rights() const { return {castling, en_passant}; }

    /// Plays a legal move. Returns true if no earlier position can come back after it: a capture, a
    /// pawn move, a lost right to castle. Leaves `repetitions` to the caller.
    bool play(Move move);

    bool in_check() const;
    bool has_legal_move() const;
    void legal_moves(MoveList& out) const;
    /// Legal move number `pick(n)` of n, in no order that means anything; there is one. Sets of
    /// moves are not taken apart but for the one that holds it, which is cheaper than listing.
    template <class Pick>
    Move pick_move(Pick pick) const {
        MoveSets sets;
        legal_sets(sets);
        return sets.nth(pick(sets.total));
    }
    bool is_legal(Move move) const;
    /// Neither side can mate by any sequence of moves: bare kings, one minor piece, or bishops
    /// that all stand on squares of one colour. As python-chess's `is_insufficient_material`.
    bool has_insufficient_material() const;

    bool operator==(const Position&) const = default;

  private:
    void legal_sets(MoveSets& out) const;
};
static_assert(sizeof(Position) == 80);

/// What a FEN may say: the 75-move rule ends every game at 150 plies without progress.
constexpr int kMaxFenClock = 150, kMaxMoveNumber = 9999;

/// The start of the game.
const Position& start_position();

/// Throws std::invalid_argument, saying what is wrong, if no game can have this position with these
/// rights. Forgets an en passant square where no capture is legal and sets the key.
void check_position(Position& p);

/// Reads Forsyth-Edwards Notation; the two counters may be left out. Throws std::invalid_argument
/// saying which field is wrong and why.
Position position_from_fen(std::string_view fen);
/// The en passant square is written only where a capture there is legal.
std::string fen(const Position& p);

/// "e4"; `s` in 0..63.
std::string square_name(Square s);
/// 'P', 'N', 'B', 'R', 'Q', 'K'.
constexpr char kPieceLetters[] = "PNBRQK";

}  // namespace zerofleet::chess
