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
    bool ended_by_rules = false;   // the position after them is terminal
    bool at_length_bound = false;  // and the rules end it for its length alone
    std::string rules_result;      // what the rules give then, in the words of `result`; else empty
    std::string result = "*";      // "1-0", "0-1", "1/2-1/2" or "*": as the moves end, or else tag
    std::string error;             // empty: all of it was read
    std::size_t line = 0;          // the first line of the game, from 1
    std::size_t error_line = 0;    // the line of the first thing that is wrong, or 0
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
///
/// A reader that is made with the place of another one, and fed with what comes from there on, goes
/// on as that one would have.
class PgnReader {
  public:
    static constexpr std::size_t kMaxGameBytes = std::size_t{1} << 20;

    /// Where a reader is in its text, between two games.
    struct Place {
        std::size_t offset = 0;  // bytes of the text that have been read
        std::size_t line = 1;
        bool skipping = false;  // behind a game that was cut: to the next line [Event
    };

    PgnReader() = default;
    explicit PgnReader(const Place& place) : place_(place) {}

    void feed(std::string_view piece);
    void finish() { finished_ = true; }
    /// False if more text is needed for the next game, or, after `finish`, if there is none.
    bool next(PgnGame& game);
    /// Behind the last game that was given.
    const Place& place() const { return place_; }

  private:
    void advance(std::size_t count);

    std::string buffer_;
    std::size_t start_ = 0;  // of the text that has not become a game yet
    Place place_;            // of start_
    bool finished_ = false;
};

}  // namespace zerofleet::chess
