from dataclasses import replace

import numpy as np
import pytest

from learning_data import GAME, games, positions, shard_meta, window
from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.records import ShardError
from zerofleet.replay.shards import positions_of_shard
from zerofleet.replay.window import Window


def test_values_are_the_movers():
    made = games()
    batch = positions_of_shard(shard_meta(), made, name="s", validation_share=0.0)
    game = load_game(GAME)
    flags = _core.PLY_VALUE_TARGET | _core.PLY_QUIET
    plies = np.flatnonzero((made.ply_flags & flags) == flags)
    game_of_ply = np.repeat(np.arange(made.num_games), np.diff(made.game_start))
    assert len(batch) == len(plies)
    for row in range(0, len(batch), 97):
        mover = game.unpack(batch.packed[row]).to_play
        ply = plies[row]
        assert batch.result[row] == made.returns[game_of_ply[ply], mover]
        assert batch.search_value[row] == made.search_value[ply]


def test_an_illegal_move_refuses_the_whole_shard():
    made = games()
    action = made.action.copy()
    action[made.game_start[5] + 1] = action[made.game_start[5]]
    with pytest.raises(ShardError, match=r"v0001_w1_0000\.npz: .*game 5"):
        positions_of_shard(
            shard_meta(),
            replace(made, action=action),
            name="v0001_w1_0000.npz",
            validation_share=0.1,
        )


def test_newest_stay_and_oldest_go():
    batches = [positions(f"s{i}", first_game=20 * i, num_games=20) for i in range(4)]
    whole = Window.from_sources(GAME, batches, max_positions=10**6)
    assert len(whole) == sum(map(len, batches))
    assert [s.name for s in whole.sources] == ["s0", "s1", "s2", "s3"]
    size = len(batches[3]) + len(batches[2]) + 10
    small = Window.from_sources(GAME, batches, max_positions=size)
    assert len(small) == size
    assert [(s.name, s.num_positions) for s in small.sources] == [
        ("s1", 10),
        ("s2", len(batches[2])),
        ("s3", len(batches[3])),
    ]
    for name in ("packed", "search_value", "result", "is_validation", "bucket"):
        np.testing.assert_array_equal(getattr(small, name), getattr(whole, name)[-size:])


def test_a_rebuilt_window_is_the_same():
    """After a crash the window comes back from what the checkpoint lists."""
    batches = {f"s{i}": positions(f"s{i}", first_game=20 * i, num_games=20) for i in range(5)}
    window = Window.empty(GAME, max_positions=1500)
    for batch in batches.values():
        window = window.extended([batch])
    again = Window.from_sources(GAME, [batches[s.name] for s in window.sources], max_positions=1500)
    assert again.sources == window.sources
    for name in ("packed", "search_value", "result", "is_validation", "bucket"):
        np.testing.assert_array_equal(getattr(again, name), getattr(window, name))


def test_a_source_enters_once():
    with pytest.raises(ValueError, match=r"already in the window: v0001_w1_0000\.npz"):
        window().extended([positions()])


def test_rows_are_split():
    made = window()
    rows = np.concatenate([made.training_rows, made.validation_rows])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(made)))
    assert len(made.validation_rows) > 0
