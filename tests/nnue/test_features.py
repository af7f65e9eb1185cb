"""The features that training reads: equal to the twin's, and consistent under the symmetries."""

import numpy as np
import pytest
from nnue_positions import GAMES, random_positions
from nnue_twin import BUCKET_SPAN, cells_of, features_of

import zerofleet
from zerofleet import _core

COUNTS = {"ultimate_ttt": 199, "connect_four": 84, "tic_tac_toe": 18}


def bits(rows: np.ndarray, count: int) -> np.ndarray:
    expanded = np.unpackbits(rows, axis=1, bitorder="little")
    assert not expanded[:, count:].any()  # unused bits stay zero
    return expanded[:, :count]


@pytest.mark.parametrize("game", GAMES)
def test_features_equal_the_twins(game: str) -> None:
    packed = random_positions(game, 10_000)
    stm, opp, bucket = _core.encode_features(game, packed, num_buckets=5)
    mine, theirs = features_of(game, packed)
    np.testing.assert_array_equal(bits(stm, COUNTS[game]), mine)
    np.testing.assert_array_equal(bits(opp, COUNTS[game]), theirs)
    num_pieces = sum(cells_of(game, packed)).sum(axis=1)
    expected = np.minimum(4, num_pieces * 5 // BUCKET_SPAN[f"{game}/1"])
    np.testing.assert_array_equal(bucket, expected)
    info = _core.feature_set_info(game)
    assert info["num_features"] == COUNTS[game]
    assert mine.sum(axis=1).max() <= info["max_active"]


@pytest.mark.parametrize("game_name", GAMES)
def test_symmetric_features_are_those_of_the_transformed_state(game_name: str) -> None:
    game = zerofleet.load_game(game_name)
    packed = random_positions(game_name, 10_000)[:500]
    for symmetry in range(game.symmetries):
        transformed = np.stack([game.unpack(p).transformed(symmetry).pack() for p in packed])
        chosen = np.full(len(packed), symmetry, np.uint8)
        found = _core.encode_features(game_name, packed, chosen)
        expected = _core.encode_features(game_name, transformed)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("game_name", GAMES)
def test_a_symmetry_permutes_the_features(game_name: str) -> None:
    packed = random_positions(game_name, 10_000)
    count = COUNTS[game_name]
    identity = bits(_core.encode_features(game_name, packed)[0], count)
    for symmetry in range(zerofleet.load_game(game_name).symmetries):
        chosen = np.full(len(packed), symmetry, np.uint8)
        image = bits(_core.encode_features(game_name, packed, chosen)[0], count)
        # Columns are the same up to order, and no two positions are confused.
        before = np.sort(np.packbits(identity.T, axis=1).view(f"V{(len(packed) + 7) // 8}").ravel())
        after = np.sort(np.packbits(image.T, axis=1).view(f"V{(len(packed) + 7) // 8}").ravel())
        np.testing.assert_array_equal(before, after)


def test_threads_and_order_do_not_matter() -> None:
    packed = random_positions("ultimate_ttt", 10_000)
    symmetry = (np.arange(len(packed)) % 8).astype(np.uint8)
    one = _core.encode_features("ultimate_ttt", packed, symmetry, threads=1)
    four = _core.encode_features("ultimate_ttt", packed, symmetry, threads=4)
    for a, b in zip(one, four, strict=True):
        np.testing.assert_array_equal(a, b)


def test_wrong_arguments_are_refused() -> None:
    packed = random_positions("connect_four", 10_000)[:4]
    with pytest.raises(ValueError, match="row 2: symmetry 2; connect_four has 2"):
        _core.encode_features("connect_four", packed, np.array([0, 1, 2, 0], np.uint8))
    with pytest.raises(ValueError, match="4 positions, but 3 symmetries"):
        _core.encode_features("connect_four", packed, np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="threads is 0"):
        _core.encode_features("connect_four", packed, threads=0)
    with pytest.raises(ValueError, match="num_buckets is 0"):
        _core.encode_features("connect_four", packed, num_buckets=0)
    with pytest.raises(ValueError, match="unknown game"):
        _core.encode_features("conect_four", packed)
    damaged = packed.copy()
    damaged[1, :12] = 255
    with pytest.raises(ValueError, match="row 1: "):
        _core.encode_features("connect_four", damaged, threads=2)
