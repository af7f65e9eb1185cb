"""A match in rounds is the same as one in one piece, and ends when the test is decided."""

import pytest

from zerofleet.arena.long_match import play_long_match
from zerofleet.arena.match import MatchError, MatchStopped, play_match
from zerofleet.arena.sprt import Sprt
from zerofleet.games import load_game
from zerofleet.players.random_player import RandomPlayer
from zerofleet.players.registry import load_player

GAME = load_game("connect_four")


def test_rounds_change_nothing():
    a, b = RandomPlayer("a"), RandomPlayer("b")
    whole = play_match(GAME, a, b, num_games=30, seed=3)
    seen = []
    parts = play_long_match(
        GAME, a, b, num_games=30, seed=3, round_games=8, on_round=lambda m: seen.append(m)
    )
    assert parts.result == whole
    assert [len(m.result.games) for m in seen] == [8, 16, 24, 30]


def test_the_test_ends_the_match_whatever_the_rounds():
    strong, weak = load_player("minimax:2", GAME), RandomPlayer()
    found = [
        play_long_match(
            GAME, strong, weak, num_games=400, seed=1, sprt=Sprt(0, 50), round_games=size
        )
        for size in (2, 10, 64)
    ]
    assert all(f.is_decided and f.sprt.decision == "H1" for f in found)
    assert found[0] == found[1] == found[2]
    assert 4 <= len(found[0].result.games) < 100


def test_an_undecided_test_says_so():
    a, b = RandomPlayer("a"), RandomPlayer("b")
    found = play_long_match(GAME, a, b, num_games=8, seed=1, sprt=Sprt(0, 5))
    assert not found.is_decided
    assert len(found.result.games) == 8


def test_stopping_keeps_the_rounds_that_are_finished():
    a, b = RandomPlayer("a"), RandomPlayer("b")
    rounds = []
    found = play_long_match(
        GAME,
        a,
        b,
        num_games=40,
        seed=1,
        round_games=10,
        on_round=rounds.append,
        should_stop=lambda: len(rounds) == 2,
    )
    assert len(found.result.games) == 20
    with pytest.raises(MatchStopped):
        play_long_match(GAME, a, b, num_games=40, seed=1, should_stop=lambda: True)
    with pytest.raises(MatchError, match="even number"):
        play_long_match(GAME, a, b, num_games=7, seed=1)
