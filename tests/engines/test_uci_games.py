"""python-chess drives our engine as a process, through games against Stockfish."""

import logging
import random
import subprocess
import sys
import time

import pytest

from support import require, require_program
from zerofleet.cli.uci import uci
from zerofleet.run.named_model import ModelNameError

PATIENCE_SECONDS = 300
"""Longer than anything takes on a busy machine."""

pytestmark = [pytest.mark.usefixtures("no_complaint"), pytest.mark.timeout(PATIENCE_SECONDS)]

TURNS = ("clock", "clock", "ponder", "stop", "nodes", "depth", "movetime", "some", "lines")


@pytest.fixture
def no_complaint(caplog):
    """python-chess logs what it does not understand, and what comes on stderr; both must not be."""
    with caplog.at_level(logging.WARNING):
        yield
    assert [r.getMessage() for r in caplog.records if r.name.startswith("chess")] == []


def command_of(net) -> list[str]:
    return [sys.executable, "-m", "zerofleet", "uci", str(net), "--threads", "1"]


@pytest.fixture
def engine(net_file):
    """Our engine, as python-chess starts any."""
    chess_engine = require("chess.engine")
    ours = chess_engine.SimpleEngine.popen_uci(
        command_of(net_file("chess")), timeout=PATIENCE_SECONDS
    )
    yield ours
    ours.quit()
    assert ours.protocol.returncode.result() == 0


def stockfish():
    chess_engine = require("chess.engine")
    theirs = chess_engine.SimpleEngine.popen_uci(
        require_program("stockfish"), timeout=PATIENCE_SECONDS
    )
    theirs.configure({"Threads": 1, "Hash": 16, "UCI_LimitStrength": True, "UCI_Elo": 1350})
    return theirs


def our_move(engine, board, rng: random.Random, clock: dict[str, float], game: object):
    """Asks for a move in one of the ways a program may, the time and the stop at random."""
    from chess.engine import Limit

    how = rng.choice(TURNS)
    # python-chess keeps the board of a game with pondering and asks it later whether the expected
    # reply was played. The live one says yes to an analysis, too, which then is never begun.
    board = board.copy()
    begun = time.monotonic()
    if how in ("clock", "ponder"):
        limit = Limit(
            white_clock=clock["white"], black_clock=clock["black"], white_inc=0.02, black_inc=0.02
        )
        found = engine.play(board, limit, game=game, ponder=how == "ponder")
        mine = "white" if board.turn else "black"
        # Whether a busy machine loses on time is not what is tested.
        clock[mine] = max(0.05, clock[mine] + 0.02 - (time.monotonic() - begun))
        return found.move
    if how == "stop":
        with engine.analysis(board, game=game) as analysis:
            time.sleep(rng.random() * 0.03)
            analysis.stop()
            return analysis.wait().move
    if how == "lines":
        lines = engine.analyse(board, Limit(nodes=60), multipv=4, game=game)
        assert 1 <= len(lines) <= 4
        assert all(line["pv"][0] in board.legal_moves for line in lines)
        assert all(line["wdl"].pov(board.turn).expectation() <= 1 for line in lines)
        return lines[0]["pv"][0]
    if how == "some":
        moves = rng.sample(list(board.legal_moves), min(3, board.legal_moves.count()))
        found = engine.play(board, Limit(nodes=40), root_moves=moves, game=game)
        assert found.move in moves
        return found.move
    limits = {
        "nodes": Limit(nodes=rng.randint(1, 100)),
        "depth": Limit(depth=rng.randint(1, 3)),
        "movetime": Limit(time=rng.random() * 0.03),
    }
    return engine.play(board, limits[how], game=game).move


def play_games(engine, num_games: int, seed: int, most_plies: int) -> list[str]:
    """Plays whole games, ours with either colour; python-chess raises at an illegal move."""
    from chess.engine import Limit

    import chess

    rng = random.Random(seed)
    engine.configure({"UCI_ShowWDL": True, "Hash": 32})
    theirs = stockfish()
    results = []
    try:
        for number in range(num_games):
            board, game = chess.Board(), object()
            clock = {"white": 3.0, "black": 3.0}
            # Not only until somebody could claim a draw: programs play on.
            while not board.is_game_over() and board.ply() < most_plies:
                if board.turn == (number % 2 == 0):
                    board.push(our_move(engine, board, rng, clock, game))
                else:
                    found = theirs.play(board, Limit(nodes=200), game=game)
                    board.push(found.move)
            results.append(board.result(claim_draw=True))
    finally:
        theirs.quit()
    return results


def test_games_against_stockfish(engine):
    results = play_games(engine, 3, seed=1, most_plies=40)
    assert len(results) == 3


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_many_games_against_stockfish(engine):
    results = play_games(engine, 50, seed=2, most_plies=400)
    print(results)
    assert len(results) == 50


@pytest.mark.long  # what is said until `quit` is checked above
def test_nothing_but_the_protocol_is_said_and_nothing_after_the_end(net_file):
    done = subprocess.run(
        command_of(net_file("chess")),
        input="uci\nisready\ngo infinite\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("id name Zerofleet ")
    assert "readyok" in lines
    for line in lines:
        assert line.startswith(("id ", "option ", "uciok", "readyok", "info depth"))


def test_what_names_no_net_is_refused_before_a_word_is_said(tmp_path, capfd):
    with pytest.raises(ModelNameError, match="there is no directory"):
        uci(str(tmp_path / "none"))
    assert capfd.readouterr() == ("", "")
