"""Stockfish and GNU Go as players."""

import random

import pytest

from support import require_program
from zerofleet.arena.match import play_match
from zerofleet.arena.rules import MatchRules, TimeControl
from zerofleet.engines.clock import Clock
from zerofleet.games import load_game
from zerofleet.players.player import Forfeit, PlayerError
from zerofleet.players.random_player import RandomPlayer
from zerofleet.players.registry import load_player

CHESS = load_game("chess")
GO = load_game("go(komi=9,size=7)")
GNUGO = "gtp:gnugo --mode gtp --level 1 --chinese-rules --positional-superko?processes=2"


def random_states(game, count: int, seed: int) -> list:
    rng, states = random.Random(seed), []
    while len(states) < count:
        state = game.initial_state()
        for _ in range(rng.randrange(60)):
            state.apply(rng.choice(state.legal_actions()))
            if state.is_terminal:
                break
        else:
            states.append(state)
    return states


@pytest.fixture
def stockfish():
    require_program("stockfish")
    # At its full strength: a limited one draws moves by the clock, a stalemate among them.
    player = load_player("uci:stockfish?Hash=16&nodes=300&processes=2", CHESS)
    yield player
    player.close()


@pytest.fixture
def gnugo():
    require_program("gnugo")
    player = load_player(GNUGO, GO)
    yield player
    player.close()


def test_stockfish_beats_random(stockfish):
    result = play_match(CHESS, stockfish, RandomPlayer(), num_games=2, seed=1, opening_plies=2)
    assert result.problems == ()
    assert result.terminations == {"played": 2}
    assert result.wins == 2


def test_gnu_go_beats_random_and_takes_what_is_dead(gnugo):
    """By our count: all stones on the board are alive."""
    result = play_match(GO, gnugo, RandomPlayer(), num_games=2, seed=1, opening_plies=2)
    assert result.problems == ()
    assert result.terminations == {"played": 2}
    assert result.wins == 2


def test_gnu_go_answers_by_position_and_seed_alone(gnugo):
    states = random_states(GO, 4, seed=3)
    seeds = list(range(4))
    answers = gnugo.select_actions(states, seeds)
    assert not any(isinstance(answer, Forfeit) for answer in answers)
    assert gnugo.select_actions(states[::-1], seeds[::-1]) == list(answers)[::-1]
    for state, seed, answer in zip(states, seeds, answers, strict=True):
        assert gnugo.select_actions([state], [seed]) == [answer]


def test_gnu_go_starts_from_any_position(gnugo):
    state = GO.parse("XX...../O....../......./......./......./......./....... O 9.0 D4")
    (action,) = gnugo.select_actions([state], [1])
    assert action in state.legal_actions()


def test_options_are_those_that_stockfish_announces():
    require_program("stockfish")
    with pytest.raises(PlayerError, match=r"UCI_Elo: expected a number 1\d\d\d\.\.\d{4}; came '5'"):
        load_player("uci:stockfish?UCI_Elo=5", CHESS)
    with pytest.raises(PlayerError, match="unknown option 'UCI_Ello'; did you mean 'UCI_Elo'"):
        load_player("uci:stockfish?UCI_Ello=1500", CHESS)


def test_engines_on_a_clock_say_what_they_think():
    """Stockfish is told the clock and divides its time. Values are the mover's."""
    require_program("stockfish")
    fish = load_player("uci:stockfish?Hash=16&processes=2", CHESS)
    try:
        lost = CHESS.parse("k7/8/8/8/8/8/3QQ3/4K3 b - - 0 1")
        won = CHESS.parse("k7/8/8/8/8/8/3QQ3/4K3 w - - 0 1")
        clock = Clock((10.0, 10.0), 0.0)
        bad, good = fish.answer([lost, won], [1, 2], [clock, clock])
        assert bad.value < -0.8
        assert good.value > 0.8
        assert bad.seconds > 0
    finally:
        fish.close()


def test_gnu_go_on_a_clock(gnugo):
    rules = MatchRules(time_control=TimeControl(100.0))
    found = play_match(GO, gnugo, RandomPlayer(), num_games=2, seed=1, opening_plies=2, rules=rules)
    assert (found.wins, found.problems) == (2, ())
