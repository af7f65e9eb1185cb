"""Reading .nnue files: round trips, and refusals that say what was expected and found."""

import struct

import pytest
from extreme_file import HEADER, resealed
from nnue_positions import GAMES
from nnue_twin import read_file

from zerofleet import _core


@pytest.fixture(scope="module")
def data() -> bytes:
    return _core.NnueNetwork.random("ultimate_ttt", 64, 8, 12, 3, seed=7).to_bytes()


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("simd", _core.simd_levels())
def test_round_trip(game: str, simd: str) -> None:
    network = _core.NnueNetwork.random(game, seed=4, simd=simd)
    again = _core.NnueNetwork(network.to_bytes(), simd=simd)
    assert again.to_bytes() == network.to_bytes()
    assert again.simd == simd


def test_properties_and_header_agree(data: bytes) -> None:
    network = _core.NnueNetwork(data)
    assert network.feature_set == read_file(data).feature_set == "ultimate_ttt/1"
    sizes = struct.unpack_from("<6I", data, 48)
    assert sizes == (199, 64, 8, 12, 3, 72)
    assert sizes == (
        network.num_features,
        network.num_accumulators,
        network.num_hidden1,
        network.num_hidden2,
        network.num_buckets,
        network.bucket_span,
    )
    assert struct.unpack_from("<I", data, 12)[0] == _core.nnue_architecture_hash(
        "ultimate_ttt", 64, 8, 12, 3
    )


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


@pytest.mark.parametrize(
    ("at", "replacement", "message"),
    [
        (0, b"PK\x03\x04", "wrong magic.*ZFNNUE"),
        (6, b"\n\n", "transferred as text"),
        (8, u32(2), "format version is 2; this program reads 1"),
        (12, u32(1), "architecture hash is 0x00000001; expected 0x"),
        (16, b"chess/1".ljust(32, b"\0"), 'unknown feature set "chess/1"; known: .*ultimate_ttt/1'),
        (16, b"connect_four/1".ljust(32, b"\0"), "connect_four/1 is 84, found 199"),
        (16, b"ultimate_ttt/1\0x".ljust(32, b"\0"), "not padded with zeros"),
        (16, b"\xff", "not ASCII"),
        (48, u32(200), "number of features of ultimate_ttt/1 is 199, found 200"),
        (52, u32(48), "accumulator size is 48; expected a multiple of 32 up to 2048"),
        (52, u32(0xFFFFFFE0), "accumulator size is 1048576"),
        (56, u32(0), "hidden size 1 is 0"),
        (60, u32(10), "hidden size 2 is 10; expected a multiple of 4"),
        (64, u32(1000), "number of buckets is 1000"),
        (64, u32(4), "architecture hash"),
        (68, u32(71), "bucket span of ultimate_ttt/1 is 72, found 71"),
        (72, u32(255), "accumulator scale is 255; expected 256"),
        (84, u32(400), "eval per logit scale is 400; expected 512"),
        (HEADER, struct.pack("<h", 3001), r"ft_bias\[0\] is 3001; expected -3000 to 3000"),
        (HEADER + 128 + 6, struct.pack("<h", -321), r"ft_weight\[3\] is -321"),
        (-32 - 12, b"\x80", r"out_weight\[0\] is -128; expected -127 to 127"),
    ],
)
def test_wrong_files_are_refused(data: bytes, at: int, replacement: bytes, message: str) -> None:
    at = at if at >= 0 else len(data) + at
    with pytest.raises(ValueError, match=message):
        _core.NnueNetwork(resealed(data, at, replacement))


def test_truncated_files_are_refused(data: bytes) -> None:
    for size in [*range(0, 90, 7), 1000, len(data) - 1]:
        with pytest.raises(ValueError, match=f"truncated: .*found {size}"):
            _core.NnueNetwork(data[:size])
    with pytest.raises(ValueError, match=f"too long: expected {len(data)} bytes"):
        _core.NnueNetwork(data + b"\0")


def test_any_flipped_bit_of_the_weights_is_noticed(data: bytes) -> None:
    for at in range(HEADER, len(data), 509):
        damaged = bytearray(data)
        damaged[at] ^= 4
        with pytest.raises(ValueError, match="damaged: the sha256"):
            _core.NnueNetwork(bytes(damaged))


def test_sizes_out_of_range_are_refused_before_any_memory_is_taken() -> None:
    with pytest.raises(ValueError, match="accumulator size is 4096"):
        _core.NnueNetwork.random("ultimate_ttt", 4096)
