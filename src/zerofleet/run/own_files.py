"""What a role writes as plain files: its series, its logs, TensorBoard.

In a run directory they are where everybody sees them. For a run that is kept elsewhere they are in
a working directory of this host, and what has changed is copied into the store from time to time
and at the end, under the same names. A copy is whole, and at most `COPY_SECONDS` behind.
"""

import contextlib
import re
import threading
from collections.abc import Iterable
from pathlib import Path

from zerofleet.run.atomic import describe, is_hidden
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import LOGS
from zerofleet.run.place import Place
from zerofleet.run.series import ROTATE_BYTES, SeriesWriter
from zerofleet.run.store import Store, iterate

COPY_SECONDS = 30.0
COPIED_SERIES_BYTES = 2 * 2**20
"""A series that is copied goes on in a new file after so many bytes: a copy is of one file."""


class OwnFiles:
    """The files of one role of a run, copied into the store while this is open."""

    def __init__(self, place: Place, store: Store, *, copy_seconds: float = COPY_SECONDS) -> None:
        """Makes the directory. Raises: StoreError if that cannot be."""
        self.directory = place.files
        self._store = store
        self._copy_seconds = copy_seconds
        self._patterns: list[str] = []
        self._copied: dict[Path, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_copied = not place.is_directory
        try:
            (self.directory / LOGS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise describe(error, "create the directory", self.directory / LOGS) from error

    def series(self, name: str) -> SeriesWriter:
        """Opens the role's series; on another host than before it goes on in a new file."""
        if not self._is_copied:
            return SeriesWriter(self.directory / LOGS, name)
        self.copy(f"{LOGS}series-{name}-*.jsonl")
        return SeriesWriter(
            self.directory / LOGS,
            name,
            rotate_bytes=min(ROTATE_BYTES, COPIED_SERIES_BYTES),
            first_number=1 + self._last_number(name),
        )

    def copy(self, pattern: str) -> None:
        """Copies files of this pattern, relative to the directory, from now on."""
        with self._lock:
            self._patterns.append(pattern)
            # What an earlier process left here is copied only if it grows: another host may have
            # gone on under the next number meanwhile.
            for path in self._found():
                status = path.stat()
                self._copied.setdefault(path, (status.st_size, status.st_mtime_ns))

    def __enter__(self) -> "OwnFiles":
        if self._is_copied:
            self._thread = threading.Thread(target=self._run, name="own files", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._closed.set()
            self._thread.join(timeout=60)
            with contextlib.suppress(StoreError):
                self.copy_now()

    def copy_now(self) -> int:
        """Copies what has changed; returns how many files that were. Raises: StoreError."""
        with self._lock:
            num_copied = 0
            for path in self._found():
                try:
                    status = path.stat()
                    mark = (status.st_size, status.st_mtime_ns)
                    if self._copied.get(path) == mark:
                        continue
                    data = path.read_bytes()
                except OSError:
                    continue  # rotated away, or the disk has a fault: a copy is no reason to fail
                self._store.put(path.relative_to(self.directory).as_posix(), data)
                self._copied[path] = mark
                num_copied += 1
            return num_copied

    def _found(self) -> Iterable[Path]:
        for pattern in self._patterns:
            for path in sorted(self.directory.glob(pattern)):
                if path.is_file() and not is_hidden(path.name):
                    yield path

    def _run(self) -> None:
        while not self._closed.wait(self._copy_seconds):
            with contextlib.suppress(StoreError):  # the next round will do
                self.copy_now()

    def _last_number(self, name: str) -> int:
        """Of the files of a series in the store; 0 if there are none."""
        pattern = re.compile(rf"{LOGS}series-{re.escape(name)}-(\d{{6}})\.jsonl")
        keys = [entry.key for entry in iterate(self._store, f"{LOGS}series-{name}-")]
        return max((int(m[1]) for key in keys if (m := pattern.fullmatch(key))), default=0)
