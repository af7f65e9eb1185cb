"""Encoding agrees with the Python face of every game and refuses what replaying refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zerofleet.games
from zerofleet import _core, load_game
from zerofleet.games.evaluation import random_evaluator
from zerofleet.records import ShardError, encode
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games

SMALLER = {"go": "go(size=7)", "othello": "othello(size=6)", "twenty48": "twenty48(size=3)"}
LINE = str(Path(__file__).parents[2] / "examples" / "custom_game.py") + ":Line"
GAMES = [SMALLER.get(name, name) for name in zerofleet.games.game_names()] + [LINE]
SEARCH = MctsConfig(num_simulations=8, full_search_probability=0.5, fast_simulations=2, cache_mib=0)
PLAY = PlayConfig(num_random_plies=2, max_plies=600, num_parallel_games=4)
VALUE, FAST = _core.PLY_VALUE_TARGET, _core.PLY_FAST_SEARCH


def played(name, num_games=6):
    return play_games(name, num_games, SEARCH, random_evaluator, seed=2, play=PLAY)


def bits_of(planes_CHW):
    """Bit-packed as `LeafBatch` says: cell i at bit i % 8 of byte i / 8."""
    flat = planes_CHW.reshape(len(planes_CHW), -1).astype(np.uint8)
    return np.packbits(flat, axis=1, bitorder="little")


@pytest.mark.parametrize("name", GAMES)
def test_rows_are_what_the_states_say(name):
    game, games = load_game(name), played(name)
    found = encode(game, games, name="x", mask=VALUE)
    rows = iter(range(len(found.ply)))
    real = not isinstance(game, _core.Game)
    for g in range(games.num_games):
        state = game.initial_state()
        for ply in range(games.game_start[g], games.game_start[g + 1]):
            if games.ply_flags[ply] & VALUE:
                row = next(rows)
                assert (found.ply[row], found.game[row]) == (ply, g)
                assert found.to_play[row] == state.to_play
                planes = state.observation()
                expected = planes if real else bits_of(planes)
                np.testing.assert_array_equal(found.planes[row], expected)
                np.testing.assert_array_equal(found.scalars[row], state.scalars())
                legal = found.legal_action[slice(*found.legal_start[row : row + 2])]
                assert sorted(legal.tolist()) == state.legal_actions()
            state.apply(int(games.action[ply]))
    assert next(rows, None) is None
    assert found.legal_start[-1] == len(found.legal_action)
    assert len(found.ply) > 10


def test_masks_choose_plies_of_players():
    games = played("twenty48(size=3)")
    flags = games.ply_flags
    for mask, without in ((0, 0), (VALUE, 0), (0, FAST), (FAST, VALUE), (VALUE, VALUE)):
        found = encode(load_game("twenty48(size=3)"), games, name="x", mask=mask, without=without)
        wanted = ((flags & mask) == mask) & ((flags & (without | _core.PLY_CHANCE)) == 0)
        np.testing.assert_array_equal(found.ply, np.flatnonzero(wanted))


@pytest.mark.parametrize("name", ["connect_four", "twenty48(size=3)"])
def test_threads_change_nothing(name):
    game, games = load_game(name), played(name, 600)
    one, two, five = (encode(game, games, name="x", threads=n) for n in (1, 2, 5))
    for key, column in vars(one).items():
        assert column.tobytes() == getattr(two, key).tobytes() == getattr(five, key).tobytes()


def test_start_positions():
    games = played("connect_four", 1)
    game = load_game("connect_four")
    state = game.initial_state()
    state.apply(3)
    text = state.text().encode()
    # Column 0 three times by one side, between moves of the other: legal from there as well.
    from_there = replace(
        games,
        game_start=np.array([0, 2], np.int64),
        action=np.array([0, 1], np.int32),
        ply_flags=np.zeros(2, np.uint8),
        search_value=np.full(2, np.nan, np.float32),
        policy_start=np.zeros(3, np.int64),
        policy_action=np.zeros(0, np.int32),
        policy_prob=np.zeros(0, np.float16),
        returns=np.zeros((1, 2), np.float32),
        termination=np.full(1, 3, np.uint8),
        initial_text=np.frombuffer(text, np.uint8),
        initial_start=np.array([0, len(text)], np.int64),
    )
    found = encode(game, from_there, name="x")
    np.testing.assert_array_equal(found.planes[0], bits_of(state.observation()))
    assert found.to_play.tolist() == [1, 0]


def changed(games, key, index, value):
    column = getattr(games, key).copy()
    column[index] = value
    return replace(games, **{key: column})


@pytest.mark.parametrize("name", ["connect_four", "twenty48(size=3)", LINE])
@pytest.mark.parametrize("threads", [1, 3])
def test_lies_are_found(name, threads):
    game, games = load_game(name), played(name, 300 if name == "connect_four" else 5)
    first_of_1 = int(games.game_start[1])
    last = games.num_games - 1
    with_policy = int(np.flatnonzero(np.diff(games.policy_start))[0])
    first_entry = int(games.policy_start[with_policy])
    for broken, message in (
        (changed(games, "action", first_of_1, 99), r"game 1, ply 0: illegal action 99 in "),
        (changed(games, "ply_flags", first_of_1, 128), r"game 1, ply 0: flags 128 \(unknown bits"),
        (changed(games, "policy_action", first_entry, -1), r"policy action -1 after -1 \(illegal"),
        (changed(games, "returns", (last, 0), 0.5), rf"game {last}: returns \(0.5"),
        (changed(games, "termination", 1, 7), r"game 1: termination is 7; expected 0..3"),
        (changed(games, "game_start", 0, 1), r"game_start begins with 1; expected 0"),
    ):
        with pytest.raises(ShardError, match=message):
            encode(game, broken, name="x", mask=VALUE, threads=threads)


def test_the_first_of_several_errors_is_named_whatever_the_threads():
    games = played("connect_four", 1500)
    broken = games
    for g in (1400, 900, 1):  # in blocks of their own
        broken = changed(broken, "action", int(games.game_start[g]), 50)
    for _ in range(5):
        with pytest.raises(ShardError, match="game 1, ply 0: illegal action 50"):
            encode(load_game("connect_four"), broken, name="x", threads=4)
