"""Files of positions: `checkpoint.npz` of a run, and the plain files `--seed-data` accepts as well.

docs/formats.md lists the arrays. Nothing is unpickled, and every row is checked.
"""

import io
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.replay.split import validation_positions
from zerofleet.replay.window import SEED_VERSION, PositionBatch, Window

FORMAT_VERSION = 1
MAX_ROWS = 50_000_000
"""Larger files are refused before they are read."""
BOARDS_GAME = "ultimate_ttt"
"""The game whose positions files hold as `boards`; those of others are `packed`."""

_WHAT_TO_GIVE = (
    "give a run's checkpoint.npz or an .npz file with boards int8 (N, 92) and values float32 (N,)"
)
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)


class SeedDataError(ValueError):
    """Seed data that cannot be used: says what was expected, what came, where, and what to do."""

    exit_status = 2
    """A usage error: starting again does not mend it."""


def checkpoint_npz(window: Window, *, lambda_search: float) -> bytes:
    """Returns the window as the bytes of `checkpoint.npz`, readable by numpy alone.

    Args:
      window: oldest positions first, and so they are written.
      lambda_search: `values` are the targets, lambda * search + (1 - lambda) * result.
    """
    meta = {
        "format_version": FORMAT_VERSION,
        "kind": "positions",
        "game": window.game,
        "lambda_search": lambda_search,
        "num_positions": len(window),
    }
    search = np.where(np.isnan(window.search_value), window.result, window.search_value)
    values = lambda_search * search + (1.0 - lambda_search) * window.result
    positions: dict[str, npt.NDArray[Any]]
    if window.game == BOARDS_GAME:
        positions = {"boards": _core.packed_to_boards(window.packed)}
    else:
        positions = {"packed": window.packed}
    versions = [source.model_version for source in window.sources]
    counts = [source.num_positions for source in window.sources]
    return _deflate(
        {
            "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8),
            **positions,
            "values": values.astype(np.float32),
            "search_value": window.search_value,
            "result": window.result,
            "model_version": np.repeat(np.array(versions, np.int32), counts),
            "is_validation": window.is_validation,
        }
    )


def parse_seed_data(
    data: bytes, *, source: str, game: str, validation_share: float, max_positions: int
) -> PositionBatch:
    """Reads positions from a `checkpoint.npz` or a plain file, the newest `max_positions` of it.

    Args:
      source: what messages call the file; its last part names the source in the window.
    Raises: SeedDataError if the bytes are no .npz file, have other arrays, types or shapes, or
      have a position or value that cannot be; the first bad row is named.
    """
    path = Path(source)
    arrays = _read_arrays(path, data)
    if "meta" in arrays:
        _check_meta(path, arrays["meta"], game)
    values = _column(path, arrays, "values")
    packed = _positions(path, arrays, game, len(values))
    if len(values) == 0:
        raise SeedDataError(f"{path}: expected positions, found none")
    _check_range(path, "values", values)
    search, result = values, values
    if "search_value" in arrays and "result" in arrays:
        search, result = _column(path, arrays, "search_value"), _column(path, arrays, "result")
        for name, column in (("search_value", search), ("result", result)):
            if len(column) != len(values):
                raise SeedDataError(
                    f"{path}: {name} has {len(column):,} rows, values {len(values):,}; the file "
                    "is damaged: copy it again"
                )
        _check_range(path, "search_value", search, allow_nan=True)
        _check_range(path, "result", result)
    newest = slice(max(0, len(values) - max_positions), None)
    return PositionBatch(
        source=path.name,
        model_version=SEED_VERSION,
        packed=packed[newest],
        search_value=search[newest],
        result=result[newest],
        is_validation=validation_positions(game, packed[newest], share=validation_share),
    )


