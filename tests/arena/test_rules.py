"""Clocks, and games that end because both players agree about them."""

import pytest

from zerofleet.arena.match import play_match
from zerofleet.arena.rules import (
    Adjudication,
    MatchRules,
    Referee,
    RuleError,
    TimeControl,
    parse_adjudication,
    parse_time_control,
)
from zerofleet.games import load_game
from zerofleet.players.player import Answer, Clock, mix_seed
from zerofleet.players.random_player import RandomPlayer

UTTT = load_game("ultimate_ttt")


class Says:
    """Plays at random, and says what it thinks and how long that took."""

    def __init__(self, name, value=None, seconds=0.0):
        self.name = name
        self.value = value
        self.seconds = seconds
        self.clocks: list[Clock | None] = []

    def select_actions(self, states, seeds):
        raise AssertionError("a player that answers is not asked for actions alone")

    def answer(self, states, seeds, clocks):
        self.clocks += clocks
        return [
            Answer(
                s.legal_actions()[mix_seed(k) % len(s.legal_actions())], self.value, self.seconds
            )
            for s, k in zip(states, seeds, strict=True)
        ]


def test_time_that_is_used_up_loses_the_game():
    slow, quick = Says("slow", seconds=3.0), Says("quick", seconds=1.0)
    rules = MatchRules(time_control=TimeControl(10.0, 1.0))
    result = play_match(UTTT, slow, quick, num_games=4, seed=1, rules=rules)
    assert result.terminations == {"timeout": 4}
    assert result.losses == 4
    assert "its time is over" in result.problems[0]
    # 10, 8, 6, 4, 2 seconds left; the fifth answer takes three.
    assert [c.left[0] for c in slow.clocks if c and c.left[0] == c.left[0]][:1] == [10.0]
    assert min(min(c.left) for c in quick.clocks if c) == 2.0


def test_the_clock_of_each_game_is_its_own():
    one, two = Says("one", seconds=0.5), Says("two", seconds=0.25)
    rules = MatchRules(time_control=TimeControl(100.0))
    result = play_match(UTTT, one, two, num_games=6, seed=1, rules=rules)
    assert result.terminations == {"played": 6}
    assert max(c.left[0] for c in one.clocks if c) == 100.0


def test_a_game_both_call_won_is_over():
    rules = MatchRules(adjudication=Adjudication(win_value=0.9, win_moves=3))
    result = play_match(
        UTTT, Says("winner", 0.95), Says("loser", -0.97), num_games=10, seed=1, rules=rules
    )
    assert result.terminations == {"adjudicated": 10}
    assert result.wins == 10
    assert {len(g.actions) - g.num_opening_plies for g in result.games} == {6}


def test_one_opinion_is_not_enough():
    rules = MatchRules(
        adjudication=Adjudication(win_value=0.9, win_moves=1, draw_value=0.1, draw_moves=1)
    )
    for other in (Says("other", 0.95), Says("other", 0.5), RandomPlayer()):
        result = play_match(UTTT, Says("sure", 0.95), other, num_games=4, seed=1, rules=rules)
        assert "adjudicated" not in result.terminations


def test_a_game_both_call_even_is_drawn_after_a_while():
    rules = MatchRules(
        adjudication=Adjudication(draw_value=0.05, draw_moves=2, draw_after_plies=20)
    )
    result = play_match(UTTT, Says("a", 0.01), Says("b", -0.02), num_games=6, seed=1, rules=rules)
    assert result.terminations == {"adjudicated": 6}
    assert result.draws == 6
    assert {len(g.actions) for g in result.games} == {24}


def test_a_changed_mind_starts_the_count_anew():
    referee = Referee(MatchRules(adjudication=Adjudication(win_value=0.8, win_moves=2)))
    said = [0.9, -0.9, 0.5, -0.9, 0.9, -0.9]
    assert [referee.hear(ply % 2, value, ply) for ply, value in enumerate(said)] == [None] * 6
    assert referee.hear(0, 0.9, 6) == 1.0
    referee = Referee(MatchRules(adjudication=Adjudication(win_value=0.8, win_moves=1)))
    assert referee.hear(0, -0.9, 0) is None
    assert referee.hear(1, 0.9, 1) == 0.0


def test_texts():
    assert parse_time_control("10+0.1") == TimeControl(10.0, 0.1)
    assert parse_time_control("300") == TimeControl(300.0)
    assert parse_adjudication("0.95,3", "0.02,10,40") == Adjudication(0.95, 3, 0.02, 10, 40)
    assert parse_adjudication(None, None) == Adjudication()
    for text in ("", "0", "-1", "1:30", "10+"):
        with pytest.raises(RuleError, match="seconds for a game"):
            parse_time_control(text)
    for win, draw in (("2", None), ("x", None), ("0.9,0", None), (None, "1.5"), (None, "0.1,0")):
        with pytest.raises(RuleError, match="expected a value"):
            parse_adjudication(win, draw)
