"""SGF as sgfmill writes it, against what lands in shards; odd, broken and cut files."""

import gzip
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_kit import do_import, read_all, run_import, shards, skipped_lines

from support import require
from zerofleet import _core, load_game
from zerofleet.replay.imports import Filters, ImportedGame, SkippedGame, importer, sgf
from zerofleet.replay.imports.games import Place
from zerofleet.replay.imports.sgf import SgfGames


def random_game(rng: random.Random, size: int, komi: float):
    """A state somewhere in or at the end of a game, and the moves as (colour, row, col)."""
    game = load_game("go", size=size, komi=komi)
    state = game.initial_state()
    moves = []
    for _ in range(rng.randrange(5, 120)):
        if state.is_terminal:
            break
        legal = state.legal_actions()
        action = rng.choice(legal if rng.random() < 0.1 else legal[:-1] or legal)
        moves.append((state.to_play, action))
        state.apply(action)
    return state, moves


def written_by_sgfmill(rng: random.Random, number: int, size: int, komi: float):
    """(text, actions, value of Black) of a random game, with comments and variations."""
    from sgfmill import sgf as theirs

    state, moves = random_game(rng, size, komi)
    game = theirs.Sgf_game(size)
    root = game.get_root()
    value = state.returns()[0] if state.is_terminal else rng.choice([1, -1])
    result = {1: "B+R", -1: "W+T", 0: "0"}[value]
    root.set("KM", komi)
    root.set("RE", result)
    root.set("PB", f"player {number} [x] \\ (;GM[1])")
    root.set("C", "a ] comment\n(;B[aa] is none")
    for color, action in moves:
        point = None if action == size * size else (size - 1 - action // size, action % size)
        node = game.extend_main_sequence()
        node.set_move("bw"[color], point)
        if rng.random() < 0.2:
            node.set("C", "good ) move ]")
    if len(moves) > 2:
        node = root[0].new_child()
        node.set_move("bw"[moves[1][0]], None)
    return game.serialise().decode(), [action for _, action in moves], value


def test_games_of_sgfmill(tmp_path) -> None:
    require("sgfmill")
    rng = random.Random(3)
    games = [written_by_sgfmill(rng, number, 9, 6.5) for number in range(40)]
    others = [written_by_sgfmill(rng, number, 13, 6.5)[0] for number in range(2)]
    texts = [game[0] for game in games]
    texts[7:7] = [others[0]]
    path = tmp_path / "games.sgf.gz"
    path.write_bytes(gzip.compress("\n".join(["junk", *texts, others[1]]).encode()))
    report = do_import(tmp_path / "run", path)
    (meta,), records = read_all(tmp_path / "run")
    assert (meta.game, meta.game_options) == ("go", {"komi": 6.5, "size": 9})
    assert report.total_games == 40
    for number, (_, actions, value) in enumerate(games):
        start, end = records.game_start[number : number + 2]
        assert records.action[start:end].tolist() == actions
        assert records.returns[number].tolist() == [value, -value]
    lines = skipped_lines(tmp_path / "run")
    assert [line.split(": ", 1)[1].split(",")[0] for line in lines] == ["game 8", "game 42"]
    assert "is of go(komi=6.5,size=13); imported are games of go(komi=6.5,size=9)" in lines[0]
    assert do_import(tmp_path / "run", path).sources[0].num_before == 40


def read_games(text: bytes, *, piece: int = 1 << 20, place: Place | None = None, **filters):
    reader = SgfGames(Filters(**filters), place or Place())
    games, places = [], [reader.place]
    for at in range(0, len(text) + piece, piece):
        if at < len(text):
            reader.feed(text[at : at + piece])
        else:
            reader.finish()
        while (game := reader.next()) is not None:
            games.append(game)
            places.append(reader.place)
    return games, places


@pytest.mark.parametrize(
    ("text", "plies", "value", "termination", "cut"),
    [
        ("(;SZ[5]KM[0.5]RE[W+0.5];B[cc];W[];B[tt])", 3, -1, None, 0),
        ("(;SZ[5]KM[0.5]RE[B+24.5];B[cc];W[];B[])", 3, 1, "PLAYED_OUT", 0),
        # The players agreed that the stone is dead: the last pass would end it otherwise.
        ("(;SZ[5]KM[0.5]RE[W+3.5];B[cc];W[];B[])", 2, -1, "RESIGNED", 1),
        ("(;SZ[5]KM[0.5]RE[B+24.5];B[cc];W[];B[];W[])", 3, 1, "PLAYED_OUT", 1),
        ("(;SZ[5]KM[7]RE[Draw];B[cc];W[dd])", 2, 0, "ADJUDICATED", 0),
        ("(;SZ[5]KM[0.5]HA[2]AB[bb][dd]RE[W+Resign];W[cc])", 1, -1, "RESIGNED", 0),
    ],
)
def test_how_games_end(text, plies, value, termination, cut) -> None:
    if termination is None:  # the rules say B+24.5
        plies, termination, cut = 2, "RESIGNED", 1
    ((game,), _) = read_games(text.encode())
    assert isinstance(game, ImportedGame)
    assert (len(game.actions), game.first_player_return) == (plies, value)
    assert game.termination == getattr(_core, f"TERMINATION_{termination}")
    assert game.num_plies_cut == cut
    assert (game.initial_text != "") == ("AB" in text)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("(;SZ[5]RE[B+R];B[cc];W[cc])", "an illegal move", "move 2, C3:"),
        ("(;SZ[5];B[cc])", "unfinished", "no result but RE[]"),
        ("(;SZ[5]RE[Void];B[cc])", "unfinished", "RE[Void]"),
        ("(;SZ[5]RE[B+R])", "no moves", "only the result B+R"),
        ("(;SZ[5]RE[B+R];B[zz])", "unreadable", "no point of a 5 x 5 board"),
        ("(;SZ[5]RE[B+R];B[aa];B[bb])", "unreadable", "the colours take turns"),
        ("(;GM[2]RE[B+R];B[aa])", "unreadable", "another game than Go"),
        ("(;SZ[5]RE[B+R];B[aa]", "cut off or not closed", "cut off: the text ends within it"),
        ("(;SZ[5]RE[B+R];B[aa]C[open", "cut off or not closed", "cut off"),
    ],
)
def test_why_games_are_left_out(text, kind, reason) -> None:
    ((game,), _) = read_games(text.encode())
    assert isinstance(game, SkippedGame)
    assert game.kind == kind
    assert reason in game.reason


