"""Reads and writes `.nnue` files: integer weights, little endian, no padding, sha256 at the end.

docs/formats.md has the table of bytes. A worker checks its net with this, without torch, and then
hands the same bytes to the core (`_core.NnueNetwork`), which owns the constants.
"""

import hashlib
import struct
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.nets.config import NnueConfig
from zerofleet.nets.features import FEATURE_SETS, FeatureSet

MAGIC = b"ZFNNUE\r\n"
"""The line end shows at once when a transfer in text mode damaged the file."""
FORMAT_VERSION = _core.NNUE_FORMAT_VERSION

ACCUMULATOR_SCALE = _core.NNUE_ACCUMULATOR_SCALE
"""256: the integer that stands for 1.0 in the accumulators."""
ACTIVATION_SCALE = _core.NNUE_ACTIVATION_SCALE
"""128: the integer that stands for 1.0 in the u8 activations."""
WEIGHT_SCALE = _core.NNUE_WEIGHT_SCALE
"""64: the integer that stands for 1.0 in the int8 weights."""
BIAS_SCALE = ACTIVATION_SCALE * WEIGHT_SCALE
"""8192: stands for 1.0 in the int32 biases, the output and the piece-square term."""
EVAL_PER_LOGIT = _core.EVAL_PER_LOGIT
"""512 evaluation units are a logit of win probability: p = sigmoid(eval / 512)."""
EVAL_SHIFT = (BIAS_SCALE // EVAL_PER_LOGIT).bit_length() - 1
"""4: eval = raw >> 4."""
MAX_EVAL = _core.MAX_EVAL
"""30,000: evaluations are clamped to this; larger scores are proven wins."""
SCALES = (ACCUMULATOR_SCALE, ACTIVATION_SCALE, WEIGHT_SCALE, EVAL_PER_LOGIT)

Array = npt.NDArray[Any]
_HEADER = struct.Struct("<8sII32s6I4I")
_DIGEST_BYTES = 32


class NnueFileError(ValueError):
    """A `.nnue` file that cannot be used; says what was expected, what came and what to do."""


@dataclass(frozen=True)
class NnueArchitecture:
    """Everything two nets must share for one's weights to fit the other."""

    feature_set: str
    num_features: int
    num_accumulators: int
    num_hidden1: int
    num_hidden2: int
    num_buckets: int
    bucket_span: int

    @classmethod
    def of(cls, feature_set: FeatureSet, config: NnueConfig) -> "NnueArchitecture":
        """Combines a feature set with configured sizes."""
        return cls(
            feature_set=feature_set.name,
            num_features=feature_set.num_features,
            num_accumulators=config.num_accumulators,
            num_hidden1=config.num_hidden1,
            num_hidden2=config.num_hidden2,
            num_buckets=config.num_buckets,
            bucket_span=feature_set.bucket_span,
        )

    @property
    def hash(self) -> int:
        """u32 that differs whenever names, sizes or scales do."""
        sizes = (
            self.num_accumulators,
            self.num_hidden1,
            self.num_hidden2,
            self.num_buckets,
            self.bucket_span,
        )
        numbers = "|".join(str(n) for n in sizes + SCALES)
        text = f"{self.feature_set}|{numbers}|screlu-clipped"
        return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:4], "little")

    def __str__(self) -> str:
        return (
            f"{self.feature_set} {self.num_features}->{self.num_accumulators}x2->"
            f"{self.num_hidden1}->{self.num_hidden2}->1, {self.num_buckets} buckets "
            f"of {self.bucket_span} pieces"
        )


@dataclass(frozen=True)
class NnueWeights:
    """The integers of a net. A, H1, H2, B, F as in `NnueArchitecture`."""

    architecture: NnueArchitecture
    ft_bias: npt.NDArray[np.int16]
    """[A], scale 256."""
    ft_weight: npt.NDArray[np.int16]
    """[F, A], scale 256."""
    psqt_weight: npt.NDArray[np.int32]
    """[F], scale 8192."""
    l1_bias: npt.NDArray[np.int32]
    """[B, H1], scale 8192."""
    l1_weight: npt.NDArray[np.int8]
    """[B, H1, 2A], scale 64; mover's view first."""
    l2_bias: npt.NDArray[np.int32]
    """[B, H2], scale 8192."""
    l2_weight: npt.NDArray[np.int8]
    """[B, H2, H1], scale 64."""
    out_bias: npt.NDArray[np.int32]
    """[B], scale 8192."""
    out_weight: npt.NDArray[np.int8]
    """[B, H2], scale 64."""