def _read_arrays(path: Path, data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Reads every known array of the file."""
    known = ("meta", "boards", "packed", "values", "search_value", "result")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            limit = MAX_ROWS * 128
            if sum(sizes.values()) > limit:
                raise SeedDataError(
                    f"{path}: {sum(sizes.values()):,} bytes of arrays, at most {limit:,} are "
                    "read; keep fewer positions"
                )
        arrays = {}
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            for name in known:
                if name in file.files:
                    arrays[name] = _load(path, file, name)
            found = ", ".join(sorted(file.files)) or "nothing"
    except SeedDataError:
        raise
    except _DAMAGED as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SeedDataError(
            f"{path}: expected a whole .npz file, found something else ({reason}); {_WHAT_TO_GIVE}"
        ) from None
    if "values" not in arrays or not {"boards", "packed"} & arrays.keys():
        raise SeedDataError(
            f"{path}: expected the arrays boards and values, found {found}; {_WHAT_TO_GIVE}"
        )
    return arrays


def _load(path: Path, file: Any, name: str) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = file[name]
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise SeedDataError(
                f"{path}: {name} holds pickled Python objects, which are never loaded as they can "
                "run code; save plain numbers"
            ) from None
        raise
    return array


def _check_meta(path: Path, raw: npt.NDArray[Any], game: str) -> None:
    try:
        meta = json.loads(raw.astype(np.uint8).tobytes())
        version, kind, written = meta["format_version"], meta["kind"], meta["game"]
    except (ValueError, KeyError, TypeError):
        raise SeedDataError(
            f"{path}: meta is not what checkpoint.npz holds; {_WHAT_TO_GIVE}"
        ) from None
    if version != FORMAT_VERSION:
        raise SeedDataError(
            f"{path}: expected format version {FORMAT_VERSION}, found {version}; install the "
            "version of zerofleet that wrote it"
        )
    if kind != "positions":
        raise SeedDataError(f"{path}: expected positions, found kind {kind!r}; {_WHAT_TO_GIVE}")
    if written != game:
        raise SeedDataError(f"{path}: positions of {written}, but this run plays {game}")


def _column(path: Path, arrays: dict[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.float32]:
    array = arrays[name]
    if array.dtype != np.float32 or array.ndim != 1:
        raise SeedDataError(
            f"{path}: expected {name} float32 (N,), found {array.dtype} {array.shape}"
        )
    return array


def _positions(
    path: Path, arrays: dict[str, npt.NDArray[Any]], game: str, num_rows: int
) -> npt.NDArray[np.uint8]:
    if game == BOARDS_GAME:
        name, dtype, columns = "boards", "int8", 92
    else:
        name, dtype, columns = "packed", "uint8", load_game(game).packed_bytes
    if name not in arrays:
        raise SeedDataError(f"{path}: positions of {game} are read from the array {name!r}")
    array = arrays[name]
    if array.dtype.name != dtype or array.shape != (num_rows, columns):
        raise SeedDataError(
            f"{path}: expected {name} {dtype} ({num_rows}, {columns}) beside {num_rows} values, "
            f"found {array.dtype} {array.shape}"
        )
    array = np.ascontiguousarray(array)
    try:
        if name == "boards":
            return _core.boards_to_packed(array)
        _core.encode_features(game, array)  # unpacks every row, and so checks it
        return array
    except ValueError as error:
        raise SeedDataError(f"{path}: {name}: {error}") from None


def _check_range(
    path: Path, name: str, column: npt.NDArray[np.float32], *, allow_nan: bool = False
) -> None:
    good = np.abs(column) <= 1.0
    if allow_nan:
        good |= np.isnan(column)
    if not good.all():
        row = int(np.argmin(good))
        shown = "not a number" if math.isnan(column[row]) else f"{column[row]:g}"
        raise SeedDataError(
            f"{path}: {name}, row {row:,}: expected a number in [-1, 1] from the mover's view, "
            f"found {shown} ({int((~good).sum()):,} such rows)"
        )


def _deflate(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """An .npz file of deflate level 1: higher levels take far longer for a few percent."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            # A fixed date: the same window gives the same bytes.
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()
