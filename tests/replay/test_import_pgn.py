"""PGN as python-chess writes and reads it, against what lands in shards."""

import io
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_kit import do_import, read_all, shards, skipped_lines, uci_games, wild, wild_text

from support import require
from zerofleet import _core
from zerofleet.replay.imports import Filters, ImportedGame, SkippedGame
from zerofleet.replay.imports.games import Place
from zerofleet.replay.imports.pgn import PgnGames
from zerofleet.replay.samples import samples_of_shard

REASONS = {
    "cut": "truncated|not closed|bad move|illegal move|does not say|ambiguous",
    "illegal": "illegal move|bad move",
    "unreadable": "bad move",
    "unfinished": "unfinished",
    "empty": "no moves",
    "contradictory": r"the tag Result says \S+, the moves end with",
    "variant": 'variant "Atomic"',
}


def check_against_python_chess(tmp_path, num_games: int) -> None:
    """Each good game has the moves and the result python-chess reads, each bad one a reason."""
    require("chess")
    import chess.pgn

    texts, written = zip(*wild(num_games), strict=True)
    text = "".join(texts)
    path = tmp_path / "games.pgn"
    path.write_text(text)
    report = do_import(tmp_path / "run", path)
    metas, records = read_all(tmp_path / "run")
    good = [number for number, game in enumerate(written) if not game.bad]
    assert records.num_games == report.total_games == len(good)
    assert {meta.game for meta in metas} == {"chess"}
    imported = uci_games(records)
    returns = {"1-0": 1, "0-1": -1, "1/2-1/2": 0}
    at = 0
    for number, game in enumerate(written):
        if game.bad:
            continue
        # Each for itself: a comment that is not closed takes the next games with it there.
        theirs = chess.pgn.read_game(io.StringIO(texts[number]))
        assert not theirs.errors
        moves = [move.uci() for move in theirs.mainline_moves()]
        assert imported[at] == moves == game.played.moves
        assert records.returns[at, 0] == returns[theirs.headers["Result"]]
        at += 1

    lines, reported = text.splitlines(), {}
    for line in skipped_lines(tmp_path / "run"):
        found = re.fullmatch(r"(\S+): game (\d+), line (\d+): (.*)", line)
        assert found[1] == str(path)
        number = int(found[2]) - 1
        assert number not in reported
        reported[number] = int(found[3]), found[4]
    assert sorted(reported) == [n for n, game in enumerate(written) if game.bad]
    starts = [n for n, line in enumerate(lines, start=1) if line.startswith("[Event ")]
    for number, (line, reason) in reported.items():
        kind = written[number].bad
        assert re.search(REASONS[kind], reason), (kind, reason)
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        assert starts[number] <= line <= end
        if word := re.search(r'(?:illegal|bad) move "([^"]+)"', reason):
            assert word[1] in lines[line - 1]
            assert re.match(r"move \d+ of (White|Black): ", reason)
    assert sum(report.sources[0].skipped.values()) == len(reported)


def test_games_of_stockfish(tmp_path) -> None:
    check_against_python_chess(tmp_path, 50)


@pytest.mark.long
def test_two_thousand_games_of_stockfish(tmp_path) -> None:
    check_against_python_chess(tmp_path, 3000)
    assert read_all(tmp_path / "run")[1].num_games >= 2000


def test_what_a_position_learns(tmp_path) -> None:
    path = tmp_path / "games.pgn"
    path.write_text("1. f3 e5 2. g4 Qh4# 0-1\n\n1. d4 d5 1/2-1/2\n\n1. e4 e5 2. Nf3 1-0\n")
    do_import(tmp_path / "run", path)
    (meta,), records = read_all(tmp_path / "run")
    name = next(iter(shards(tmp_path / "run")))
    samples = samples_of_shard(meta, records, name=name, validation_share=0.0).samples
    assert len(samples) == 9
    assert np.isnan(samples.search_value).all()
    assert samples.result.tolist() == [-1, 1, -1, 1, 0, 0, 1, -1, 1]
    assert samples.policy_prob.tolist() == [1] * 9
    assert samples.policy_action.tolist() == records.action.tolist()
    assert records.termination.tolist() == [
        _core.TERMINATION_PLAYED_OUT,
        _core.TERMINATION_ADJUDICATED,
        _core.TERMINATION_RESIGNED,
    ]


def read_games(text: bytes, *, piece: int = 1 << 20, **filters):
    reader = PgnGames(Filters(**filters), Place())
    games = []
    for at in range(0, len(text), piece):
        reader.feed(text[at : at + piece])
        while (game := reader.next()) is not None:
            games.append(game)
    reader.finish()
    while (game := reader.next()) is not None:
        games.append(game)
    return games


REPEATED = "Nf3 Nf6 Ng1 Ng8 " * 2
LONE_KINGS = '[FEN "8/8/4k3/8/8/3rK3/8/8 w - - 0 60"]\n\n60. Kxd3 '