BOUNDS = {
    "ft_bias": _core.NNUE_MAX_FT_BIAS,
    "ft_weight": _core.NNUE_MAX_FT_WEIGHT,
    "psqt_weight": _core.NNUE_MAX_PSQT_WEIGHT,
    "l1_bias": _core.NNUE_MAX_LAYER_BIAS,
    "l1_weight": _core.NNUE_MAX_LAYER_WEIGHT,
    "l2_bias": _core.NNUE_MAX_LAYER_BIAS,
    "l2_weight": _core.NNUE_MAX_LAYER_WEIGHT,
    "out_bias": _core.NNUE_MAX_LAYER_BIAS,
    "out_weight": _core.NNUE_MAX_LAYER_WEIGHT,
}
"""Largest absolute value of each array; within these no sum of the core can overflow."""

_SHARED_ARRAYS = ("ft_bias", "ft_weight", "psqt_weight")
_BUCKET_ARRAYS = ("l1_bias", "l1_weight", "l2_bias", "l2_weight", "out_bias", "out_weight")


def _layout(arch: NnueArchitecture) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Returns name -> (little-endian dtype, shape) of `NnueWeights`' arrays."""
    a, b = arch.num_accumulators, arch.num_buckets
    return {
        "ft_bias": ("<i2", (a,)),
        "ft_weight": ("<i2", (arch.num_features, a)),
        "psqt_weight": ("<i4", (arch.num_features,)),
        "l1_bias": ("<i4", (b, arch.num_hidden1)),
        "l1_weight": ("<i1", (b, arch.num_hidden1, 2 * a)),
        "l2_bias": ("<i4", (b, arch.num_hidden2)),
        "l2_weight": ("<i1", (b, arch.num_hidden2, arch.num_hidden1)),
        "out_bias": ("<i4", (b,)),
        "out_weight": ("<i1", (b, arch.num_hidden2)),
    }


def file_size_bytes(arch: NnueArchitecture) -> int:
    """Returns the exact size of a file of this architecture."""
    body = sum(np.dtype(d).itemsize * int(np.prod(s)) for d, s in _layout(arch).values())
    return _HEADER.size + body + _DIGEST_BYTES


def to_bytes(weights: NnueWeights) -> bytes:
    """Returns the bytes of a `.nnue` file.

    Raises: NnueFileError if an array has the wrong shape or a weight is out of range, with the
      number of such weights and their extremes.
    """
    arch = weights.architecture
    feature_set = arch.feature_set.encode("ascii")
    if len(feature_set) > 32:
        raise NnueFileError(f"feature set name longer than 32 bytes: {arch.feature_set!r}")
    arrays = {f.name: getattr(weights, f.name) for f in fields(weights) if f.name in BOUNDS}
    _check_arrays(arch, arrays, "cannot write net")
    header = _HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        arch.hash,
        feature_set,
        arch.num_features,
        arch.num_accumulators,
        arch.num_hidden1,
        arch.num_hidden2,
        arch.num_buckets,
        arch.bucket_span,
        *SCALES,
    )
    layout = _layout(arch)
    parts = [header]
    parts += [arrays[name].astype(layout[name][0]).tobytes() for name in _SHARED_ARRAYS]
    for bucket in range(arch.num_buckets):
        parts += [arrays[n][bucket].astype(layout[n][0]).tobytes() for n in _BUCKET_ARRAYS]
    body = b"".join(parts)
    return body + hashlib.sha256(body).digest()


def from_bytes(
    data: bytes, *, source: str = "net", expected: NnueArchitecture | None = None
) -> NnueWeights:
    """Reads a `.nnue` file after checking all of it.

    Args:
      data: the whole file.
      source: its name, for messages.
      expected: refuse any other architecture; None accepts every known feature set.
    Raises: NnueFileError.
    """
    arch = read_architecture(data, source=source)
    if expected is not None and arch != expected:
        raise NnueFileError(
            f"{source}: the net is {arch}, expected {expected}; use a net of this run's game and "
            "net sizes, or start a new run with the sizes of this net"
        )
    size = file_size_bytes(arch)
    if len(data) != size:
        problem = "truncated" if len(data) < size else "followed by other data"
        raise NnueFileError(
            f"{source}: expected {size:,} bytes for {arch}, found {len(data):,}; the file is "
            f"{problem}: copy it again"
        )
    found, stored = hashlib.sha256(data[:-_DIGEST_BYTES]).digest(), data[-_DIGEST_BYTES:]
    if found != stored:
        raise NnueFileError(
            f"{source}: its sha256 trailer says {stored.hex()[:16]}..., the contents have "
            f"{found.hex()[:16]}...; the file was altered or damaged: copy it again"
        )
    arrays = _read_arrays(arch, data)
    _check_arrays(arch, arrays, source)
    return NnueWeights(architecture=arch, **arrays)


