// Selfcheck of the rules: perft, signatures of random play, and what holds in every position.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "games/play.h"
#include "games/registry.h"
#include "games/ultimate_ttt_boards.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

template <GameType G>
void check_perft(std::span<const std::uint64_t> counts) {
    for (std::size_t depth = 0; depth < counts.size(); ++depth)
        expect_equal(perft<G>(typename G::State{}, static_cast<int>(depth)), counts[depth],
                     std::string(G::kName) + " perft(" + std::to_string(depth) + ")");
}

template <GameType G>
std::vector<Action> sorted_actions(const typename G::State& s) {
    LegalActions<G> actions;
    s.legal_actions(actions);
    std::vector<Action> out(actions.begin(), actions.end());
    std::sort(out.begin(), out.end());
    return out;
}

template <GameType G>
void check_position(const typename G::State& s, Rng& rng) {
    using State = typename G::State;
    const std::string where = options_of<G>().spec() + " " + s.text() + ": ";
    const auto legal = sorted_actions<G>(s);
    expect_equal(legal.empty(), s.is_terminal(), where + "terminal iff nothing is legal");
    for (Action a = -2; a < std::max(G::kNumActions, max_chance_outcomes<G>()) + 2; ++a)
        expect_equal(s.is_legal(a), std::binary_search(legal.begin(), legal.end(), a),
                     where + "is_legal of " + std::to_string(a));

    expect_true(G::parse(s.text()) == s, where + "parse(text)");
    expect_true(!s.pretty().empty(), where + "pretty");
    std::array<std::uint8_t, G::kPackedBytes> packed{};
    s.pack(packed.data());
    expect_true(State::unpack(packed.data()) == s, where + "unpack(pack)");
    // Damaged bytes are refused or are another position; they never do worse.
    packed[rng.below(G::kPackedBytes)] ^= static_cast<std::uint8_t>(1u << rng.below(8));
    try {
        expect_true(State::unpack(packed.data()).text() != s.text(), where + "another position");
    } catch (const std::invalid_argument&) {
    }

    constexpr int kPlaneBytes = (G::kRows * G::kCols + 7) / 8;
    std::array<std::uint8_t, G::kNumPlanes * kPlaneBytes> planes{};
    std::array<float, G::kNumScalars + 1> scalars{};
    s.observe(planes.data(), scalars.data());

    const auto transform = [&](Action a, int sym) {
        return is_chance(s) ? transform_outcome<G>(a, sym) : G::transform_action(a, sym);
    };
    for (int sym = 0; sym < G::kNumSymmetries; ++sym) {
        const State image = s.transformed(sym);
        std::vector<Action> moved;
        for (const Action a : legal) moved.push_back(transform(a, sym));
        std::sort(moved.begin(), moved.end());
        expect_true(moved == sorted_actions<G>(image), where + "legal set of an image");
        if (s.is_terminal()) {
            expect_true(image.returns() == s.returns(), where + "returns of an image");
            continue;
        }
        const Action a = legal[rng.below(static_cast<std::uint32_t>(legal.size()))];
        State after = s, image_after = image;
        after.apply(a);
        image_after.apply(transform(a, sym));
        expect_true(after.transformed(sym) == image_after, where + "symmetry and move commute");
        expect_equal(after.transformed(sym).hash(), image_after.hash(), where + "hash of an image");
        expect_equal(G::action_from_text(s, G::action_to_text(s, a)), a, where + "action text");
    }
    if constexpr (G::kNumPlayers == 2)
        if (s.is_terminal())
            expect_equal(s.returns()[0] + s.returns()[1], 0.0f, where + "returns sum to zero");
    if (is_chance(s)) {
        ChanceOutcomes<G> outcomes;
        chance_outcomes<G>(s, outcomes);
        expect_equal(outcomes.size(), legal.size(), where + "number of outcomes");
        float total = 0;
        for (const ChanceOutcome& outcome : outcomes) total += outcome.probability;
        expect_true(total > 0.99999f && total < 1.00001f, where + "probabilities sum to 1");
    }
}