@pytest.mark.parametrize(
    ("text", "plies", "value", "termination", "cut"),
    [
        (f"{REPEATED} 1/2-1/2", 8, 0, "PLAYED_OUT", 0),
        (f"{REPEATED} e4 e5 1/2-1/2", 8, 0, "PLAYED_OUT", 2),
        # Nobody claimed: the result is the game's, and what comes before the draw is kept.
        (f"{REPEATED} e4 e5 1-0", 7, 1, "RESIGNED", 3),
        (f"{LONE_KINGS} 1/2-1/2", 1, 0, "PLAYED_OUT", 0),
        ('[Result "*"]\n\n1. e4 0-1', 1, -1, "RESIGNED", 0),
        ('[Result "odd"]\n\n1. e4 e5 1/2', 2, 0, "ADJUDICATED", 0),
    ],
)
def test_how_games_end(text, plies, value, termination, cut) -> None:
    (game,) = read_games(text.encode())
    assert isinstance(game, ImportedGame)
    assert (len(game.actions), game.first_player_return) == (plies, value)
    assert game.termination == getattr(_core, f"TERMINATION_{termination}")
    assert game.num_plies_cut == cut


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("1. f3 e5 2. g4 Qh4# 1-0", "contradictory results", "is 0-1 by checkmate"),
        (f"{LONE_KINGS} 1-0", "contradictory results", "1/2-1/2 by insufficient material"),
        ('[Result "1-0"]\n\n1. e4 0-1', "contradictory results", "says 1-0, the moves end with"),
        ("1. e4 *", "unfinished", "no result but *"),
        ("1. e4 e5", "cut off", "truncated?"),
        ("0-1", "no moves", "only the result 0-1"),
        ('[FEN "8/8/4k3/8/8/8/3K4/8 w - - 0 1"]\n\n1. Ke2 1/2-1/2', "no moves", "first position"),
        ("1. e4 e5\n2. Ke3 1-0", "an illegal move", 'move 2 of White: illegal move "Ke3"'),
        ("1. e4 -- 0-1", "a null move", "null move"),
        ('[FEN "8/8/8/8 w - -"]\n\n1. e4 *', "an impossible position", "tag FEN"),
    ],
)
def test_why_games_are_left_out(text, kind, reason) -> None:
    (game,) = read_games(text.encode())
    assert isinstance(game, SkippedGame)
    assert game.kind == kind
    assert reason in game.reason


def test_the_line_of_an_error() -> None:
    text = b'\n\n[Event "a"]\n\n1. e4 e5\n2. Nf3\nKe5 3. d4 1-0\n\n[Event "b"]\n\n1. d4 {open\n\n'
    first, second = read_games(text)
    assert (first.line, second.line) == (7, 11)


def test_filters() -> None:
    def headers(white, black):
        return f'[WhiteElo "{white}"]\n[BlackElo "{black}"]\n\n1. e4 e5 1-0\n\n'

    text = headers(2000, 1900) + headers(1999, 2400) + headers("?", 2400) + headers(2400, 2000)
    games = read_games(text.encode(), min_elo=1950)
    assert [getattr(game, "kind", "") for game in games] == [
        "below Elo 1950",
        "",
        "without Elo",
        "",
    ]
    assert games[0].reason == ""  # counted, not described
    games = read_games(b"1. e4 1-0\n\n1. e4 e5 1-0\n", min_plies=2)
    assert [getattr(game, "kind", "") for game in games] == ["below 2 plies", ""]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode()))
def test_any_bytes_are_read(data: bytes) -> None:
    for game in read_games(data):
        assert isinstance(game, ImportedGame | SkippedGame)


def test_mutated_files_go_on_from_any_place() -> None:
    """Whatever is done to a file: a reader that goes on from the place of another one gives the
    games that one would have given."""
    text = wild_text(12)
    rng = random.Random(4)
    for _ in range(12):
        damaged = bytearray(text.encode())
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(damaged))
            change = rng.randrange(3)
            if change == 0:
                damaged[at] = rng.choice(b'{}()[];%$"1. e4-0\n\x00\xff')
            elif change == 1:
                del damaged[at : at + rng.randint(1, 40)]
            else:
                damaged[at:at] = bytes(rng.choices(b"{}()[];%$0123KQabc \n", k=3))
        data = bytes(damaged)
        reader = PgnGames(Filters(), Place())
        reader.feed(data)
        reader.finish()
        places, games = [Place()], []
        while (game := reader.next()) is not None:
            games.append(game)
            places.append(reader.place)
        number = rng.randrange(len(places))
        again = PgnGames(Filters(), places[number])
        for at in range(places[number].offset, len(data), 1000):
            again.feed(data[at : at + 1000])
        again.finish()
        rest = []
        while (game := again.next()) is not None:
            rest.append(game)
        assert list(map(str, rest)) == list(map(str, games[number:]))
        assert again.place == reader.place
