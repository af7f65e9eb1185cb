"""Bytes to shard. Nothing in the bytes is trusted: no pickle, no size that is not bounded first."""

import io
import json
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from zerofleet.records.errors import ShardError
from zerofleet.records.shard import ARRAYS, FORMAT_VERSION, GameRecords, ShardMeta
from zerofleet.records.structure import check_structure

MAX_BYTES = 1 << 28
"""Default bound of a shard, as a file and inflated: 256 MiB."""
_MAX_META_BYTES = 1 << 20
_MAX_MEMBERS = 64
_META = (np.dtype("u1"), 1)
# The header numpy writes for plain arrays. Anything else in its place is refused, not evaluated.
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_HEADER = re.compile(
    rb"\{'descr': '([^']{1,64})', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9, ]{0,80})\), \} *\n"
)
# Whatever the zip module raises for damaged archives.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)


def read_shard(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[ShardMeta, GameRecords]:
    """`decode_shard` of a file; its size is checked before it is read."""
    size = path.stat().st_size
    if size > max_bytes:
        raise ShardError(path.name, _too_large("the file", size, max_bytes))
    return decode_shard(path.read_bytes(), name=path.name, max_bytes=max_bytes)


def decode_shard(
    data: bytes, *, name: str, max_bytes: int = MAX_BYTES
) -> tuple[ShardMeta, GameRecords]:
    """Returns meta and records of a shard, checked for everything but the rules of the game.

    Args:
      data: the bytes of the file.
      name: what error messages call it.
      max_bytes: bound of the file and of all arrays together, checked before inflating.
    Raises: ShardError with one line saying what was expected, what came and what to do.
    """
    if len(data) > max_bytes:
        raise ShardError(name, _too_large("the file", len(data), max_bytes))
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    with archive:
        members = _members(archive, name, max_bytes)
        # The version comes first: a later format may have other arrays.
        meta = _parse_meta(_array(archive, members, "meta", _META, name), name)
        _check_keys(members, name)
        arrays = {key: _array(archive, members, key, spec, name) for key, spec in ARRAYS.items()}
    games = GameRecords(**arrays)
    check_structure(games, name)
    return meta, games


def _too_large(what: str, size: int, limit: int) -> str:
    return f"{what} has {size:,} bytes, more than {limit:,}; write fewer games per shard"


def _damaged(name: str, error: Exception) -> ShardError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ShardError(
        name, f"expected a whole .npz file, but it is damaged ({reason}); copy it again"
    )


def _members(archive: zipfile.ZipFile, name: str, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise ShardError(name, f"expected {len(ARRAYS) + 1} arrays, got {len(infos)} members")
    members = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(members) != len(infos):
        raise ShardError(name, "an array appears twice; expected each once")
    total = sum(info.file_size for info in infos)
    if total > max_bytes:
        raise ShardError(name, _too_large("inflated, it", total, max_bytes))
    if "meta" not in members:
        raise ShardError(name, f"no meta; expected a shard with {', '.join(['meta', *ARRAYS])}")
    if members["meta"].file_size > _MAX_META_BYTES:
        size = members["meta"].file_size
        raise ShardError(name, f"meta: expected at most {_MAX_META_BYTES:,} bytes, got {size:,}")
    return members


def _check_keys(members: dict[str, zipfile.ZipInfo], name: str) -> None:
    for key in ("meta", *ARRAYS):
        if key not in members or members[key].filename != f"{key}.npy":
            raise ShardError(name, f"no array {key!r}; format {FORMAT_VERSION} has it")
    for key in members:
        if key != "meta" and key not in ARRAYS:
            raise ShardError(name, f"unknown array {key[:60]!r}; format {FORMAT_VERSION} has none")


def _array(
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    key: str,
    spec: tuple[np.dtype[Any], int],
    name: str,
) -> NDArray[Any]:
    info = members[key]
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ShardError(
            name, f"{key}: expected deflate, got compression method {info.compress_type}"
        )
    try:
        with archive.open(info) as member:
            # With the size given, no more than it is ever inflated, whatever the stream holds.
            raw = member.read(info.file_size)
            if len(raw) != info.file_size or member.read(1):
                raise EOFError(f"{key} is not {info.file_size:,} bytes long")
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    return _parse_npy(raw, key, spec, name)


def _parse_npy(raw: bytes, key: str, spec: tuple[np.dtype[Any], int], name: str) -> NDArray[Any]:
    dtype, num_dims = spec
    header_end = 10 + int.from_bytes(raw[8:10], "little")
    header = _NPY_HEADER.fullmatch(raw[10:header_end])
    if raw[:8] != _NPY_MAGIC or header is None:
        raise ShardError(
            name, f"{key}: expected a plain .npy array of version 1.0, got another header"
        )
    descr = header[1].decode("ascii", "replace")
    if descr.lstrip("<|>=") == "O":
        raise ShardError(name, f"{key}: expected {dtype.name}, got pickled objects; never loaded")
    if descr != dtype.str:
        raise ShardError(name, f"{key}: expected {dtype.name} ({dtype.str}), got {descr}")
    if header[2] != b"False":
        raise ShardError(name, f"{key}: expected C order, got Fortran order")
    shape = tuple(int(part) for part in header[3].replace(b" ", b"").split(b",") if part)
    if len(shape) != num_dims:
        raise ShardError(name, f"{key}: expected {num_dims} dimensions, got shape {shape}")
    size = math.prod(shape) * dtype.itemsize
    if size != len(raw) - header_end:
        raise ShardError(
            name, f"{key}: expected {size:,} bytes for {shape}, got {len(raw) - header_end:,}"
        )
    return np.frombuffer(raw, dtype, offset=header_end).reshape(shape)


def _parse_meta(raw: NDArray[np.uint8], name: str) -> ShardMeta:
    try:
        document = json.loads(raw.tobytes())
    except (ValueError, RecursionError):
        raise ShardError(name, "meta: expected UTF-8 JSON, got something else") from None
    if not isinstance(document, dict):
        raise ShardError(name, f"meta: expected a JSON object, got {type(document).__name__}")
    version = document.get("format_version")
    if type(version) is not int or version < 1:
        raise ShardError(
            name, f"meta: expected format_version {FORMAT_VERSION}, got {version!r:.40}"
        )
    if version > FORMAT_VERSION:
        raise ShardError(
            name,
            f"format version {version}, newer than {FORMAT_VERSION}; update zerofleet here or use "
            "the same version everywhere",
        )
    try:
        return ShardMeta.model_validate(document, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        raise ShardError(name, f"meta.{where}: {first['msg']}") from None
