// Chess as text and as bytes.
#include <array>
#include <cstring>
#include <stdexcept>

#include "base/text.h"
#include "games/chess/chess.h"
#include "games/chess/san.h"

namespace zerofleet {

using chess::Move;
using chess::MoveError;
using chess::Position;

namespace {

/// The error of a text that is no position.
std::invalid_argument bad_text(const std::string& what, std::string_view text) {
    return std::invalid_argument("chess: bad position " + quoted(text) + ": " + what +
                                 "; expected a FEN, or startpos, and perhaps ` moves e2e4 ...`");
}

std::string outcome_text(const Chess::State& state) {
    const std::string mover = state.to_play() == 0 ? "White" : "Black";
    const std::string other = state.to_play() == 0 ? "Black" : "White";
    switch (state.outcome()) {
        case Chess::Outcome::kCheckmate:
            return other + " has won by checkmate";
        case Chess::Outcome::kStalemate:
            return "draw by stalemate";
        case Chess::Outcome::kInsufficientMaterial:
            return "draw by insufficient material";
        case Chess::Outcome::kRepetition:
            return "draw by threefold repetition";
        case Chess::Outcome::kFiftyMoves:
            return "draw by the 50-move rule";
        case Chess::Outcome::kLengthBound:
            return "draw by length";
        case Chess::Outcome::kOngoing:
            break;
    }
    return mover + " to play";
}

}  // namespace

Chess::State::Past Chess::State::past() const {
    if (now_.num_since >= now_.num_before) {
        Past past{&now_.anchor, {}};
        for (int i = 0; i < now_.num_since; ++i) past.moves.push_back(now_.moves[std::size_t(i)]);
        return past;
    }
    Past past{&before(now_.num_before), {}};
    for (int t = now_.num_before - 1; t >= 0; --t)
        past.moves.push_back(now_.ring_moves[(now_.ply - t) & 7]);
    return past;
}

std::string Chess::State::text() const {
    const Past past = this->past();
    std::string out = chess::fen(*past.base);
    if (!past.moves.empty()) out += " moves";
    for (const Move move : past.moves) out += ' ' + chess::uci(move);
    return out;
}

std::string Chess::State::pretty() const {
    const Position& p = position();
    std::string out;
    for (int rank = 7; rank >= 0; --rank) {
        out += static_cast<char>('1' + rank);
        for (int file = 0; file < 8; ++file) {
            const chess::Square s = rank * 8 + file;
            const int type = p.board.type_at(s);
            const char letter = type == chess::kNoPiece ? '.' : chess::kPieceLetters[type];
            out += ' ';
            out += letter != '.' && (p.board.colors[chess::kBlack] >> s & 1)
                       ? static_cast<char>(letter - 'A' + 'a')
                       : letter;
        }
        out += '\n';
    }
    return out + "  a b c d e f g h\n" + outcome_text(*this);
}

Chess::State Chess::parse(std::string_view text) {
    constexpr std::string_view kStart = "startpos", kMoves = "moves";
    // The position ends where a field is "moves".
    std::string_view position = text, moves;
    for (std::size_t at = 0; (at = text.find(kMoves, at)) != text.npos; at += kMoves.size()) {
        const std::size_t end = at + kMoves.size();
        if (at == 0 || text[at - 1] != ' ' || (end < text.size() && text[end] != ' ')) continue;
        position = text.substr(0, at - 1);
        moves = text.substr(end);
        break;
    }
    try {
        State state(position == kStart ? chess::start_position()
                                       : chess::position_from_fen(position));
        for (int number = 1;; ++number) {
            const auto start = moves.find_first_not_of(' ');
            if (start == moves.npos) return state;
            moves.remove_prefix(start);
            const std::string_view word = moves.substr(0, moves.find(' '));
            moves.remove_prefix(word.size());
            const std::string which = "move " + std::to_string(number) + ": ";
            if (state.is_terminal())
                throw std::invalid_argument(which + "the game is over, " + outcome_text(state));
            Move move;
            const MoveError error = chess::parse_uci(state.position(), word, move);
            if (error != MoveError::kNone)
                throw std::invalid_argument(which +
                                            chess::move_error_text(error, word, state.position()));
            state.play(move);
        }
    } catch (const std::invalid_argument& e) {
        throw bad_text(e.what(), text);
    }
}

std::string Chess::action_to_text(const State& state, Action a) {
    const Position& p = state.position();
    Move move;
    if (!chess::move_of(a, p, move)) return "off the board";
    return p.is_legal(move) ? chess::san(p, move) : chess::uci(move);
}

Action Chess::action_from_text(const State& state, std::string_view text) {
    const Position& p = state.position();
    if (state.is_terminal())
        throw std::invalid_argument("chess: move " + quoted(text, 40) + " after the end of " +
                                    state.fen() + ", " + outcome_text(state));
    Move move;
    MoveError error = chess::parse_uci(p, text, move);
    if (error != MoveError::kNone) error = chess::parse_san(p, text, move);
    if (error != MoveError::kNone)
        throw std::invalid_argument("chess: " + chess::move_error_text(error, text, p));
    return chess::action_of(move, p.to_play());
}

void Chess::State::pack(std::uint8_t* out) const {
    const Past past = this->past();
    const Position& p = *past.base;
    std::memset(out, 0, kPackedBytes);
    std::array<std::uint64_t, 4> words{};
    for (int type = 0; type < chess::kNumPieceTypes; ++type)
        for (unsigned i = 0; i < 3; ++i)
            if ((type + 1) >> i & 1) words[i] |= p.board.types[type];
    words[3] = p.board.colors[chess::kBlack];
    std::memcpy(out, words.data(), 32);
    out[32] = p.castling;
    out[33] = p.en_passant;
    out[34] = p.clock;
    out[35] = static_cast<std::uint8_t>(past.moves.size());
    out[36] = static_cast<std::uint8_t>(p.ply & 0xff);
    out[37] = static_cast<std::uint8_t>(p.ply >> 8);
    for (std::size_t i = 0; i < past.moves.size(); ++i) {
        out[38 + 2 * i] = static_cast<std::uint8_t>(past.moves[i].bits & 0xff);
        out[39 + 2 * i] = static_cast<std::uint8_t>(past.moves[i].bits >> 8);
    }
}

Chess::State Chess::State::unpack(const std::uint8_t* packed) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), packed, 32);
    const std::uint64_t occupied = words[0] | words[1] | words[2];
    if (words[0] & words[1] & words[2]) throw std::invalid_argument("a piece that does not exist");
    if (words[3] & ~occupied) throw std::invalid_argument("a colour on an empty square");
    Position p;
    for (int type = 0; type < chess::kNumPieceTypes; ++type) {
        std::uint64_t set = occupied;
        for (unsigned i = 0; i < 3; ++i) set &= (type + 1) >> i & 1 ? words[i] : ~words[i];
        p.board.types[type] = set;
    }
    p.board.colors[chess::kBlack] = words[3];
    p.board.colors[chess::kWhite] = occupied & ~words[3];
    if (packed[32] > 15) throw std::invalid_argument("unknown castling rights");
    if (packed[33] > chess::kNoSquare) throw std::invalid_argument("no en passant square");
    const int num_moves = packed[35];
    if (num_moves > kMaxClock) throw std::invalid_argument("too many moves");
    p.castling = packed[32];
    p.en_passant = packed[33];
    p.clock = packed[34];
    p.ply = static_cast<std::uint16_t>(packed[36] | packed[37] << 8);
    chess::check_position(p);
    State state(p);
    for (int i = 0; i < num_moves; ++i) {
        Move move;
        move.bits = static_cast<std::uint16_t>(packed[38 + 2 * i] | packed[39 + 2 * i] << 8);
        if (state.is_terminal() || !state.position().is_legal(move))
            throw std::invalid_argument("move " + std::to_string(i + 1) + " is illegal in " +
                                        state.fen());
        state.play(move);
    }
    // One packing for each state, so that equal states are equal bytes.
    std::array<std::uint8_t, kPackedBytes> again;
    state.pack(again.data());
    if (std::memcmp(again.data(), packed, kPackedBytes) != 0)
        throw std::invalid_argument("not packed by this program");
    return state;
}

}  // namespace zerofleet
