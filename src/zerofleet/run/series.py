"""Series: append-only JSON lines in logs/, the source of truth for curves.

A line is written by one call, so a killed process leaves at most one torn line, at the end. The
next writer ends that line first and readers leave it out. A file that has grown past
`rotate_bytes` is left alone and the next number begins.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zerofleet.run.atomic import describe
from zerofleet.run.layout import LOGS
from zerofleet.run.store import DirectoryStore, Store, iterate, read_or_none

ROTATE_BYTES = 64 * 2**20


def _files(directory: Path, name: str) -> list[Path]:
    pattern = re.compile(rf"series-{re.escape(name)}-(\d{{6}})\.jsonl")
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [directory / entry for entry in sorted(names) if pattern.fullmatch(entry)]


class SeriesWriter:
    """Appends to one series; one writer per name at a time."""

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        rotate_bytes: int = ROTATE_BYTES,
        first_number: int = 1,
    ) -> None:
        """Goes on in the last file, or begins one of `first_number` if that is later.

        `directory` is the run's logs/; the files are series-<name>-000001.jsonl and so on.
        """
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise ValueError(f"series name {name!r}: use letters, digits, '.', '_' and '-'")
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise describe(error, "create the directory", directory) from error
        self._directory = directory
        self._name = name
        self._rotate_bytes = rotate_bytes
        found = _files(directory, name)
        self._number = max(first_number, int(found[-1].stem[-6:]) if found else 1)
        self._descriptor = self._open()

    def __enter__(self) -> "SeriesWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, entry: dict[str, Any]) -> None:
        """Writes one line; floats that JSON does not have (NaN) become null.

        Raises: StoreError if the disk is full or gone; the series may be appended to later.
        """
        line = (json.dumps(_finite(entry), separators=(",", ":")) + "\n").encode()
        if self._descriptor < 0:
            self._descriptor = self._open()
        try:
            if os.fstat(self._descriptor).st_size >= self._rotate_bytes:
                self.close()
                self._number += 1
                self._descriptor = self._open()
            written = os.write(self._descriptor, line)
            if written < len(line):
                # The disk filled up within the line: end it, so that later ones are whole.
                os.write(self._descriptor, b"\n")
        except OSError as error:
            raise describe(error, "append a line", self._path()) from error

    def close(self) -> None:
        """Ends the series, durable where the disk allows it: a log is no reason to fail."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _path(self) -> Path:
        return self._directory / f"series-{self._name}-{self._number:06d}.jsonl"

    def _open(self) -> int:
        path = self._path()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o666)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                os.write(descriptor, b"\n")
        except OSError as error:
            raise describe(error, "open the series", path) from error
        return descriptor


def read_series(directory: Path, name: str) -> Iterator[dict[str, Any]]:
    """All whole entries of a series in order; torn lines are left out."""
    for path in _files(directory, name):
        with path.open("rb") as file:
            for line in file:
                entry = parse_line(line)
                if entry is not None:
                    yield entry


def tail_series(directory: Path, name: str, *, max_bytes: int = 1 << 18) -> list[dict[str, Any]]:
    """The last whole entries of a series, oldest first, of the last `max_bytes` of its files.

    Raises: OSError if a file that is there cannot be read.
    """
    left, pieces = max_bytes, []
    for path in reversed(_files(directory, name)):
        if left <= 0:
            break
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - left)
            file.seek(max(0, start - 1))
            # The line that begins before the piece is left out.
            first = file.readline() if start else b""
            piece = file.read(left)
        pieces.append(piece)
        left -= len(piece) + len(first)
    lines = (line for piece in reversed(pieces) for line in piece.splitlines(keepends=True))
    return [entry for line in lines if (entry := parse_line(line)) is not None]


def tail_stored_series(
    store: Store, name: str, *, max_bytes: int = 1 << 18
) -> list[dict[str, Any]]:
    """As `tail_series`, of a run in any store. What is copied there is a little late.

    Raises: OSError, StoreError if a file that is there cannot be read.
    """
    if isinstance(store, DirectoryStore):
        return tail_series(store.root / LOGS, name, max_bytes=max_bytes)
    keys = [entry.key for entry in iterate(store, f"{LOGS}series-{name}-")]
    data = read_or_none(store, keys[-1]) if keys else None
    lines = (data or b"")[-max_bytes - 1 :].splitlines(keepends=True)
    if data is not None and len(data) > max_bytes:
        del lines[0]  # it begins before the piece, or is the end of one before it
    return [entry for line in lines if (entry := parse_line(line)) is not None]


class SeriesFollower:
    """Reads what is appended to one series from now on."""

    def __init__(self, directory: Path, name: str) -> None:
        """Begins at the end of the series; it need not be there yet."""
        self._directory = directory
        self._name = name
        self._offsets = {path: path.stat().st_size for path in _files(directory, name)}

    def new(self) -> list[dict[str, Any]]:
        """The whole entries since the last call, in order."""
        entries = []
        for path in _files(self._directory, self._name):
            begin = self._offsets.get(path, 0)
            with contextlib.suppress(OSError), path.open("rb") as file:  # the next look will do
                file.seek(begin)
                data = file.read()
                end = data.rfind(b"\n") + 1
                self._offsets[path] = begin + end
                entries += [parse_line(line) for line in data[:end].splitlines(keepends=True)]
        return [entry for entry in entries if entry is not None]


def series_names(directory: Path) -> list[str]:
    """The names of the series in `directory`, sorted."""
    found = (re.fullmatch(r"series-(.+)-\d{6}\.jsonl", path.name) for path in directory.glob("*"))
    return sorted({match[1] for match in found if match is not None})


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The entry in one line, or None if the line is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _finite(value: Any) -> Any:
    """`value` with NaN and infinities replaced by None."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value
