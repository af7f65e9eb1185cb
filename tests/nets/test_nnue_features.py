import numpy as np
import pytest

from learning_data import positions
from zerofleet import _core
from zerofleet.nets.features import FEATURE_SETS, feature_set_of_game


@pytest.mark.parametrize("feature_set", FEATURE_SETS.values(), ids=lambda f: f.game)
def test_agrees_with_the_core(feature_set):
    info = _core.feature_set_info(feature_set.game)
    assert feature_set.name == info["name"]
    assert feature_set.num_features == info["num_features"]
    assert feature_set.bucket_span == info["bucket_span"]
    assert feature_set.packed_bytes == info["feature_bytes"]


@pytest.mark.parametrize("feature_set", FEATURE_SETS.values(), ids=lambda f: f.game)
def test_the_opponent_sees_the_same_bits_in_another_order(feature_set):
    packed = positions(game=feature_set.game).packed
    symmetry = np.arange(len(packed), dtype=np.uint8) % 2
    mover, opponent, _ = _core.encode_features(feature_set.game, packed, symmetry)
    order = feature_set.opponent_order()

    def bits(rows):
        return np.unpackbits(rows, axis=1, bitorder="little")[:, : feature_set.num_features]

    np.testing.assert_array_equal(bits(mover)[:, order], bits(opponent))
    np.testing.assert_array_equal(order[order], np.arange(feature_set.num_features))


def test_names_the_games_with_features():
    with pytest.raises(ValueError, match=r"'go' has no NNUE features.*ultimate_ttt"):
        feature_set_of_game("go")
