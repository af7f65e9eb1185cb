import json

import numpy as np
import pytest

from learning_data import GAME, positions, window
from zerofleet import _core
from zerofleet.replay.seed import SeedDataError, checkpoint_npz, parse_seed_data
from zerofleet.replay.window import Window


def read(path, *, game=GAME, max_positions=10**6):
    return parse_seed_data(
        path.read_bytes(),
        source=str(path),
        game=game,
        validation_share=0.1,
        max_positions=max_positions,
    )


@pytest.fixture
def plain(tmp_path):
    """A valid plain file as arrays, and how to write it after a change."""
    packed = positions().packed[:200]
    arrays = {
        "boards": _core.packed_to_boards(packed),
        "values": np.linspace(-1, 1, 200, dtype=np.float32),
    }

    def write(**changes):
        path = tmp_path / "seed.npz"
        kept = {k: v for k, v in (arrays | changes).items() if v is not None}
        np.savez(path, **kept)
        return path

    write.arrays = arrays
    write.packed = packed
    return write


def test_reads_plain_files(plain):
    batch = read(plain())
    np.testing.assert_array_equal(batch.packed, plain.packed)
    np.testing.assert_array_equal(batch.search_value, plain.arrays["values"])
    np.testing.assert_array_equal(batch.result, plain.arrays["values"])
    assert batch.model_version == 0
    assert 0 < batch.is_validation.sum() < 60


@pytest.mark.parametrize("game", ["ultimate_ttt", "connect_four"])
def test_checkpoint_brings_the_window_back(tmp_path, game):
    made = window(game=game)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(checkpoint_npz(made, lambda_search=0.75))
    batch = read(path, game=game)
    np.testing.assert_array_equal(batch.packed, made.packed)
    np.testing.assert_array_equal(batch.search_value, made.search_value)
    np.testing.assert_array_equal(batch.result, made.result)
    assert len(Window.from_sources(game, [batch], max_positions=500)) == 500


def test_numpy_alone_reads_a_checkpoint(tmp_path):
    made = window()
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(checkpoint_npz(made, lambda_search=0.5))
    with np.load(path, allow_pickle=False) as file:
        assert file["boards"].dtype == np.int8
        assert file["boards"].shape == (len(made), 92)
        np.testing.assert_allclose(file["values"], (made.search_value + made.result) / 2, atol=1e-6)
        assert json.loads(file["meta"].tobytes())["num_positions"] == len(made)
        assert set(file["model_version"]) == {1}
    assert path.read_bytes() == checkpoint_npz(made, lambda_search=0.5)


def test_the_newest_are_kept(plain):
    batch = read(plain(), max_positions=50)
    np.testing.assert_array_equal(batch.packed, plain.packed[-50:])


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"values": None}, "expected the arrays boards and values, found boards"),
        (lambda a: {"boards": None}, "expected the arrays boards and values, found values"),
        (
            lambda a: {"values": a["values"].astype(np.float64)},
            r"expected values float32 \(N,\), found float64 \(200,\)",
        ),
        (lambda a: {"values": a["values"][:, None]}, r"found float32 \(200, 1\)"),
        (lambda a: {"boards": a["boards"].astype(np.int64)}, r"found int64 \(200, 92\)"),
        (lambda a: {"boards": a["boards"][:, :91]}, r"\(200, 92\) .*found int8 \(200, 91\)"),
        (lambda a: {"boards": a["boards"][:7]}, r"beside 200 values, found int8 \(7, 92\)"),
        (
            lambda a: {"values": changed(a["values"], [17, 40], np.nan)},
            r"values, row 17: .*found not a number \(2 such rows\)",
        ),
        (lambda a: {"values": changed(a["values"], 3, 1.5)}, r"row 3: .*\[-1, 1\].*found 1\.5"),
        (lambda a: {"boards": changed(a["boards"], (23, 5), 7)}, "boards: row 23: "),
        (lambda a: {"boards": changed(a["boards"], (23, 91), 0)}, "boards: row 23: "),
        (
            lambda a: {"values": np.array([0.5, None] * 100, dtype=object)},
            "values holds pickled Python objects, which are never loaded",
        ),
        (lambda a: {k: v[:0] for k, v in a.items()}, "expected positions, found none"),
    ],
)
def test_says_what_is_wrong(plain, change, message):
    path = plain(**change(plain.arrays))
    with pytest.raises(SeedDataError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_refuses_other_files(tmp_path, plain):
    text = tmp_path / "text.npz"
    text.write_text("hello")
    with pytest.raises(SeedDataError, match=r"expected a whole \.npz file"):
        read(text)
    whole = plain().read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        text.write_bytes(whole[:size])
        with pytest.raises(SeedDataError, match=r"expected a whole \.npz file"):
            read(text)
    with pytest.raises(SeedDataError, match="read from the array 'packed'"):
        read(plain(), game="connect_four")
    other = tmp_path / "checkpoint.npz"
    other.write_bytes(checkpoint_npz(window(game="connect_four"), lambda_search=1.0))
    with pytest.raises(SeedDataError, match="positions of connect_four, but this run plays"):
        read(other)


def test_flipped_bits_never_crash(plain, tmp_path):
    whole = plain().read_bytes()
    path = tmp_path / "flipped.npz"
    rng = np.random.default_rng(2)
    for bit in rng.integers(0, 8 * len(whole), 150):
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(altered))
        try:
            batch = read(path)
        except SeedDataError:
            continue
        assert np.abs(batch.search_value).max() <= 1
