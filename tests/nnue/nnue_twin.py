"""The network in readable numpy, written from docs/nnue.md and docs/formats.md, not from the core.

It knows packed positions, the rules only as far as small boards are won, the file, and the integer
arithmetic. Letters: N positions, F features, A accumulators.
"""

import hashlib
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BUCKET_SPAN = {"ultimate_ttt/1": 72, "connect_four/1": 42, "tic_tac_toe/1": 9}
LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


@dataclass
class Bucket:
    l1_bias: Ints
    l1_weight: Ints  # [H1, 2A]
    l2_bias: Ints
    l2_weight: Ints  # [H2, H1]
    out_bias: int
    out_weight: Ints  # [H2]


@dataclass
class File:
    feature_set: str
    ft_bias: Ints  # [A]
    ft_weight: Ints  # [F, A]
    psqt_weight: Ints  # [F]
    buckets: list[Bucket]


def read_file(data: bytes) -> File:
    """Reads a .nnue file field by field."""
    assert data[:8] == b"ZFNNUE\r\n"
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    version, arch_hash = struct.unpack_from("<II", data, 8)
    name = data[16:48].rstrip(b"\0").decode("ascii")
    f, a, h1, h2, b, span, *scales = struct.unpack_from("<10I", data, 48)
    assert version == 1
    assert scales == [256, 128, 64, 512]
    assert span == BUCKET_SPAN[name]
    text = f"{name}|{a}|{h1}|{h2}|{b}|{span}|256|128|64|512|screlu-clipped"
    assert arch_hash == int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    at = 88

    def take(dtype: str, *shape: int) -> Ints:
        nonlocal at
        values = np.frombuffer(data, dtype, count=int(np.prod(shape)), offset=at)
        at += values.nbytes
        return values.reshape(shape).astype(np.int64)

    ft_bias, ft_weight, psqt_weight = take("<i2", a), take("<i2", f, a), take("<i4", f)
    buckets = [
        Bucket(
            l1_bias=take("<i4", h1),
            l1_weight=take("i1", h1, 2 * a),
            l2_bias=take("<i4", h2),
            l2_weight=take("i1", h2, h1),
            out_bias=int(take("<i4", 1)[0]),
            out_weight=take("i1", h2),
        )
        for _ in range(b)
    ]
    assert at == len(data) - 32
    return File(name, ft_bias, ft_weight, psqt_weight, buckets)


def cells_of(game: str, packed: NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Cells of the mover and of the other side: 0/1 [N, cells] by row-major index."""
    size = {"ultimate_ttt": 81, "connect_four": 42, "tic_tac_toe": 9}[game]
    width = (size + 7) // 8
    sides = [
        np.unpackbits(packed[:, p * width : (p + 1) * width], axis=1, bitorder="little")[:, :size]
        for p in (0, 1)
    ]
    second = packed[:, -1:] == 1
    mine, theirs = np.where(second, sides[1], sides[0]), np.where(second, sides[0], sides[1])
    return mine.astype(np.int64), theirs.astype(np.int64)


def features_of(game: str, packed: NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """0/1 [N, F] of the mover's view and of the other."""
    mine, theirs = cells_of(game, packed)
    if game != "ultimate_ttt":
        return np.hstack([mine, theirs]), np.hstack([theirs, mine])
    # [N, big row, row, big col, col] -> [N, board, cell]
    boards = [
        c.reshape(-1, 3, 3, 3, 3).transpose(0, 1, 3, 2, 4).reshape(-1, 9, 9) for c in (mine, theirs)
    ]
    won = [
        np.any([b[:, :, line].all(axis=2) for line in LINES], axis=0).astype(np.int64)
        for b in boards
    ]
    drawn = (boards[0] + boards[1]).all(axis=2) & (won[0] + won[1] == 0)
    active = packed[:, 22].astype(int)
    forced = (active[:, None] == np.arange(9)).astype(np.int64)
    tail = np.hstack([drawn.astype(np.int64), forced, (active == 255)[:, None].astype(np.int64)])
    return (
        np.hstack([mine, theirs, won[0], won[1], tail]),
        np.hstack([theirs, mine, won[1], won[0], tail]),
    )


def dense(inputs: Ints, weight: Ints, bias: Ints) -> Ints:
    return np.clip((bias + inputs @ weight.T) >> 6, 0, 128)


def evaluate(data: bytes, game: str, packed: NDArray[np.uint8]) -> Ints:
    """int [N], the mover's view."""
    net = read_file(data)
    views = features_of(game, packed)
    accumulators = [net.ft_bias + x @ net.ft_weight for x in views]
    assert all(np.abs(acc).max() <= 32767 for acc in accumulators)
    inputs = np.hstack([np.clip(acc, 0, 256) ** 2 >> 9 for acc in accumulators])
    psqt = views[0] @ net.psqt_weight - views[1] @ net.psqt_weight
    num_pieces = sum(cells_of(game, packed)).sum(axis=1)
    num_buckets = len(net.buckets)
    span = BUCKET_SPAN[net.feature_set]
    bucket = np.minimum(num_buckets - 1, num_pieces * num_buckets // span)
    raw = np.zeros(len(packed), np.int64)
    for i, b in enumerate(net.buckets):
        rows = bucket == i
        h1 = dense(inputs[rows], b.l1_weight, b.l1_bias)
        h2 = dense(h1, b.l2_weight, b.l2_bias)
        raw[rows] = b.out_bias + h2 @ b.out_weight
    return np.clip((raw + psqt) >> 4, -30000, 30000)
