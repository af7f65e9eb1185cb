// Selfcheck of chess, for the sanitizers: look-ups equal walking, a path equals its moves one by
// one, and no text or file, however damaged, does worse than being refused.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "games/chess/attacks.h"
#include "games/chess/chess.h"
#include "games/chess/perft.h"
#include "games/chess/pgn.h"
#include "games/chess/san.h"
#include "games/play.h"
#include "tools/selfcheck/selfcheck.h"

namespace zerofleet::selfcheck {
namespace {

void check_sliders() {
    const chess::MagicSliders& sliders = chess::magic_sliders();
    Rng rng(1);
    for (chess::Square s = 0; s < 64; ++s)
        for (int i = 0; i < 2000; ++i) {
            const chess::Bitboard occupied = i % 2 ? rng.next() : rng.next() & rng.next();
            expect_equal(sliders.rook(s, occupied), chess::walk_rook(s, occupied), "rook");
            expect_equal(sliders.bishop(s, occupied), chess::walk_bishop(s, occupied), "bishop");
        }
}

/// Both look-ups, and the moves one by one, count alike along random games.
void check_counts() {
    Rng rng(2);
    for (int game = 0; game < 5; ++game)
        for (Chess::State s; !s.is_terminal(); s.apply(random_action<Chess>(s, rng))) {
            const auto& p = s.position();
            LegalActions<Chess> actions;
            s.legal_actions(actions);
            std::uint64_t walked = 0;
            for (const Action a : actions) {
                chess::Position child = p;
                chess::Move move;
                chess::move_of(a, p, move);
                child.play(move);
                chess::MoveList replies;
                child.legal_moves(replies);
                walked += replies.size();
                expect_equal(child.has_legal_move(), !replies.empty(), s.text());
            }
            std::vector<Action> listed(actions.begin(), actions.end()), picked, sorted;
            for (std::uint32_t n = 0; n < actions.size(); ++n)
                picked.push_back(
                    chess::action_of(p.pick_move([&](std::uint32_t) { return n; }), s.to_play()));
            LegalActions<Chess> ascending;
            s.sorted_legal_actions(ascending);
            sorted.assign(ascending.begin(), ascending.end());
            std::sort(listed.begin(), listed.end());
            std::sort(picked.begin(), picked.end());
            expect_true(picked == listed, "picked one by one, " + s.text());
            expect_true(sorted == listed, "sorted, " + s.text());
            for (const auto lookup : chess::supported_lookups())
                expect_equal(
                    chess::count_positions({p.board, p.rights()}, s.to_play() == 0, 2, lookup),
                    walked, std::string(chess::lookup_name(lookup)) + " " + s.text());
        }
}

void check_paths() {
    Rng rng(3);
    for (int game = 0; game < 20; ++game) {
        Chess::State root, one_by_one;
        std::vector<Action> path;
        while (!one_by_one.is_terminal()) {
            path.push_back(random_action<Chess>(one_by_one, rng));
            one_by_one.apply(path.back());
        }
        root.apply_path(path);
        expect_true(root == one_by_one && root.outcome() == one_by_one.outcome(),
                    "a path and its moves differ at " + one_by_one.text());
    }
}

/// Changes a few characters.
std::string damaged(std::string text, Rng& rng) {
    for (std::uint32_t i = 0; i <= rng.below(4); ++i) {
        const auto at = rng.below(static_cast<std::uint32_t>(text.size()) + 1);
        const auto ch = static_cast<char>(rng.below(4) ? ' ' + static_cast<char>(rng.below(95))
                                                       : static_cast<char>(rng.below(256)));
        if (rng.below(3) == 0)
            text.insert(text.begin() + at, ch);
        else if (at < text.size())
            rng.below(2) ? void(text.erase(at, 1)) : void(text[at] = ch);
    }
    return text;
}

void check_damaged_texts() {
    Rng rng(4);
    for (int game = 0; game < 10; ++game)
        for (Chess::State s; !s.is_terminal(); s.apply(random_action<Chess>(s, rng))) {
            const std::string san = Chess::action_to_text(s, random_action<Chess>(s, rng));
            for (const std::string& text :
                 {s.text(), s.fen(), damaged(s.text(), rng), damaged(s.fen(), rng)}) {
                try {
                    const Chess::State read = Chess::parse(text);
                    expect_true(Chess::parse(read.text()) == read, "round trip of " + text);
                } catch (const std::invalid_argument&) {
                    expect_true(text != s.text() && text != s.fen(), "refused " + text);
                }
            }
            try {
                const Action a = Chess::action_from_text(s, damaged(san, rng));
                expect_true(s.is_legal(a), "illegal action of a text in " + s.text());
            } catch (const std::invalid_argument&) {
            }
        }
}

void check_damaged_files() {
    constexpr std::string_view kFile =
        "[Event \"a \\\"b\\\"\"]\n[FEN \"4k3/P6p/8/8/8/8/p6P/4K3 b - - 0 40\"]\n\n"
        "40... a1=Q+ {check} 41. Kd2 $1 (41. Ke2 Qb2+ (41... h5 ; yes\n) ) Qxa7 1/2-1/2\n\n"
        "[Event \"c\"]\n\n1. e4 e5 2. Nf3!? Nc6 3. Bb5 a6 1-0\n% escaped\n1. d4 d5 *\n";
    Rng rng(5);
    std::vector<chess::PgnGame> games;
    const auto read = [&](std::string_view file, std::uint32_t piece) {
        chess::PgnReader reader;
        chess::PgnGame game;
        games.clear();
        while (!file.empty()) {
            const std::string_view next = file.substr(0, 1 + rng.below(piece));
            reader.feed(next);
            file.remove_prefix(next.size());
            while (reader.next(game)) games.push_back(game);
        }
        reader.finish();
        while (reader.next(game)) games.push_back(game);
    };
    for (const std::uint32_t piece : {1u, 5u, 1000u}) {
        read(kFile, piece);
        expect_equal(games.size(), std::size_t{3}, "games of a file");
        for (const auto& game : games) expect_true(game.error.empty(), game.error);
        expect_equal(games[0].moves.size(), std::size_t{3}, "moves of a game");
    }
    for (int i = 0; i < 3000; ++i) {
        read(damaged(std::string(kFile), rng), i % 2 ? 1000 : 30);
        for (const auto& game : games)
            expect_true(game.num_plies_by_rules <= game.actions.size(), "plies of a game");
    }
}

}  // namespace

void selfcheck_chess() {
    check_sliders();
    check_counts();
    check_paths();
    check_damaged_texts();
    check_damaged_files();
}

}  // namespace zerofleet::selfcheck
