"""A match plays every opening with both colours and survives bad players."""

from collections.abc import Callable, Sequence

import pytest

from zerofleet.arena.game_text import match_text
from zerofleet.arena.match import MatchError, play_match
from zerofleet.arena.openings import Opening
from zerofleet.arena.rules import MatchRules
from zerofleet.games import State, load_game
from zerofleet.players.player import Forfeit
from zerofleet.players.random_player import RandomPlayer


class Scripted:
    """A player that is a function of one position."""

    def __init__(self, name: str, choose: Callable[[State], int]):
        self.name = name
        self.choose = choose

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        return [self.choose(s) for s in states]


def first(state: State) -> int:
    return state.legal_actions()[0]


def winning_or_first(state: State) -> int:
    for action in state.legal_actions():
        after = state.copy()
        after.apply(action)
        if after.is_terminal and after.returns()[state.to_play] > 0:
            return action
    return first(state)


TTT = load_game("tic_tac_toe")
UTTT = load_game("ultimate_ttt")


def test_every_game_replays_and_counts_add_up() -> None:
    result = play_match(UTTT, RandomPlayer("a"), RandomPlayer("b"), num_games=60, seed=4)
    assert result.wins + result.draws + result.losses == 60
    assert sum(result.pairs) == 30
    for record in result.games:
        state = UTTT.initial_state()
        for action in record.actions:
            state.apply(action)
        assert state.is_terminal
        value = state.returns()[1 if record.swapped else 0]
        assert record.score == {1.0: 1.0, 0.0: 0.5, -1.0: 0.0}[value]
    assert result.num_distinct == 60
    assert result.terminations == {"played": 60}
    assert result.score.low < result.score.value < result.score.high


def test_openings_are_played_with_both_colours() -> None:
    result = play_match(UTTT, RandomPlayer("a"), RandomPlayer("b"), num_games=20, seed=4)
    for one, two in zip(result.games[::2], result.games[1::2], strict=True):
        assert (one.swapped, two.swapped) == (False, True)
        assert one.actions[: one.num_opening_plies] == two.actions[: two.num_opening_plies]
    assert len({g.actions[:4] for g in result.games}) == 10


def test_two_equal_deterministic_players_repeat_each_game_once() -> None:
    a, b = Scripted("a", first), Scripted("b", first)
    result = play_match(UTTT, a, b, num_games=20, seed=1)
    assert result.num_distinct == 10
    assert result.score.value == 0.5
    assert result.pairs[0] == result.pairs[4] == 0


def test_the_better_player_scores_more() -> None:
    result = play_match(TTT, Scripted("w", winning_or_first), RandomPlayer(), num_games=60, seed=2)
    assert result.score.low > 0.5
    assert result.elo.low > 0


def test_same_seed_same_games() -> None:
    def play(seed: int):
        return play_match(UTTT, RandomPlayer("a"), RandomPlayer("b"), num_games=10, seed=seed)

    assert play(7) == play(7)
    assert play(7).games != play(8).games


def test_an_illegal_action_costs_that_game_only() -> None:
    def choose(state: State) -> int:
        return 99 if len([c for c in state.text() if c in "XO"]) == 6 else first(state)

    result = play_match(TTT, Scripted("bad", choose), RandomPlayer(), num_games=20, seed=3)
    lost = [g for g in result.games if g.termination == "illegal action"]
    assert 0 < len(lost) < 20
    assert all(g.score == 0.0 for g in lost)
    assert len(result.problems) == len(lost)
    assert "bad loses game" in result.problems[0]
    assert "action 99 is illegal" in result.problems[0]
    assert result.stats()["problems"]


def test_an_exception_costs_that_game_only_and_the_rest_of_the_batch_goes_on() -> None:
    bad_opening, good_opening = Opening((0, 1)), Opening((4, 0))

    def choose(state: State) -> int:
        if 0 not in state.legal_actions() and 4 in state.legal_actions():
            raise RuntimeError("lost my nerve")
        return first(state)

    result = play_match(
        TTT,
        Scripted("shy", choose),
        RandomPlayer(),
        num_games=4,
        seed=3,
        openings=[bad_opening, good_opening],
    )
    assert [g.termination for g in result.games[:2]] == ["error", "error"]
    assert [g.termination for g in result.games[2:]] == ["played", "played"]
    assert "RuntimeError: lost my nerve" in result.games[0].problem


