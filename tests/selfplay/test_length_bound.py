"""Games that the rules end for their length: their own code in records, and nowhere another."""

from dataclasses import replace

import numpy as np
import pytest

import chess
from zerofleet import _core, load_game
from zerofleet.arena.match import play_match
from zerofleet.games.evaluation import Evaluation, random_evaluator
from zerofleet.games.python_game import PythonGame
from zerofleet.games.sgf import from_sgf, to_sgf
from zerofleet.players.random_player import RandomPlayer
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import GameRecords, ShardMeta, recorded_name
from zerofleet.records.validate import validate
from zerofleet.search import Mcts, MctsConfig
from zerofleet.selfplay import PlayConfig, play_games
from zerofleet.selfplay.limits import check_tree_settings

PLAYED_OUT, LENGTH_BOUND = _core.TERMINATION_PLAYED_OUT, _core.TERMINATION_LENGTH_BOUND
FAST = MctsConfig(num_simulations=2, full_search_probability=1.0, cache_mib=0)


class Pacing:
    """A walk that is over after 40 steps unless it gets home before, and might last forever."""

    num_actions = 2
    max_plies = 2**31 - 1

    def initial_position(self):
        return (0, 3)

    def to_play(self, position):
        return position[0] % 2

    def legal_actions(self, position):
        return [0, 1]

    def play(self, position, action):
        steps, place = position
        return (steps + 1, place + 2 * action - 1)

    def is_terminal(self, position):
        return position[0] == 40 or position[1] == 0

    def at_length_bound(self, position):
        return position[1] != 0

    def returns(self, position):
        return 0


def no_pass(batch):
    """Random numbers, but the last legal action, Go's pass, is chosen rarely."""
    found = random_evaluator(batch)
    prior = found.prior.copy()
    last = batch.legal_start[1:] - 1
    prior[last] *= 0.003
    count = np.diff(batch.legal_start)
    prior /= np.repeat(np.add.reduceat(prior, batch.legal_start[:-1]), count)
    return Evaluation(prior, found.value)


def rules(name: str):
    return PythonGame(Pacing(), "pacing.py:Pacing") if name == "pacing" else load_game(name)


def meta_of(game) -> ShardMeta:
    return ShardMeta(
        game=recorded_name(game),
        game_options=dict(game.options),
        model_version=1,
        worker_id="w",
        batch=1,
        run_seed=0,
    )


def last_state(game, records: GameRecords, g: int):
    state = game.initial_state()
    for action in records.action[records.game_start[g] : records.game_start[g + 1]]:
        state.apply(int(action))
    return state


@pytest.mark.parametrize("name", ["go(size=5)", "chess", "pacing"])
def test_records_say_why_a_game_ended(name: str) -> None:
    game = rules(name)
    seen: dict[int, int] = {}
    play = PlayConfig(temperature_plies=1000, num_parallel_games=64)
    evaluator = no_pass if "go" in name else random_evaluator
    records = play_games(game, 64, FAST, evaluator, play=play, seed=2)
    validate(meta_of(game), records, name="x", game=game)
    for g, termination in enumerate(records.termination.tolist()):
        state = last_state(game, records, g)
        assert state.is_terminal
        assert state.at_length_bound == (termination == LENGTH_BOUND)
        assert records.returns[g].tolist() == list(state.returns())
        seen.setdefault(termination, g)
    assert set(seen) == {PLAYED_OUT, LENGTH_BOUND}, seen
    if name == "chess":
        assert _core.chess_outcome(last_state(game, records, seen[LENGTH_BOUND])) == "length_bound"

    for termination, g in seen.items():
        wrong = records.termination.copy()
        wrong[g] = LENGTH_BOUND if termination == PLAYED_OUT else PLAYED_OUT
        bound = "" if termination == PLAYED_OUT else " at the bound on length"
        message = f"game {g}: ends in a terminal position{bound} but its termination is {wrong[g]}"
        for given in (game, None):  # by the rules behind virtual calls, by the compiled ones
            if given is None and name == "pacing":
                continue
            with pytest.raises(ShardError, match=message):
                validate(meta_of(game), replace(records, termination=wrong), name="x", game=given)
        with pytest.raises(_core.RecordError, match=message):
            _core.check_games(
                game,
                game_start=records.game_start,
                action=records.action,
                ply_flags=records.ply_flags,
                returns=records.returns,
                termination=wrong,
            )


