#include "games/chess/san.h"

#include <cstdlib>

#include "base/text.h"

namespace zerofleet::chess {

namespace {

bool is_file(char ch) { return ch >= 'a' && ch <= 'h'; }
bool is_rank(char ch) { return ch >= '1' && ch <= '8'; }

/// kNoPiece if it is no letter of a piece.
int piece_of(char letter) {
    const auto type = std::string_view(kPieceLetters).find(letter);
    return type == std::string_view::npos ? static_cast<int>(kNoPiece) : static_cast<int>(type);
}

/// Drops "+", "#", "!", "?", "e.p." from the end.
std::string_view without_suffix(std::string_view text) {
    const auto drop_marks = [&] {
        while (!text.empty() && std::string_view("+#!?").find(text.back()) != text.npos)
            text.remove_suffix(1);
    };
    drop_marks();
    for (const std::string_view mark : {" e.p.", "e.p.", " ep", "ep"})
        if (text.ends_with(mark)) {
            text.remove_suffix(mark.size());
            break;
        }
    drop_marks();
    return text;
}

/// "O-O", "0-0", "OO"-like texts: 2 or 3 letters, or 0 if it is no castling.
int castling_letters(std::string_view text) {
    int letters = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool letter = text[i] == 'O' || text[i] == '0' || text[i] == 'o';
        if (i % 2 == 0 ? !letter : text[i] != '-') return 0;
        letters += letter;
    }
    return text.size() % 2 == 1 && (letters == 2 || letters == 3) ? letters : 0;
}

/// A move as far as its text says it.
struct Pattern {
    int type = kPawn;
    int from_file = -1, from_rank = -1;
    Square to = kNoSquare;
    int promotion = 0;
};

bool parse_pattern(std::string_view text, Pattern& out) {
    if (text.empty()) return false;
    if (const int type = piece_of(text[0]); type != kNoPiece) {
        out.type = type;
        text.remove_prefix(1);
    }
    // The end: a square, and perhaps what the pawn becomes.
    if (text.size() >= 3 && !is_rank(text.back())) {
        const char ch = text.back();
        const int piece = piece_of(ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch);
        if (piece < kKnight || piece > kQueen || out.type != kPawn) return false;
        out.promotion = piece;
        text.remove_suffix(1);
        if (text.back() == '=' || text.back() == '/') text.remove_suffix(1);
    }
    if (text.size() < 2 || !is_file(text[text.size() - 2]) || !is_rank(text.back())) return false;
    out.to = (text[text.size() - 2] - 'a') + 8 * (text.back() - '1');
    text.remove_suffix(2);
    if (!text.empty() && (text.back() == 'x' || text.back() == '-' || text.back() == ':'))
        text.remove_suffix(1);
    if (!text.empty() && is_file(text[0])) {
        out.from_file = text[0] - 'a';
        text.remove_prefix(1);
    }
    if (!text.empty() && is_rank(text[0])) {
        out.from_rank = text[0] - '1';
        text.remove_prefix(1);
    }
    return text.empty();
}

}  // namespace

std::string san(const Position& p, Move move) {
    const int type = p.board.type_at(move.from());
    std::string out;
    if (type == kKing && std::abs(move.to() - move.from()) == 2) {
        out = move.to() > move.from() ? "O-O" : "O-O-O";
    } else {
        const bool takes = (p.board.occupied() >> move.to() & 1) ||
                           (type == kPawn && file_of(move.from()) != file_of(move.to()));
        if (type == kPawn) {
            if (takes) out += square_name(move.from())[0];
        } else {
            out += kPieceLetters[type];
            Bitboard others = 0;
            if (count(p.board.of(p.to_play(), type)) > 1) {
                MoveList legal;
                p.legal_moves(legal);
                for (const Move m : legal)
                    if (m.to() == move.to() && m.from() != move.from() &&
                        p.board.type_at(m.from()) == type)
                        others |= bit(m.from());
            }
            if (others) {
                const bool same_rank = others & (kRank1 << (8 * rank_of(move.from())));
                const bool same_file = others & (kFileA << file_of(move.from()));
                if (same_rank || !same_file) out += square_name(move.from())[0];
                if (same_file) out += square_name(move.from())[1];
            }
        }
        if (takes) out += 'x';
        out += square_name(move.to());
        if (move.promotion()) {
            out += '=';
            out += kPieceLetters[move.promotion()];
        }
    }
    Position after = p;
    after.play(move);
    if (after.in_check()) out += after.has_legal_move() ? '+' : '#';
    return out;
}

