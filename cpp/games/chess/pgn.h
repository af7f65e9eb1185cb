// Reads Portable Game Notation, as it is and not only as it should be: comments, variations,
// numeric glyphs, odd headers, truncated and illegal games. What is wrong with a game is said in
// the game; the next one is read as if nothing had happened.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "games/chess/position.h"
#include "games/game.h"

namespace zerofleet::chess {

struct PgnGame {
    std::vector<std::pair<std::string, std::string>> tags;  // as they stand, in their order
    std::string initial_fen;                                // empty: the usual start
    std::vector<Move> moves;      // the main line, up to the first move that cannot be read
    std::vector<Action> actions;  // the same as actions
    /// Plies after which the rules of this game end it (draws that people have to claim are
    /// automatic here), or all of `moves`.
    std::size_t num_plies_by_rules = 0;
    bool ended_by_rules = false;  // the position after them is terminal
    std::string result = "*";     // "1-0", "0-1", "1/2-1/2" or "*"
    std::string error;            // empty: all of it was read
    std::size_t line = 0;         // the first line of the game, from 1
};

/// Fed with a text in pieces of any size, gives one game after the other:
///
///   reader.feed(piece);
///   while (reader.next(game)) ...
///   reader.finish();            // after the last piece
///   while (reader.next(game)) ...
///
/// Keeps no more of the text than the last piece and one game; a game longer than kMaxGameBytes is
/// cut, which an unclosed comment would otherwise make of a whole file.
class PgnReader {
  public:
    static constexpr std::size_t kMaxGameBytes = std::size_t{1} << 20;

    void feed(std::string_view piece);
    void finish() { finished_ = true; }
    /// False if more text is needed for the next game, or, after `finish`, if there is none.
    bool next(PgnGame& game);

  private:
    std::string buffer_;
    std::size_t start_ = 0;  // of the text that has not become a game yet
    std::size_t line_ = 1;   // of start_
    bool finished_ = false;
    bool skipping_ = false;  // behind a game that was cut: to the next line [Event
};

}  // namespace zerofleet::chess