def test_the_settings_bound_gives_a_draw_the_rules_bound_a_result() -> None:
    longest = load_game("go(size=5)").max_plies
    for max_plies in (longest - 1, longest):
        play = PlayConfig(temperature_plies=1000, max_plies=max_plies, num_parallel_games=32)
        records = play_games("go(size=5)", 32, FAST, no_pass, play=play)
        stopped = records.termination == LENGTH_BOUND
        assert stopped.any()
        # Komi 7.5: nothing scored is a draw.
        assert (records.returns[stopped, 0] == 0).all() == (max_plies < longest)


def test_the_side_ahead_wins_a_game_that_is_stopped() -> None:
    """Material counted by python-chess: three pawns and more are a win."""
    worth = {"p": 1, "n": 3, "b": 3, "r": 5, "q": 9, "k": 0}
    play = PlayConfig(
        temperature_plies=1000, max_plies=101, length_result="board_value", num_parallel_games=64
    )
    game = load_game("chess")
    records = play_games(game, 64, FAST, random_evaluator, play=play)
    won, validated = set(), 0
    for g in np.flatnonzero(records.termination == LENGTH_BOUND):
        fen, _, moves = last_state(game, records, g).text().partition(" moves ")
        board = chess.Board(fen)
        for move in moves.split():
            board.push_uci(move)
        lead = sum(
            worth[p.symbol().lower()] * (1 if p.color == chess.WHITE else -1)
            for p in board.piece_map().values()
        )
        expected = 0 if abs(lead) < 3 else np.sign(lead)
        assert records.returns[g].tolist() == [expected, -expected]
        won.add(int(expected))
        validated += 1
    assert won == {-1, 0, 1}
    assert validated > 40
    validate(meta_of(game), records, name="x", game=game)


def test_only_games_with_a_value_of_the_board_have_it() -> None:
    play = PlayConfig(length_result="board_value")
    with pytest.raises(ValueError, match=r"^selfplay\.length_result must be draw in connect_four,"):
        check_tree_settings(load_game("connect_four"), FAST, play)
    check_tree_settings(load_game("othello"), FAST, play)


def test_sgf_says_it() -> None:
    game = load_game("go(size=5)")
    state = game.initial_state()
    assert "GC[" not in to_sgf(state)
    played = play_games(game, 64, FAST, no_pass, play=PlayConfig(temperature_plies=1000))
    bound = int(np.argmax(played.termination == LENGTH_BOUND))
    passed = int(np.argmax(played.termination == PLAYED_OUT))
    assert set(played.termination.tolist()) == {PLAYED_OUT, LENGTH_BOUND}
    text = to_sgf(last_state(game, played, bound))
    assert "GC[ended for its length, 75 plies; scored as it stood]" in text
    assert "RE[" in text
    (read,) = from_sgf(text)
    assert load_game(read.spec).parse(read.text).at_length_bound
    assert "GC[" not in to_sgf(last_state(game, played, passed))


def test_matches_count_it_apart() -> None:
    game = load_game("go(size=5)")
    found = play_match(game, RandomPlayer("a"), RandomPlayer("b"), num_games=40, seed=1)
    assert set(found.terminations) == {"played", "length bound"}
    scores = {g.score for g in found.games if g.termination == "length bound"}
    assert scores <= {0.0, 1.0}, "komi 7.5: no game that is scored is drawn"


def test_nothing_is_as_large_as_the_longest_game() -> None:
    """2048 may last 262,144 plies and a game in Python 2^31: no memory is set aside for them."""
    game = load_game("twenty48")
    assert game.max_plies == 262_144
    play = PlayConfig(max_plies=50, num_parallel_games=1000)
    from zerofleet.selfplay import Pool

    pool = Pool(game, FAST, play)
    assert pool.memory().total < 8 << 20
    walk = rules("pacing")
    records = play_games(walk, 3, FAST, random_evaluator)
    validate(meta_of(walk), records, name="x", game=walk)
    assert Mcts(walk, FAST).search(walk.initial_state()).action in (0, 1)