def read_architecture(data: bytes, *, source: str = "net") -> NnueArchitecture:
    """Reads and checks the header alone.

    Raises: NnueFileError on another magic, version, feature set, scale or architecture hash.
    """
    if len(data) < _HEADER.size:
        raise NnueFileError(
            f"{source}: expected a header of {_HEADER.size} bytes, found {len(data)} bytes in all; "
            "the file is truncated: copy it again"
        )
    magic, version, stored_hash, raw_name, *numbers = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise NnueFileError(
            f"{source}: expected the magic {MAGIC!r}, found {magic!r}; this is not a .nnue file "
            "of zerofleet, or it was copied in text mode"
        )
    if version != FORMAT_VERSION:
        raise NnueFileError(
            f"{source}: expected format version {FORMAT_VERSION}, found {version}; install the "
            "version of zerofleet that wrote it, or export the net again with this one"
        )
    name = raw_name.rstrip(b"\0").decode("ascii", errors="replace")
    if name not in FEATURE_SETS:
        known = ", ".join(sorted(FEATURE_SETS))
        raise NnueFileError(f"{source}: unknown feature set {name!r}; this version knows {known}")
    if tuple(numbers[6:]) != SCALES:
        raise NnueFileError(
            f"{source}: expected the quantisation scales {SCALES}, found {tuple(numbers[6:])}; "
            "export the net again with this version"
        )
    arch = NnueArchitecture(name, *numbers[:6])
    known_set = FEATURE_SETS[name]
    if (arch.num_features, arch.bucket_span) != (known_set.num_features, known_set.bucket_span):
        raise NnueFileError(
            f"{source}: {name} has {known_set.num_features} features and bucket span "
            f"{known_set.bucket_span}, found {arch.num_features} and {arch.bucket_span}; the "
            "header is damaged: copy the file again"
        )
    if arch.hash != stored_hash:
        raise NnueFileError(
            f"{source}: expected the architecture hash {arch.hash:#010x} for {arch}, found "
            f"{stored_hash:#010x}; the header is damaged or the net has another arithmetic"
        )
    return arch


def load(path: Path, *, expected: NnueArchitecture | None = None) -> NnueWeights:
    """Reads a file. Raises: NnueFileError, OSError."""
    return from_bytes(path.read_bytes(), source=str(path), expected=expected)


def _read_arrays(arch: NnueArchitecture, data: bytes) -> dict[str, Array]:
    layout = _layout(arch)
    offset = _HEADER.size

    def take(dtype: str, shape: tuple[int, ...]) -> Array:
        nonlocal offset
        count = int(np.prod(shape))
        array = np.frombuffer(data, dtype, count, offset).reshape(shape)
        offset += array.nbytes
        return array

    arrays = {name: take(*layout[name]) for name in _SHARED_ARRAYS}
    stacks: dict[str, list[Array]] = {name: [] for name in _BUCKET_ARRAYS}
    for _ in range(arch.num_buckets):
        for name in _BUCKET_ARRAYS:
            dtype, shape = layout[name]
            stacks[name].append(take(dtype, shape[1:]))
    return arrays | {name: np.stack(parts) for name, parts in stacks.items()}


def _check_arrays(arch: NnueArchitecture, arrays: dict[str, Array], source: str) -> None:
    for name, (_, shape) in _layout(arch).items():
        array, bound = arrays[name], BOUNDS[name]
        if array.shape != shape:
            raise NnueFileError(f"{source}: {name} has shape {array.shape}, expected {shape}")
        # int64, as the absolute value of -128 is no int8.
        outside = np.abs(array.astype(np.int64)) > bound
        if outside.any():
            raise NnueFileError(
                f"{source}: {int(outside.sum())} of {array.size} values of {name} are outside "
                f"[-{bound}, {bound}] (smallest {array.min()}, largest {array.max()})"
            )
