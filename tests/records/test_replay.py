"""Replaying finds every lie about moves and results and returns the positions asked for."""

from dataclasses import replace

import numpy as np
import pytest
from make_records import GAMES, meta_for, random_records

from zerofleet import _core, load_game
from zerofleet.records import GameRecords, ShardError, replay, validate

META = meta_for("connect_four")


def refuse(games: GameRecords, match: str) -> None:
    with pytest.raises(ShardError, match=match) as caught:
        validate(META, games, name="x.npz")
    assert str(caught.value).startswith("x.npz: does not replay: ")


def records(*games: str, termination: int = 0, returns: tuple[float, float] = (1, -1)):
    """Connect four games written as columns, all with the same ending."""
    actions = [int(ch) - 1 for game in games for ch in game]
    return GameRecords.without_policy(
        game_start=np.cumsum([0] + [len(game) for game in games]).astype(np.int64),
        action=np.array(actions, np.int32),
        ply_flags=np.zeros(len(actions), np.uint8),
        search_value=np.full(len(actions), np.nan, np.float32),
        returns=np.array([returns] * len(games), np.float32),
        termination=np.full(len(games), termination, np.uint8),
        game_number=np.arange(len(games), dtype=np.int64),
    )


@pytest.mark.parametrize("name", GAMES)
def test_positions_are_those_the_game_passes_through(name: str) -> None:
    game, games = load_game(name), random_records(name, 15)
    found = replay(meta_for(name), games, name="x")
    expected = []
    for g in range(games.num_games):
        state = game.initial_state()
        for ply in range(games.game_start[g], games.game_start[g + 1]):
            expected.append((state.pack().tobytes(), ply, g, state.to_play))
            state.apply(int(games.action[ply]))
    assert [
        (found.packed[i].tobytes(), found.ply[i], found.game[i], found.to_play[i])
        for i in range(len(found.ply))
    ] == expected
    result = found.result(games)
    assert result[0] == games.returns[0, 0]
    assert result[1] == games.returns[0, 1]


def test_masks() -> None:
    games = random_records("ultimate_ttt", 10)
    meta = meta_for("ultimate_ttt")
    for mask in range(4):
        for without in range(4):
            found = replay(meta, games, name="x", mask=mask, without=without)
            flags = games.ply_flags
            wanted = np.flatnonzero(((flags & mask) == mask) & ((flags & without) == 0))
            np.testing.assert_array_equal(found.ply, wanted)
            assert found.packed.shape == (len(wanted), 24)


def test_endings() -> None:
    won = "1212121"  # the first player stacks four
    validate(META, records(won, won), name="x")
    validate(META, records("12121", termination=2), name="x")
    validate(META, records("12121", termination=1, returns=(0, 0)), name="x")
    validate(META, records("12121", termination=3, returns=(0.25, -0.25)), name="x")
    refuse(records(won, "12121"), "game 1: said to be played to the end, but .* not terminal")
    refuse(records(won, termination=1), "game 0: ends in a terminal position but .* is 1")
    refuse(records(won, termination=2), "terminal position")
    refuse(
        records(won, returns=(-1, 1)), r"game 0: returns \(-1.0+, 1.0+\); the rules give \(1.0+,"
    )
    refuse(records(won, returns=(1, 1)), "do not sum to zero")
    refuse(records("12121", termination=2, returns=(0, 0)), "was resigned")
    refuse(records("12121", termination=1, returns=(0.5, -0.5)), "was adjudicated")


def test_moves() -> None:
    refuse(records("12121213"), "game 0, ply 7: a move after the end of the game in .*/XO..... O")
    refuse(records("1212121", "1111111"), "game 1, ply 6: illegal action 0 in O......")
    refuse(records("1218"), "game 0, ply 3: illegal action 7")
    games = records("1212121")
    refuse(replace(games, action=np.full(7, 2**31 - 1, np.int32)), "illegal action 2147483647")


def test_flags_and_policies() -> None:
    games = records("1212121")
    refuse(replace(games, ply_flags=np.full(7, 4, np.uint8)), "ply 0: flags 4")
    for actions in ([0, 0], [1, 0], [0, 7], [-1, 0]):
        policy = replace(
            games,
            policy_start=np.array([0, 0, 2, 2, 2, 2, 2, 2], np.int64),
            policy_action=np.array(actions, np.int32),
        )
        refuse(policy, "ply 1: policy action -?[0-9] after .* .illegal or unsorted")


def test_start_positions() -> None:
    text = "......./......./......./X....../X....../X...OOO X"
    games = records("1", "1212121")
    start = np.array([0, len(text), len(text)], np.int64)
    custom = replace(
        games, initial_text=np.frombuffer(text.encode(), np.uint8), initial_start=start
    )
    validate(META, custom, name="x")
    found = replay(META, custom, name="x")
    assert load_game("connect_four").unpack(found.packed[0]).text() == text
    for bad in ("?", "\xff" * 3):
        raw = np.frombuffer(bad.encode("latin-1"), np.uint8)
        broken = replace(
            custom, initial_text=raw, initial_start=np.array([0, len(raw)] * 2)[[0, 1, 1]]
        )
        refuse(broken, "game 0: start position: connect_four")


def test_the_core_does_not_trust_sizes() -> None:
    games = records("1212121")
    arguments = {
        key: getattr(games, key)
        for key in ("game_start", "action", "ply_flags", "returns", "termination")
    }
    _core.replay_games("connect_four", **arguments)
    broken = {
        "game_start": np.array([0, 9], np.int64),
        "ply_flags": np.zeros(6, np.uint8),
        "returns": np.zeros((2, 2), np.float32),
        "termination": np.zeros(0, np.uint8),
        "policy_start": np.array([0, 0, 0, 0, 0, 0, 0, 99], np.int64),
        "initial_start": np.array([0, 99], np.int64),
    }
    for key, value in broken.items():
        with pytest.raises(ValueError, match="expected"):
            _core.replay_games("connect_four", **(arguments | {key: value}))
    with pytest.raises(TypeError):
        _core.replay_games("connect_four", **(arguments | {"action": np.zeros(7, np.int64)}))
    with pytest.raises(ValueError, match='did you mean "connect_four"'):
        _core.replay_games("conect_four", **arguments)


def test_unknown_options() -> None:
    with pytest.raises(ShardError, match="this game has no options"):
        validate(
            META.model_copy(update={"game_options": {"size": 9}}), records("1212121"), name="x"
        )
