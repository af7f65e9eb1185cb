"""Games that are there, as the samples of epochs."""

import numpy as np
import pytest

from sample_data import games, meta_of
from zerofleet import load_game
from zerofleet.records.write import encode_shard
from zerofleet.roles.config import ConfigError, resolve
from zerofleet.roles.data import SharedData, find_shards, parts_of
from zerofleet.training.group import RankGroup


@pytest.fixture
def folder(tmp_path):
    """Six shards, the third of them damaged."""
    for batch in range(6):
        meta = meta_of("connect_four", batch=batch)
        data = encode_shard(meta, games("connect_four", 10, first_game=10 * batch))
        name = tmp_path / f"v0001_w1_{batch:04d}.npz"
        name.write_bytes(data[:-700] if batch == 2 else data)
    return tmp_path


def shared(folder, told, **settings):
    tree = {"game": {"name": "connect_four"}, "net": {"kind": "mlp"}}
    config = resolve(tree, None, settings)
    game = load_game("connect_four")
    return SharedData(folder, game, config, RankGroup.alone("cpu"), threads=1, tell=told.append)


def test_what_fits_is_one_window(folder) -> None:
    told = []
    data = shared(folder, told)
    first = data.window(0)
    assert data.num_parts == 1
    assert data.window(1) is first
    assert [source.name for source in first.sources] == [
        f"v0001_w1_{batch:04d}.npz" for batch in (0, 1, 3, 4, 5)
    ]
    assert told[0].startswith("skipped: v0001_w1_0002.npz: ")
    assert "in 5 shards (1 skipped); " in told[1]


def test_what_does_not_fit_comes_in_turn(folder) -> None:
    """Each shard is in one part; the newest come first, and after the last part the first again."""
    told = []
    plies = len(games("connect_four", 10, first_game=0).action)
    data = shared(folder, told, **{"replay.max_positions": int(2.7 * plies)})
    assert data.num_parts >= 3
    windows = [data.window(epoch) for epoch in range(data.num_parts)]
    names = [[source.name for source in window.sources] for window in windows]
    assert sorted(name for part in names for name in part) == [
        f"v0001_w1_{batch:04d}.npz" for batch in (0, 1, 3, 4, 5)
    ]
    assert names[0][-1] == "v0001_w1_0005.npz"
    assert all(len(window) <= 2.7 * plies for window in windows)
    again = data.window(data.num_parts)
    np.testing.assert_array_equal(again.samples.planes, windows[0].samples.planes)
    assert "each epoch learns from one of them, in turn" in told[0]
    assert f"data: part 1 of {data.num_parts}: " in told[1]


def test_a_file_larger_than_memory_is_a_part(folder) -> None:
    files = find_shards(folder)
    assert parts_of(files, 1)[-1] == files[:1]
    assert sum(map(len, parts_of(files, 1))) == 6


def test_nothing_to_learn_from(tmp_path) -> None:
    (tmp_path / "v0001_w1_0000.npz").write_bytes(b"no shard")
    told = []
    data = shared(tmp_path, told)
    with pytest.raises(ConfigError, match="1 file, none of which could be used"):
        data.window(0)