def test_a_forfeit_costs_that_game_only_and_a_resignation_is_no_problem() -> None:
    def choose(state: State) -> int | Forfeit:
        taken = len([c for c in state.text() if c in "XO"])
        if taken == 6:
            return Forfeit("timeout", "no answer within 3 s")
        return Forfeit("resigned") if taken == 7 else first(state)

    result = play_match(TTT, Scripted("slow", choose), RandomPlayer(), num_games=20, seed=3)
    lost = {g.termination: g for g in result.games}
    assert set(lost) == {"played", "timeout", "resigned"}
    assert lost["timeout"].score == lost["resigned"].score == 0.0
    assert len(result.problems) == result.terminations["timeout"]
    assert "slow loses game" in result.problems[0]
    assert "no answer within 3 s" in result.problems[0]
    assert lost["resigned"].problem == ""


@pytest.mark.parametrize("answer", [[], [0] * 99, ["e5"], None])
def test_a_malformed_answer_loses_every_game(answer: object) -> None:
    class Broken:
        name = "broken"

        def select_actions(self, states: Sequence[State], seeds: Sequence[int]):
            return answer

    result = play_match(TTT, RandomPlayer(), Broken(), num_games=4, seed=0)
    assert result.terminations == {"error": 4}
    assert result.wins == 4


def test_a_player_cannot_change_the_game() -> None:
    def cheat(state: State) -> int:
        action = first(state)
        state.apply(action)
        return action

    honest = play_match(TTT, Scripted("p", first), RandomPlayer(), num_games=10, seed=5)
    assert play_match(TTT, Scripted("p", cheat), RandomPlayer(), num_games=10, seed=5) == honest


def test_interrupts_are_not_swallowed() -> None:
    def interrupt(state: State) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play_match(TTT, Scripted("i", interrupt), RandomPlayer(), num_games=2, seed=0)


def test_length_bound_draws() -> None:
    result = play_match(
        UTTT,
        RandomPlayer("a"),
        RandomPlayer("b"),
        num_games=4,
        seed=0,
        rules=MatchRules(max_plies=10),
    )
    assert result.terminations == {"length bound": 4}
    assert result.draws == 4
    assert result.mean_plies == 10


def test_bad_requests_are_refused() -> None:
    a, b = RandomPlayer("a"), RandomPlayer("b")
    for num_games in (7, 0, -2):
        with pytest.raises(MatchError, match="even number of games"):
            play_match(TTT, a, b, num_games=num_games, seed=0)
    with pytest.raises(MatchError, match="both players are called 'a'"):
        play_match(TTT, a, a, num_games=2, seed=0)
    with pytest.raises(MatchError, match="4 games need 2 openings; came 1"):
        play_match(TTT, a, b, num_games=4, seed=0, openings=[Opening(())])


def test_match_text_is_readable_and_complete() -> None:
    result = play_match(
        TTT,
        Scripted("one", first),
        Scripted("two", first),
        num_games=2,
        seed=0,
        openings=[Opening((4, 0))],
    )
    head, game1, game2 = match_text(TTT, result).splitlines()
    assert head.startswith("# tic_tac_toe: one - two, 2 games (1 distinct)")
    number, x, o, score, end, moves = game1.split("\t")
    assert (number, x, o, end) == ("1", "one", "two", "played")
    assert score in ("1-0", "0-1", "1/2")
    words = moves.split()
    assert words.index("|") == 2
    state = TTT.initial_state()
    for word in words:
        if word != "|":
            state.apply(TTT.action_from_text(state, word))
    assert state.is_terminal
    assert game2.split("\t")[1:3] == ["two", "one"]
