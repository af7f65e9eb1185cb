// Forsyth-Edwards Notation.
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "games/chess/position.h"

namespace zerofleet::chess {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

/// Shows one stranger's character.
std::string shown(char ch) {
    return ch >= ' ' && ch <= '~' ? std::string("'") + ch + "'" : "an unprintable character";
}

/// Takes the next field off the text; fields are separated by spaces.
std::string_view next_field(std::string_view& rest) {
    const auto start = rest.find_first_not_of(' ');
    if (start == std::string_view::npos) return rest = {};
    const auto end = std::min(rest.find(' ', start), rest.size());
    const std::string_view field = rest.substr(start, end - start);
    rest.remove_prefix(end);
    return field;
}

Board parse_board(std::string_view text) {
    Board b{};
    int rank = 7, file = 0;
    bool after_number = false;
    const auto end_of_rank = [&] {
        if (file != 8)
            refuse("rank " + std::to_string(rank + 1) + " has " + std::to_string(file) +
                   " files; expected 8");
    };
    for (const char ch : text) {
        if (ch == '/') {
            end_of_rank();
            if (--rank < 0) refuse("more than 8 ranks");
            file = 0;
            after_number = false;
            continue;
        }
        if (ch >= '1' && ch <= '8') {
            if (after_number) refuse("two numbers in a row on rank " + std::to_string(rank + 1));
            file += ch - '0';
            after_number = true;
        } else {
            after_number = false;
            const char upper = ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch;
            const auto type = std::string_view(kPieceLetters).find(upper);
            if (type == std::string_view::npos)
                refuse(shown(ch) + " in the piece placement; expected pnbrqk, PNBRQK, 1-8 or '/'");
            if (file < 8)
                b.put(ch == upper ? kWhite : kBlack, static_cast<int>(type), rank * 8 + file);
            ++file;
        }
        if (file > 8) refuse("rank " + std::to_string(rank + 1) + " has more than 8 files");
    }
    end_of_rank();
    if (rank != 0) refuse(std::to_string(8 - rank) + " ranks; expected 8");
    return b;
}

int parse_castling(std::string_view text) {
    if (text == "-") return 0;
    int rights = 0;
    for (const char ch : text) {
        const auto i = std::string_view("KQkq").find(ch);
        if (i == std::string_view::npos)
            refuse(shown(ch) + " in the castling rights; expected '-' or some of KQkq " +
                   "(Chess960 is not supported)");
        if (rights >> i & 1) refuse(shown(ch) + " twice in the castling rights");
        rights |= 1 << i;
    }
    return rights;
}

Square parse_en_passant(std::string_view text) {
    if (text == "-") return kNoSquare;
    if (text.size() != 2 || text[0] < 'a' || text[0] > 'h' || text[1] < '1' || text[1] > '8')
        refuse("en passant square is no square; expected '-' or such as e3");
    return text[0] - 'a' + 8 * (text[1] - '1');
}

int parse_counter(std::string_view text, const char* name, int least, int most) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
        refuse(std::string(name) + " is no number " + std::to_string(least) + ".." +
               std::to_string(most));
    return value;
}

}  // namespace

std::string square_name(Square s) {
    return {static_cast<char>('a' + file_of(s)), static_cast<char>('1' + rank_of(s))};
}

Position position_from_fen(std::string_view text) {
    std::string_view rest = text;
    const std::string_view pieces = next_field(rest), side = next_field(rest),
                           castling = next_field(rest), en_passant = next_field(rest),
                           clock = next_field(rest), move = next_field(rest);
    if (en_passant.empty())
        refuse("fewer than 4 fields; expected pieces, side to move, castling, en passant");
    if (!next_field(rest).empty()) refuse("more than 6 fields");
    Position p;
    p.board = parse_board(pieces);
    if (side != "w" && side != "b") refuse("side to move is neither w nor b");
    p.castling = static_cast<std::uint8_t>(parse_castling(castling));
    p.en_passant = static_cast<std::uint8_t>(parse_en_passant(en_passant));
    p.clock = static_cast<std::uint8_t>(
        clock.empty()
            ? 0
            : parse_counter(clock, "the count of plies without progress", 0, kMaxFenClock));
    const int number = move.empty() ? 1 : parse_counter(move, "the move number", 0, kMaxMoveNumber);
    // Some programs start at 0.
    p.ply = static_cast<std::uint16_t>(2 * std::max(0, number - 1) + (side == "b"));
    check_position(p);
    return p;
}

std::string fen(const Position& p) {
    std::string out;
    for (int rank = 7; rank >= 0; --rank) {
        int empty = 0;
        for (int file = 0; file < 8; ++file) {
            const Square s = rank * 8 + file;
            const int type = p.board.type_at(s);
            if (type == kNoPiece) {
                ++empty;
                continue;
            }
            if (empty) out += std::to_string(empty);
            empty = 0;
            const char letter = kPieceLetters[type];
            out += p.board.colors[kWhite] >> s & 1 ? letter : static_cast<char>(letter - 'A' + 'a');
        }
        if (empty) out += std::to_string(empty);
        if (rank) out += '/';
    }
    out += p.to_play() == kWhite ? " w " : " b ";
    for (int i = 0; i < 4; ++i)
        if (p.castling >> i & 1) out += "KQkq"[i];
    if (!p.castling) out += '-';
    out += ' ';
    out += p.en_passant == kNoSquare ? "-" : square_name(p.en_passant);
    return out + ' ' + std::to_string(p.clock) + ' ' + std::to_string(p.ply / 2 + 1);
}

}  // namespace zerofleet::chess
