"""Shard to bytes. Equal records and meta give equal bytes."""

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, GameRecords, ShardMeta
from zerofleet.records.structure import check_structure

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of the format: bytes do not depend on the clock
_UNIX = 3


def npz_bytes(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """An .npz (deflate level 1) whose bytes depend on nothing but names and arrays."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            member.create_system = _UNIX
            member.external_attr = 0o644 << 16
            npy = io.BytesIO()
            np.lib.format.write_array(npy, array, version=(1, 0), allow_pickle=False)
            archive.writestr(
                member, npy.getbuffer(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=1
            )
    return out.getvalue()


def encode_shard(meta: ShardMeta, games: GameRecords) -> bytes:
    """Returns the bytes of the shard's .npz file.

    Raises: ShardError if the records do not have the structure of a shard: a worker finds out, and
      not the trainer.
    """
    name = f"batch {meta.batch} of {meta.worker_id}"
    for key, (dtype, _) in ARRAYS.items():
        got = getattr(games, key).dtype
        if got != dtype:
            raise ShardError(name, f"{key}: expected {dtype.name}, got {got}")
    check_structure(games, name)
    arrays: dict[str, NDArray[np.generic]] = {
        "meta": np.frombuffer(meta.model_dump_json().encode(), np.uint8)
    }
    for key, (dtype, _) in ARRAYS.items():
        arrays[key] = np.ascontiguousarray(getattr(games, key), dtype)
    return npz_bytes(arrays)
