"""The journal of imports: what was read from which text, so that no game is imported twice.

`imports/journal.jsonl`, one JSON object a line. The first line says which games are imported and
the worker id of their shards. Each other line is a commit: a shard's number, or none, and how far
each text that took part has been read since the line before. A shard is written first and named by
the journal then; a shard that no line names does not count and is written again. So an import may
be killed anywhere: nothing is lost, nothing comes twice.

A text is known by its content and not by its name: packed or not, moved or renamed, it is the same;
and one that has grown is read from where it ended before. Reading a text again up to there costs
its unpacking and a checksum.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import Any

from zerofleet.replay.imports.games import Place
from zerofleet.replay.imports.text import ImportFilesError
from zerofleet.run.atomic import TemporarySweeper, describe
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import IMPORT_JOURNAL, IMPORTS, SKIPPED_GAMES, shard_name
from zerofleet.run.words import counted

FORMAT = 1
HEAD_BYTES = 1 << 16
"""By so much of its start a text is looked up."""
MAX_REPORTED_GAMES = 100_000
"""Skipped games that are described one by one; further ones are only counted."""
MODEL_VERSION = 1
"""In the names of shards, which want one."""


@dataclass
class TextState:
    """How far one text has been read."""

    number: int
    """In the order in which texts came."""
    path: str
    """Where it lay last; empty: standard input."""
    head_bytes: int
    head: str
    """sha256 of so many bytes of its start."""
    sha256: str
    """Of the text up to the place."""
    place: Place
    done: bool = False
    """Its end was reached."""
    filters: dict[str, Any] = field(default_factory=dict)
    num_imported: int = 0
    num_positions: int = 0
    num_cut: int = 0
    """Games whose last moves our rules do not allow."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Games by why they were left out."""

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "TextState":
        """Reads what `asdict` made."""
        return cls(**{**entry, "place": Place(**entry["place"])})


class ImportBusyError(ImportFilesError):
    """Another process imports into the same directory."""


class Journal:
    """The journal of one directory, held by one process at a time."""

    def __init__(self, run_dir: Path) -> None:
        """Takes the directory; it is made if it is missing. Raises: ImportFilesError."""
        self.folder = run_dir / IMPORTS
        self.folder.mkdir(parents=True, exist_ok=True)
        self._path = run_dir / IMPORT_JOURNAL
        self._report_path = run_dir / SKIPPED_GAMES
        self.spec = ""
        """The games that are imported here; empty before the first one."""
        self.worker = ""
        """Worker id of the shards; empty before the first one."""
        self.texts: list[TextState] = []
        self.next_batch = 1
        self.next_game = 0
        self.num_positions = 0
        self._report_bytes = self._num_reported = 0
        self._report: list[str] = []
        self._file = self._path.open("a+b", buffering=0)
        try:
            self._lock()
            TemporarySweeper().sweep(self.folder)
            self._read()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Gives the directory back."""
        self._file.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, spec: str, head: str) -> None:
        """The first line. The shards' worker id comes from the sha256 of the first text's head, so
        that the same text makes the same shards wherever it is imported."""
        worker = f"import-{head[:12]}"
        self._append({"format": FORMAT, "game": spec, "worker": worker})
        self.spec, self.worker = spec, worker

    def report(self, line: str) -> None:
        """Describes a skipped game; written with the next commit."""
        if self._num_reported + len(self._report) < MAX_REPORTED_GAMES:
            self._report.append(line)

    def commit(self, texts: Iterable[TextState], *, num_games: int, num_positions: int) -> None:
        """Says what was read; with games, that the shard `next_batch` holds them."""
        lines = "".join(line + "\n" for line in self._report).encode()
        if lines:
            with _told(self._report_path), self._report_path.open("ab", buffering=0) as file:
                _write(file, lines)
        self._report_bytes += len(lines)
        self._num_reported += len(self._report)
        self._report = []
        self._append(
            {
                "batch": self.next_batch if num_games else None,
                "games": num_games,
                "positions": num_positions,
                "report_bytes": self._report_bytes,
                "reported": self._num_reported,
                "texts": [asdict(text) for text in texts],
            }
        )
        fault_point("import.after_journal")
        if num_games:
            self.next_batch += 1
            self.next_game += num_games
            self.num_positions += num_positions

    @property
    def report_path(self) -> Path | None:
        """Where skipped games are described, if there are any."""
        return self._report_path if self._report_bytes else None

    def shard_path(self, batch: int) -> Path:
        """Of a shard."""
        return self.folder / shard_name(MODEL_VERSION, self.worker, batch)

    def _append(self, line: dict[str, Any]) -> None:
        with _told(self._path):
            _write(self._file, json.dumps(line).encode() + b"\n")

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportBusyError(
                f"{self.folder}: another process imports into this directory; wait for it, or give "
                "another --run-dir"
            ) from None
        except OSError:
            pass  # a file system without locks

    def _read(self) -> None:
        self._file.seek(0)
        data = self._file.readall()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):  # killed while the last line was written: it has not happened
            self._file.truncate(whole)
        lines = data[:whole].splitlines()
        if not lines:
            shards = sorted(self.folder.glob("*.npz"))
            if shards:
                raise ImportFilesError(
                    f"{self.folder}: {counted(len(shards), 'shard')}, but no {self._path.name} "
                    "that says what they hold: put it back, or give another --run-dir"
                )
            return
        try:
            header = json.loads(lines[0])
            if header["format"] != FORMAT:
                raise ImportFilesError(
                    f"{self._path}: expected format {FORMAT}, found {header['format']}; use the "
                    "version of zerofleet that wrote it"
                )
            self.spec, self.worker = str(header["game"]), str(header["worker"])
            texts: dict[int, TextState] = {}
            for line in lines[1:]:
                entry = json.loads(line)
                for text in entry["texts"]:
                    texts[text["number"]] = TextState.from_json(text)
                if entry["batch"] is not None:
                    self.next_batch = entry["batch"] + 1
                    self.next_game += entry["games"]
                    self.num_positions += entry["positions"]
                self._report_bytes, self._num_reported = entry["report_bytes"], entry["reported"]
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ImportFilesError):
                raise
            raise ImportFilesError(
                f"{self._path}: not a journal of imports ({error!r}): put a copy back, or give "
                "another --run-dir"
            ) from None
        self.texts = [texts[number] for number in sorted(texts)]
        # What was written and never named.
        self.shard_path(self.next_batch).unlink(missing_ok=True)
        if self._report_path.exists():
            os.truncate(
                self._report_path, min(self._report_bytes, self._report_path.stat().st_size)
            )


def _write(file: RawIOBase, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]
    os.fsync(file.fileno())


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise describe(error, "write", path) from error
