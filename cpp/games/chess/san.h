// Moves as text: Standard Algebraic Notation, which people and PGN use, and the notation of UCI.
#pragma once

#include <string>
#include <string_view>

#include "games/chess/position.h"

namespace zerofleet::chess {

enum class MoveError { kNone, kSyntax, kIllegal, kAmbiguous, kPromotion };

/// Standard Algebraic Notation of a legal move, as short as can be: "Nf3", "exd8=Q#", "R1a3".
std::string san(const Position& p, Move move);

/// Reads a move as people write it: also "e2-e4", "e2xd3", "0-0", "e8Q", with "+", "#", "!", "?"
/// and "e.p." behind it. A capture by a pawn names its file.
MoveError parse_san(const Position& p, std::string_view text, Move& move);

/// "e2e4", "e7e8q", castling "e1g1".
std::string uci(Move move);
MoveError parse_uci(const Position& p, std::string_view text, Move& move);

/// `illegal move "Nf7" in <FEN>` and so on.
std::string move_error_text(MoveError error, std::string_view text, const Position& p);

}  // namespace zerofleet::chess
