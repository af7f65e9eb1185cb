"""Files with every parameter at its bound, and files with chosen bytes changed."""

import hashlib

import numpy as np

from zerofleet import _core

HEADER = 88  # bytes before ft_bias


def resealed(data: bytes, at: int, replacement: bytes) -> bytes:
    """The file with bytes replaced and the checksum at its end made right again."""
    body = bytearray(data[:-32])
    body[at : at + len(replacement)] = replacement
    return bytes(body) + hashlib.sha256(body).digest()


def saturated(game: str, sign: int) -> bytes:
    """Every weight and bias at its bound, all with one sign in the layers: the largest sums that
    the format allows, where an overflow anywhere would show."""
    info = _core.feature_set_info(game)
    f, a, h1, h2 = info["num_features"], 256, 32, 32
    data = _core.NnueNetwork.random(game, a, h1, h2, 1).to_bytes()
    psqt = np.full(f, sign * _core.NNUE_MAX_PSQT_WEIGHT, "<i4")
    psqt[info["num_features"] // 2 :] *= -1
    body = b"".join(
        (
            np.full(a, _core.NNUE_MAX_FT_BIAS, "<i2").tobytes(),
            np.full((f, a), _core.NNUE_MAX_FT_WEIGHT, "<i2").tobytes(),
            psqt.tobytes(),
            np.full(h1, _core.NNUE_MAX_LAYER_BIAS, "<i4").tobytes(),
            np.full((h1, 2 * a), 127, "i1").tobytes(),
            np.full(h2, _core.NNUE_MAX_LAYER_BIAS, "<i4").tobytes(),
            np.full((h2, h1), 127, "i1").tobytes(),
            np.full(1, sign * _core.NNUE_MAX_LAYER_BIAS, "<i4").tobytes(),
            np.full(h2, sign * 127, "i1").tobytes(),
        )
    )
    assert len(body) == len(data) - HEADER - 32
    return resealed(data, HEADER, body)
