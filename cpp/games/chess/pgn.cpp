#include "games/chess/pgn.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/text.h"
#include "games/chess/chess.h"
#include "games/chess/san.h"

namespace zerofleet::chess {

namespace {

constexpr std::string_view kNextGame = "\n[Event ", kFirstTag = kNextGame.substr(1);

bool is_space(char ch) {
    return ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t' || ch == '\v' || ch == '\f';
}
bool is_digit(char ch) { return ch >= '0' && ch <= '9'; }
std::size_t lines_in(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}
bool is_letter(char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'); }

/// Reads one game from the front of a text. Gives up where the text ends, unless it is the last.
class GameParser {
  public:
    enum class Outcome { kGame, kNothing, kMoreNeeded };

    GameParser(std::string_view text, bool is_last, PgnGame& game)
        : text_(text), is_last_(is_last), game_(game) {}

    Outcome run() {
        skip_to_first_token();
        first_token_ = at_;
        if (at_ == text_.size()) return is_last_ ? Outcome::kNothing : Outcome::kMoreNeeded;
        while (!done_ && step()) {
        }
        if (!done_) {
            if (!is_last_) return Outcome::kMoreNeeded;
            if (depth_ > 0) fail("variation not closed");
        }
        finish();
        return Outcome::kGame;
    }

    std::size_t consumed() const { return at_; }
    std::size_t first_token() const { return first_token_; }
    /// Of the first thing that is wrong.
    std::size_t error_at() const { return error_at_; }

  private:
    // ---- the text

    bool at_line_start() const { return at_ == 0 || text_[at_ - 1] == '\n'; }
    bool starts_with(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
    void to_end_of_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    /// Behind the '}'; a comment that is not closed ends before the next game.
    void skip_comment() {
        const std::size_t end = text_.find('}', at_);
        // Only as far as the comment goes: there may be thousands of them before the next game.
        const std::size_t next = text_.substr(0, end).find(kNextGame, at_);
        if (next != text_.npos) {
            fail("comment not closed");
            at_ = next + 1;
            done_ = true;
        } else if (end == text_.npos) {
            if (is_last_) fail("comment not closed");
            at_ = text_.size();
        } else {
            at_ = end + 1;
        }
    }

    void skip_to_first_token() {
        constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
        if (starts_with(kByteOrderMark)) at_ += kByteOrderMark.size();
        while (at_ < text_.size()) {
            const char ch = text_[at_];
            if (is_space(ch)) {
                ++at_;
            } else if (ch == ';' || (ch == '%' && at_line_start())) {
                to_end_of_line();
            } else if (ch == '{') {
                const std::size_t end = text_.find('}', at_);
                if (end == text_.npos) return;
                at_ = end + 1;
            } else {
                return;
            }
        }
    }

    /// One thing of the text. False at its end.
    bool step() {
        if (at_ >= text_.size()) return false;
        token_ = at_;
        const char ch = text_[at_];
        if (is_space(ch)) {
            ++at_;
        } else if (ch == '[' && starts_new_game()) {
            if (depth_ > 0) fail("variation not closed");
            done_ = true;
        } else if (ch == '[' && !in_moves_) {
            return tag();
        } else if (ch == '{') {
            skip_comment();
        } else if (ch == ';' || (ch == '%' && at_line_start())) {
            to_end_of_line();
        } else if (ch == '(') {
            ++depth_;
            ++at_;
        } else if (ch == ')') {
            depth_ = std::max(0, depth_ - 1);
            ++at_;
        } else if (ch == '$') {
            while (++at_ < text_.size() && is_digit(text_[at_])) {
            }
        } else if (std::string_view("[]}<>").find(ch) != std::string_view::npos) {
            ++at_;
        } else {
            return word();
        }
        return true;
    }

    bool starts_new_game() const {
        return at_line_start() && (in_moves_ || (!game_.tags.empty() && starts_with(kFirstTag) &&
                                                 game_.tags[0].first == "Event"));
    }

    // ---- tags

    /// [Name "value"]; a line that is not of this form is passed over.
    bool tag() {
        const std::size_t start = at_, line_end = text_.find('\n', at_);
        if (line_end == text_.npos && !is_last_) return false;
        const std::size_t end = std::min(line_end, text_.size());
        std::size_t i = start + 1;
        const auto skip_spaces = [&] {
            while (i < end && is_space(text_[i])) ++i;
        };
        skip_spaces();
        const std::size_t name_start = i;
        while (i < end && !is_space(text_[i]) && text_[i] != '"' && text_[i] != ']') ++i;
        const std::string name(text_.substr(name_start, i - name_start));
        skip_spaces();
        if (name.empty() || i == end || text_[i] != '"') {
            at_ = end;
            return true;
        }
        std::string value;
        for (++i; i < end && text_[i] != '"'; ++i) {
            if (text_[i] == '\\' && i + 1 < end) ++i;
            value += text_[i];
        }
        const std::size_t close = text_.find(']', i);
        at_ = close < end ? close + 1 : end;
        while (!value.empty() && value.back() == '\r') value.pop_back();
        game_.tags.emplace_back(name, value);
        return true;
    }

    std::string_view tag_value(std::string_view name) const {
        for (const auto& [key, value] : game_.tags)
            if (key == name) return value;
        return {};
    }

    // ---- moves

    /// Sets up the position that the tags say; called before the first move.
    void begin_moves() {
        in_moves_ = true;
        state_.emplace();
        const std::string variant(tag_value("Variant"));
        std::string lower;
        for (const char ch : variant)
            lower += ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
        constexpr std::string_view kKnown[] = {"", "standard", "chess", "normal", "from position"};
        if (std::find(std::begin(kKnown), std::end(kKnown), lower) == std::end(kKnown))
            fail("variant " + quoted(variant, 40) + "; only standard chess is read");
        const std::string_view fen_tag = tag_value("FEN");
        if (!fen_tag.empty()) {
            try {
                state_.emplace(position_from_fen(fen_tag));
                if (state_->position() != start_position()) game_.initial_fen = state_->fen();
            } catch (const std::invalid_argument& e) {
                fail("tag FEN " + quoted(fen_tag) + ": " + e.what());
            }
        }
        position_ = state_->position();
    }

    bool word() {
        const std::size_t start = at_;
        std::size_t end = start;
        while (end < text_.size() && !is_space(text_[end]) &&
               std::string_view("{}();[]$").find(text_[end]) == std::string_view::npos)
            ++end;
        if (end == text_.size() && !is_last_) return false;
        at_ = end;
        if (!in_moves_) begin_moves();
        if (depth_ > 0) return true;
        std::string_view word = text_.substr(start, end - start);

        if (word == "1-0" || word == "0-1" || word == "1/2-1/2" || word == "*" || word == "1/2") {
            game_.result = word == "1/2" ? "1/2-1/2" : std::string(word);
            has_result_ = done_ = true;
            return true;
        }
        // "12.", "12...", "12.e4", also "12" alone.
        std::size_t digits = 0;
        while (digits < word.size() && is_digit(word[digits])) ++digits;
        if (digits == word.size()) return true;
        if (word[digits] == '.') {
            word.remove_prefix(digits);
            word.remove_prefix(std::min(word.find_first_not_of('.'), word.size()));
        }
        // Glyphs such as "!?", "+-", "=" say something about the move before.
        const auto is_move_letter = [](char ch) { return is_letter(ch) || is_digit(ch); };
        const bool is_null = word == "--" || word == "Z0" || word == "@@@@" || word == "0000";
        if (!is_null && std::none_of(word.begin(), word.end(), is_move_letter)) return true;
        if (word == "e.p." || word == "ep" || word == "N" || word == "D") return true;
        if (game_.error.empty()) move(word, is_null);
        return true;
    }

    void move(std::string_view word, bool is_null) {
        const std::string where = "move " + std::to_string(position_.ply / 2 + 1) + " of " +
                                  (position_.to_play() == kWhite ? "White: " : "Black: ");
        if (is_null) {
            fail(where + "a null move, " + quoted(word, 40));
            return;
        }
        Move move;
        const MoveError error = read_move(word, move);
        if (error != MoveError::kNone) {
            fail(where + move_error_text(error, word, position_));
            return;
        }
        game_.moves.push_back(move);
        game_.actions.push_back(action_of(move, position_.to_play()));
        // Players may play on where the rules of this game end it.
        if (!state_->is_terminal()) {
            state_->play(move);
            position_ = state_->position();
            ++game_.num_plies_by_rules;
        } else {
            position_.play(move);
        }
    }

    MoveError read_move(std::string_view word, Move& move) const {
        const MoveError error = parse_san(position_, word, move);
        if (error == MoveError::kNone) return error;
        return parse_uci(position_, word, move) == MoveError::kNone ? MoveError::kNone : error;
    }

    // ---- the end

    void fail(std::string what) {
        if (!game_.error.empty()) return;
        game_.error = std::move(what);
        error_at_ = token_;
    }

    void finish() {
        if (!in_moves_) begin_moves();  // tags alone
        game_.ended_by_rules = state_->is_terminal();
        if (game_.ended_by_rules) {
            const float white = state_->returns()[0];
            game_.at_length_bound = state_->at_length_bound();
            game_.rules_result = white > 0 ? "1-0" : white < 0 ? "0-1" : "1/2-1/2";
        }
        if (has_result_) return;
        token_ = std::min(text_.substr(0, at_).find_last_not_of(" \n\r\t"), at_);
        fail("no result at the end of the moves: truncated?");
        const std::string_view tag = tag_value("Result");
        if (tag == "1-0" || tag == "0-1" || tag == "1/2-1/2") game_.result = tag;
    }

    const std::string_view text_;
    const bool is_last_;
    PgnGame& game_;
    std::size_t at_ = 0, first_token_ = 0, token_ = 0, error_at_ = 0;
    int depth_ = 0;  // of variations
    bool in_moves_ = false, has_result_ = false, done_ = false;
    std::optional<Chess::State> state_;  // until the rules end it
    Position position_;
};

}  // namespace

void PgnReader::feed(std::string_view piece) {
    buffer_.erase(0, start_);
    start_ = 0;
    buffer_ += piece;
}

void PgnReader::advance(std::size_t count) {
    place_.line += lines_in(std::string_view(buffer_).substr(start_, count));
    place_.offset += count;
    start_ += count;
}

bool PgnReader::next(PgnGame& game) {
    if (place_.skipping) {
        const std::size_t found = buffer_.find(kNextGame, start_);
        // Keep the last characters: the rest of the tag may be in the next piece.
        const std::size_t keep = std::min<std::size_t>(buffer_.size() - start_, kFirstTag.size());
        advance(found == buffer_.npos ? buffer_.size() - start_ - keep : found + 1 - start_);
        if (found == buffer_.npos) return false;
        place_.skipping = false;
    }
    const std::string_view rest = std::string_view(buffer_).substr(start_);
    // Text of a game that is not whole yet is looked at again and again; not before it can be.
    if (rest.empty()) return false;
    game = {};
    GameParser parser(rest, finished_, game);
    const auto outcome = parser.run();
    if (outcome == GameParser::Outcome::kMoreNeeded) {
        if (rest.size() <= kMaxGameBytes) return false;
        game = {};
        GameParser again(rest.substr(0, kMaxGameBytes), true, game);
        again.run();
        game.line = game.error_line = place_.line;
        game.error = "game longer than " + std::to_string(kMaxGameBytes) +
                     " bytes, cut there; a comment not closed?";
        advance(kMaxGameBytes);
        place_.skipping = true;
        return true;
    }
    if (outcome == GameParser::Outcome::kNothing) {
        advance(rest.size());
        return false;
    }
    const std::size_t first = parser.first_token();
    advance(first);
    game.line = place_.line;
    if (!game.error.empty())
        game.error_line =
            place_.line + lines_in(rest.substr(first, std::max(first, parser.error_at()) - first));
    advance(parser.consumed() - first);
    return true;
}

}  // namespace zerofleet::chess