template <GameType G>
void check_random_games(int num_games, std::uint64_t signature) {
    Rng rng(2);
    for (int g = 0; g < num_games; ++g) {
        typename G::State s{};
        int plies = 0;
        while (true) {
            check_position<G>(s, rng);
            if (s.is_terminal()) break;
            s.apply(random_action<G>(s, rng));
            expect_true(++plies <= G::kMaxPlies, std::string(G::kName) + ": too long a game");
        }
    }
    expect_equal(random_play<G>(100'000, 1).signature, signature,
                 options_of<G>().spec() + " signature of random play");
}

/// Rows of 92 numbers: there and back, and every number put out of range is refused.
void check_boards() {
    Rng rng(3);
    for (int g = 0; g < 50; ++g) {
        UltimateTtt::State s{};
        while (!s.is_terminal()) {
            std::array<std::int8_t, kBoardRowSize> row{};
            state_to_board_row(s, row);
            expect_true(state_from_board_row(row) == s, "board row of " + s.text());
            row[rng.below(kBoardRowSize)] = static_cast<std::int8_t>(rng.below(2) ? -2 : 9);
            bool refused = false;
            try {
                state_from_board_row(row);
            } catch (const std::invalid_argument&) {
                refused = true;
            }
            expect_true(refused, "a board row out of range was accepted after " + s.text());
            s.apply(random_action<UltimateTtt>(s, rng));
        }
    }
}

/// The packed 4 x 4 board of 2048 against the plain one, with tiles up to 2^17.
void check_twenty48_boards() {
    Rng rng(4);
    for (int i = 0; i < 20'000; ++i) {
        twenty48::PackedBoard packed;
        twenty48::PlainBoard<4> plain;
        // Few values, so that tiles merge; high ones in every other board.
        const std::uint32_t lowest = rng.below(2) ? 13 : rng.below(12);
        for (int cell = 0; cell < 16; ++cell) {
            const int exponent = rng.below(3) ? static_cast<int>(lowest + rng.below(5)) : 0;
            packed.place(cell, exponent);
            plain.place(cell, exponent);
        }
        for (const int direction :
             {twenty48::kUp, twenty48::kRight, twenty48::kDown, twenty48::kLeft}) {
            expect_equal(packed.empty(), plain.empty(), "2048: empty cells");
            expect_equal(packed.movable(), plain.movable(), "2048: directions that move");
            packed.slide(direction);
            plain.slide(direction);
            for (int cell = 0; cell < 16; ++cell)
                expect_equal(packed.exponent(cell), plain.exponent(cell),
                             "2048: tile after a slide");
        }
    }
}

/// Texts that name a game, and what is no such text.
void check_specs() {
    expect_true(parse_game_spec(" othello( size = 6 ) ").spec() == "othello(size=6)", "spec");
    expect_true(parse_game_spec("othello(size=8)").spec() == "othello", "spec of standard values");
    const int actions = with_game("othello(size=6)", []<class G>() { return G::kNumActions; });
    expect_equal(actions, 37, "actions of othello(size=6)");
    for (const char* bad : {"conect_four", "othello(size=7)", "othello(size=6", "othello(size)",
                            "othello(size=6,)", "othello(size=6,size=6)", "othello(sise=6)",
                            "othello(size=nan)", "othello(size=6x)", "tic_tac_toe(size=3)", ""}) {
        bool refused = false;
        try {
            parse_game_spec(bad);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        expect_true(refused, std::string("accepted as a game: ") + bad);
    }
}

}  // namespace

void selfcheck_games() {
    // Sources of the counts: tests/games/perft.json.
    check_perft<TicTacToe>(
        std::array<std::uint64_t, 10>{1, 9, 72, 504, 3024, 15120, 54720, 148176, 200448, 127872});
    check_perft<ConnectFour>(
        std::array<std::uint64_t, 9>{1, 7, 49, 343, 2401, 16807, 117649, 823536, 5673234});
    check_perft<UltimateTtt>(std::array<std::uint64_t, 6>{1, 81, 720, 6336, 55080, 473256});
    check_perft<Othello<8>>(
        std::array<std::uint64_t, 9>{1, 4, 12, 56, 244, 1396, 8200, 55092, 390216});
    check_perft<Othello<6>>(
        std::array<std::uint64_t, 9>{1, 4, 12, 56, 244, 1364, 7604, 47740, 308716});
    check_random_games<TicTacToe>(300, 0x61afd9d3d775267d);
    check_random_games<ConnectFour>(300, 0x9407eb018580a3ba);
    check_random_games<UltimateTtt>(100, 0x640ff8ec70ae119);
    check_perft<Chess>(std::array<std::uint64_t, 6>{1, 20, 400, 8902, 197281, 4865609});
    check_random_games<Chess>(3, 0x22f63336750c8d5c);
    check_random_games<Othello<8>>(30, 0x59f62c0b3f4ea3a3);
    check_random_games<Othello<6>>(60, 0xd9d0c5e183569cff);
    check_random_games<Twenty48<2>>(50, 0xaf870d5582aaaf5a);
    check_random_games<Twenty48<3>>(10, 0x7c15a19ca5791bc1);
    check_random_games<Twenty48<4>>(3, 0xf3f6f2bfebcec0c7);
    check_random_games<Twenty48<5>>(1, 0xcecacbbc8e96651);
    check_perft<Go<5>>(std::array<std::uint64_t, 4>{1, 26, 651, 15650});
    check_random_games<Go<5>>(30, 0xe54f538460f367e4);
    check_random_games<Go<9>>(5, 0x8d689a0ff2b577f3);
    check_random_games<Go<16>>(1, 0xeb690b7173b90a97);
    check_boards();
    check_twenty48_boards();
    check_specs();
}

}  // namespace zerofleet::selfcheck
