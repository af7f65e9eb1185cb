import struct
from dataclasses import replace

import numpy as np
import pytest

from learning_data import SMALL, architecture, model
from zerofleet import _core
from zerofleet.nets.config import NnueConfig
from zerofleet.nets.export import export_nnue
from zerofleet.nets.features import FEATURE_SETS
from zerofleet.nets.nnue_file import (
    BOUNDS,
    NnueFileError,
    file_size_bytes,
    from_bytes,
    read_architecture,
    to_bytes,
)


@pytest.fixture(scope="module")
def data() -> bytes:
    return export_nnue(model())


def test_round_trip_gives_the_same_bytes(data):
    assert to_bytes(from_bytes(data)) == data
    assert len(data) == file_size_bytes(architecture())


@pytest.mark.parametrize("game", [f.game for f in FEATURE_SETS.values()])
def test_the_core_reads_the_same_bytes(game):
    data = export_nnue(model(game=game))
    network = _core.NnueNetwork(data)
    assert network.feature_set == f"{game}/1"
    assert network.to_bytes() == data
    arch = from_bytes(data).architecture
    assert arch.hash == _core.nnue_architecture_hash(
        game, arch.num_accumulators, arch.num_hidden1, arch.num_hidden2, arch.num_buckets
    )


def test_every_truncation_is_refused(data):
    for size in [0, 1, 7, 8, 11, 50, 87, 88, 89, 1000, len(data) - 33, len(data) - 1]:
        with pytest.raises(NnueFileError, match=r"copy it again|copied in text mode"):
            from_bytes(data[:size], source="net.nnue")
    with pytest.raises(NnueFileError, match=r"expected [\d,]+ bytes .* followed by other data"):
        from_bytes(data + b"\0")


def test_every_flipped_bit_is_refused(data):
    rng = np.random.default_rng(1)
    header = range(8 * 88)
    for bit in [*header, *rng.integers(0, 8 * len(data), 200)]:
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NnueFileError):
            from_bytes(bytes(altered))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, b"ZFNNUE\n\n", "expected the magic"),
        (8, struct.pack("<I", 2), "expected format version 1, found 2; install the version"),
        (12, struct.pack("<I", 1), "expected the architecture hash"),
        (16, b"go/1".ljust(32, b"\0"), "unknown feature set 'go/1'; this version knows"),
        (48, struct.pack("<I", 198), "has 199 features"),
        (52, struct.pack("<I", 64), "expected the architecture hash"),
        (72, struct.pack("<I", 255), r"expected the quantisation scales \(256, 128, 64, 512\)"),
    ],
)
def test_says_what_is_wrong_in_the_header(data, offset, value, message):
    altered = data[:offset] + value + data[offset + len(value) :]
    with pytest.raises(NnueFileError, match=message) as caught:
        read_architecture(altered, source="versions/0003.nnue")
    assert str(caught.value).startswith("versions/0003.nnue: ")
    assert "\n" not in str(caught.value)


def test_refuses_another_architecture_and_says_both(data):
    other = architecture(NnueConfig(num_accumulators=64, num_hidden1=8, num_hidden2=8))
    with pytest.raises(NnueFileError, match=r"199->32x2.*expected .*199->64x2"):
        from_bytes(data, expected=other)
    assert from_bytes(data, expected=architecture(SMALL)).architecture == architecture()


@pytest.mark.parametrize("name", BOUNDS)
def test_refuses_weights_out_of_bounds(data, name):
    weights = from_bytes(data)
    array = getattr(weights, name).copy()
    array.flat[3 % array.size] = -BOUNDS[name] - 1
    with pytest.raises(NnueFileError, match=rf"1 of {array.size} values of {name} are outside"):
        to_bytes(replace(weights, **{name: array}))


def test_refuses_a_wrong_shape(data):
    weights = from_bytes(data)
    with pytest.raises(NnueFileError, match=r"l1_bias has shape \(4, 4\), expected \(4, 8\)"):
        to_bytes(replace(weights, l1_bias=weights.l1_bias[:, :4]))