MoveError parse_san(const Position& p, std::string_view text, Move& move) {
    const std::string_view bare = without_suffix(text);
    if (const int letters = castling_letters(bare)) {
        const Square king = p.to_play() == kWhite ? 4 : 60;
        move = Move(king, letters == 2 ? king + 2 : king - 2);
        const bool is_king = p.board.of(p.to_play(), kKing) & bit(king);
        return is_king && p.is_legal(move) ? MoveError::kNone : MoveError::kIllegal;
    }
    Pattern pattern;
    if (!parse_pattern(bare, pattern)) return MoveError::kSyntax;
    if (pattern.type == kPawn && pattern.from_file < 0) pattern.from_file = file_of(pattern.to);

    MoveList legal;
    p.legal_moves(legal);
    int found = 0;
    bool other_promotion = false;
    for (const Move m : legal) {
        if (m.to() != pattern.to) continue;
        const Square from = m.from();
        if (!(p.board.types[pattern.type] >> from & 1)) continue;
        if (pattern.from_file >= 0 && file_of(from) != pattern.from_file) continue;
        if (pattern.from_rank >= 0 && rank_of(from) != pattern.from_rank) continue;
        // Castling has its own notation.
        if (pattern.type == kKing && std::abs(m.to() - from) == 2) continue;
        if (m.promotion() != pattern.promotion) {
            other_promotion = true;
            continue;
        }
        move = m;
        ++found;
    }
    if (found == 1) return MoveError::kNone;
    if (found > 1) return MoveError::kAmbiguous;
    return other_promotion ? MoveError::kPromotion : MoveError::kIllegal;
}

std::string uci(Move move) {
    std::string out = square_name(move.from()) + square_name(move.to());
    if (move.promotion()) out += "pnbrqk"[move.promotion()];
    return out;
}

MoveError parse_uci(const Position& p, std::string_view text, Move& move) {
    if (text.size() < 4 || text.size() > 5 || !is_file(text[0]) || !is_rank(text[1]) ||
        !is_file(text[2]) || !is_rank(text[3]))
        return MoveError::kSyntax;
    int promotion = 0;
    if (text.size() == 5) {
        const auto i = std::string_view("nbrq").find(text[4]);
        if (i == std::string_view::npos) return MoveError::kSyntax;
        promotion = kKnight + static_cast<int>(i);
    }
    move =
        Move(text[0] - 'a' + 8 * (text[1] - '1'), text[2] - 'a' + 8 * (text[3] - '1'), promotion);
    return p.is_legal(move) ? MoveError::kNone : MoveError::kIllegal;
}

std::string move_error_text(MoveError error, std::string_view text, const Position& p) {
    const std::string shown = quoted(text, 40), where = " in " + fen(p);
    switch (error) {
        case MoveError::kSyntax:
            return "bad move " + shown + where + "; expected such as Nf3, exd5, e8=Q, O-O or e2e4";
        case MoveError::kAmbiguous:
            return "ambiguous move " + shown + where + "; name the file or rank it starts from";
        case MoveError::kPromotion:
            return "move " + shown + where +
                   " does not say, or says wrongly, what the pawn becomes";
        case MoveError::kIllegal:
        case MoveError::kNone:
            break;
    }
    return "illegal move " + shown + where;
}

}  // namespace zerofleet::chess