def test_what_is_not_closed_ends_before_the_next_game(monkeypatch) -> None:
    monkeypatch.setattr(sgf, "MAX_GAME_BYTES", 2000)
    good = "\n(;GM[1]SZ[5]RE[B+R];B[aa];W[bb])"
    long = f"\n(;GM[1]SZ[5]C[{'x' * 5000}"
    games, places = read_games(
        f"{good}\n(;GM[1]C[open{good}\n(;GM[1];B[aa]{good}{long}{good}".encode(), piece=1000
    )
    kinds = [type(game) is ImportedGame for game in games]
    assert kinds == [True, False, True, False, True, False, True]
    assert [game.line for game in games] == [2, 3, 4, 5, 6, 7, 8]
    assert places[-1].num_games == 7


def test_filters() -> None:
    text = b"(;SZ[5]RE[B+R]BR[2300?]WR[2400];B[aa])(;SZ[5]RE[B+R]BR[9d]WR[2400];B[aa];W[bb])"
    games, _ = read_games(text, min_elo=2000)
    assert [getattr(game, "kind", "") for game in games] == ["", "without Elo"]
    games, _ = read_games(text, min_plies=2)
    assert [getattr(game, "kind", "") for game in games] == ["below 2 plies", ""]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text("();[]\\BWABSZRE+ac\n5", max_size=200).map(str.encode))
def test_any_bytes_are_read(data: bytes) -> None:
    read_games(data)


def test_mutated_files_go_on_from_any_place() -> None:
    require("sgfmill")
    rng = random.Random(5)
    data = "\n".join(written_by_sgfmill(rng, n, 5, 0.5)[0] for n in range(8)).encode()
    for _ in range(20):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(damaged))
            if rng.random() < 0.5:
                damaged[at] = rng.choice(b"()[];\\BW\n\x00\xff")
            else:
                del damaged[at : at + rng.randint(1, 30)]
        text = bytes(damaged)
        games, places = read_games(text)
        number = rng.randrange(len(places))
        rest, _ = read_games(text[places[number].offset :], piece=700, place=places[number])
        assert list(map(str, rest)) == list(map(str, games[number:]))


def test_killed_and_resumed(tmp_path, monkeypatch) -> None:
    require("sgfmill")
    rng = random.Random(6)
    path = tmp_path / "games.sgf"
    path.write_text("\n".join(written_by_sgfmill(rng, n, 7, 9)[0] for n in range(20)))
    fault = "import.after_shard:3"
    killed = run_import(path, "--run-dir", tmp_path / "run", shard_positions=200, fault=fault)
    assert killed.returncode < 0
    monkeypatch.setattr(importer, "SHARD_POSITIONS", 200)
    do_import(tmp_path / "run", path)
    do_import(tmp_path / "whole", path)
    assert shards(tmp_path / "run") == shards(tmp_path / "whole")
    assert np.diff(read_all(tmp_path / "run")[1].game_start).min() >= 1
