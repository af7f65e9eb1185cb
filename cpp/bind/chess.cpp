// What only chess has: FEN and UCI of a state, PGN, and perft by either way of looking up sliders.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bind/arrays.h"
#include "bind/game_face.h"
#include "bind/module.h"
#include "games/chess/chess.h"
#include "games/chess/perft.h"
#include "games/chess/pgn.h"
#include "games/chess/san.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace zerofleet::bind {

namespace {

const Chess::State& chess_state(const StateFace& state) {
    if (state.game().name() != Chess::kName)
        throw std::invalid_argument("expected a state of chess, got one of " + state.game().name());
    return *static_cast<const Chess::State*>(state.raw());
}

/// Text of a file that may be no UTF-8.
nb::str lenient(std::string_view text) {
    return nb::steal<nb::str>(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

std::string_view outcome_name(Chess::Outcome outcome) {
    switch (outcome) {
        case Chess::Outcome::kCheckmate:
            return "checkmate";
        case Chess::Outcome::kStalemate:
            return "stalemate";
        case Chess::Outcome::kInsufficientMaterial:
            return "insufficient_material";
        case Chess::Outcome::kRepetition:
            return "threefold_repetition";
        case Chess::Outcome::kFiftyMoves:
            return "fifty_moves";
        case Chess::Outcome::kLengthBound:
            return "length_bound";
        case Chess::Outcome::kOngoing:
            break;
    }
    return "ongoing";
}

chess::SliderLookup parse_lookup(const std::string& name) {
    std::string known;
    for (const auto lookup : chess::supported_lookups()) {
        if (chess::lookup_name(lookup) == name) return lookup;
        known += " " + std::string(chess::lookup_name(lookup));
    }
    throw std::invalid_argument("slider lookup \"" + name + "\"; this processor has" + known);
}

void bind_pgn(nb::module_& m) {
    using chess::PgnGame;
    using chess::PgnReader;
    nb::class_<PgnGame>(m, "PgnGame", "One game of a PGN file, as far as it could be read.")
        .def_prop_ro(
            "tags",
            [](const PgnGame& g) {
                nb::typed<nb::dict, nb::str, nb::str> out;
                for (const auto& [name, value] : g.tags) out[lenient(name)] = lenient(value);
                return out;
            },
            "The headers by name; of equal names the last.")
        .def_prop_ro(
            "initial_fen",
            [](const PgnGame& g) {
                return g.initial_fen.empty() ? std::nullopt : std::optional(g.initial_fen);
            },
            "The start position, None for the usual one.")
        .def_prop_ro(
            "actions",
            [](const PgnGame& g) {
                auto [array, data] = make_uninitialised_array<Action>({g.actions.size()});
                std::copy(g.actions.begin(), g.actions.end(), data);
                return array;
            },
            nb::rv_policy::move,
            "int32 [plies], the main line up to the first move that cannot be read.")
        .def_prop_ro(
            "uci",
            [](const PgnGame& g) {
                std::vector<std::string> out;
                for (const auto move : g.moves) out.push_back(chess::uci(move));
                return out;
            },
            "The same in the notation of UCI.")
        .def_prop_ro(
            "num_plies_by_rules", [](const PgnGame& g) { return g.num_plies_by_rules; },
            "Plies after which the rules of `chess` end the game, or all: people may play on after "
            "the third occurrence of a position or 50 moves without progress.")
        .def_ro("ended_by_rules", &PgnGame::ended_by_rules,
                "True if the position after `num_plies_by_rules` plies is terminal.")
        .def_ro("at_length_bound", &PgnGame::at_length_bound,
                "True if the rules end it there for its length alone.")
        .def_ro("rules_result", &PgnGame::rules_result,
                "The result by the rules if they end it, in the words of `result`; else empty.")
        .def_ro("result", &PgnGame::result,
                "\"1-0\", \"0-1\", \"1/2-1/2\" or \"*\": as the moves end, or else the tag.")
        .def_prop_ro(
            "error", [](const PgnGame& g) { return lenient(g.error); },
            "What could not be read and where; empty if all of it was.")
        .def_prop_ro(
            "line", [](const PgnGame& g) { return g.line; }, "Its first line in the file, from 1.")
        .def_prop_ro(
            "error_line", [](const PgnGame& g) { return g.error_line; },
            "The line of the first thing that is wrong; 0 if nothing is.")
        .def("__repr__", [](const PgnGame& g) {
            return "<PgnGame line " + std::to_string(g.line) + ", " +
                   std::to_string(g.moves.size()) + " plies, " + g.result +
                   (g.error.empty() ? ">" : ", with an error>");
        });

    nb::class_<PgnReader>(m, "PgnReader", "Reads games from pieces of a PGN file.")
        .def(nb::init<>())
        .def(
            "__init__",
            [](PgnReader* reader, std::size_t offset, std::size_t line, bool skipping) {
                new (reader) PgnReader(PgnReader::Place{offset, line, skipping});
            },
            nb::kw_only(), "offset"_a, "line"_a, "skipping"_a,
            "Goes on as a reader with this place would: feed it with what comes from there on.")
        .def_prop_ro(
            "offset", [](const PgnReader& r) { return r.place().offset; },
            "Bytes of the text up to the end of the last game that was given.")
        .def_prop_ro(
            "line", [](const PgnReader& r) { return r.place().line; }, "The line there, from 1.")
        .def_prop_ro(
            "skipping", [](const PgnReader& r) { return r.place().skipping; },
            "That game was cut: what follows is passed over up to the next line `[Event`.")
        .def(
            "feed",
            [](PgnReader& reader, const nb::bytes& piece) {
                reader.feed({piece.c_str(), piece.size()});
            },
            "piece"_a, "The next piece of the file, of any size.")
        .def("finish", &PgnReader::finish, "The file has ended.")
        .def(
            "next",
            [](PgnReader& reader) {
                PgnGame game;
                bool found = false;
                {
                    nb::gil_scoped_release release;
                    found = reader.next(game);
                }
                return found ? std::optional(std::move(game)) : std::nullopt;
            },
            "The next game; None if it needs more of the file or, after `finish`, at the end.");
}

}  // namespace

void bind_chess(nb::module_& m) {
    m.def(
        "chess_fen", [](const StateFace& s) { return chess_state(s).fen(); }, "state"_a,
        "The position in Forsyth-Edwards Notation, without its past; the en passant square only "
        "where a capture there is legal.");
    m.def(
        "chess_uci",
        [](const StateFace& s, std::int64_t action) {
            const auto& state = chess_state(s);
            chess::Move move;
            if (action < 0 || action >= Chess::kNumActions ||
                !chess::move_of(static_cast<Action>(action), state.position(), move))
                throw std::invalid_argument("chess: action " + std::to_string(action) +
                                            " is no move in " + state.fen());
            return chess::uci(move);
        },
        "state"_a, "action"_a, "The move as the protocol UCI writes it: e2e4, e7e8q, e1g1.");
    m.def(
        "chess_outcome",
        [](const StateFace& s) { return std::string(outcome_name(chess_state(s).outcome())); },
        "state"_a,
        "Why the game is over: checkmate, stalemate, insufficient_material, threefold_repetition, "
        "fifty_moves, length_bound; or ongoing.");
    m.def(
        "chess_slider_lookups",
        [] {
            std::vector<std::string> out;
            for (const auto lookup : chess::supported_lookups())
                out.emplace_back(chess::lookup_name(lookup));
            return out;
        },
        "How perft can look up sliding pieces on this processor, the fastest last.");
    m.def(
        "chess_perft",
        [](const StateFace& s, int depth, const std::string& lookup) {
            if (depth < 0) throw std::invalid_argument("perft: depth must not be negative");
            const auto how = parse_lookup(lookup);
            const auto& p = chess_state(s).position();
            nb::gil_scoped_release release;
            return chess::count_positions({p.board, p.rights()}, p.to_play() == 0, depth, how);
        },
        "state"_a, "depth"_a, "lookup"_a,
        "Sequences of `depth` legal moves, draws ignored, by one of `chess_slider_lookups`.");
    bind_pgn(m);
}

}  // namespace zerofleet::bind
