"""A run in one SQLite file: `sqlite:///srv/run.db`. The toy store of tests/test_contributing.py."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerofleet.run.errors import KeyMissingError
from zerofleet.run.store import PAGE_SIZE, Entry, Page, check_key

SCHEME = "sqlite"
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class SqliteFile:
    """Where the file is."""

    path: str

    @staticmethod
    def parse(text: str) -> "SqliteFile":
        """Raises: ValueError for what is no such address."""
        path = text.removeprefix(f"{SCHEME}://")
        if not path.startswith("/"):
            raise ValueError(f"{text}: expected {SCHEME}:///PATH")
        return SqliteFile(path)

    @property
    def identity(self) -> str:
        """The same for every way to write the address."""
        return f"{SCHEME}://{Path(self.path).resolve()}"

    def store(self) -> "SqliteStore":
        """The store of the run."""
        return SqliteStore(self.path)


class SqliteStore:
    """Keys and values in a table; every call is a transaction."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._run("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value BLOB)")

    def list(self, prefix: str, *, after: str = "", limit: int = PAGE_SIZE) -> Page:
        """See `Store.list`."""
        rows = self._run(
            "SELECT key, length(value) FROM entry WHERE key > ? AND substr(key, 1, ?) = ? "
            "ORDER BY key LIMIT ?",
            *(after, len(prefix), prefix, limit + 1),
        )
        entries = tuple(Entry(key, size) for key, size in rows[:limit])
        return Page(entries, entries[-1].key if len(rows) > limit else None)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        rows = self._run("SELECT value FROM entry WHERE key = ?", check_key(key))
        if not rows:
            raise KeyMissingError(f"{self._path}: has no {key}")
        return bytes(rows[0][0])

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self._run("REPLACE INTO entry VALUES (?, ?)", check_key(key), data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.put_if_absent`."""
        insert = "INSERT OR IGNORE INTO entry VALUES (?, ?) RETURNING key"
        return bool(self._run(insert, check_key(key), data))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._run("DELETE FROM entry WHERE key = ?", check_key(key))

    def _run(self, sql: str, *values: object) -> Rows:
        with contextlib.closing(sqlite3.connect(self._path, timeout=60)) as database, database:
            return database.execute(sql, values).fetchall()
