"""The store: five calls on named byte strings, and the directory that implements them.

A key is a POSIX path relative to the root of the run. What every store promises:

- `put` and `put_if_absent` make a value visible whole or not at all, and durable when they return;
- of any number of concurrent `put_if_absent` of one key exactly one returns True;
- a reader that sees a value sees all of its bytes;
- `list` may be late (a new key may be missing for a while) but never shows a partial value.

`tests/run/store_conformance.py` is that list as a test suite and runs on every store.
"""

import contextlib
import heapq
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar, runtime_checkable

from zerofleet.run.atomic import (
    TemporarySweeper,
    describe,
    is_hidden,
    write_atomic,
    write_exclusive,
)
from zerofleet.run.errors import KeyMissingError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import LOGS

_T = TypeVar("_T")

PAGE_SIZE = 1000
"""Default number of keys in a page."""


@dataclass(frozen=True)
class Entry:
    """One key of a listing."""

    key: str
    size_bytes: int
    mark: str = field(default="", compare=False)
    """Differs once the value has changed; empty where the store cannot say."""


@dataclass(frozen=True)
class Page:
    """Part of a listing, ascending by key."""

    entries: tuple[Entry, ...]
    next_after: str | None
    """Pass as `after` for the next page; None on the last one."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys alone."""
        return tuple(entry.key for entry in self.entries)


class Store(Protocol):
    """What a run needs from the place where it is kept; see the module's docstring."""

    def list(self, prefix: str, *, after: str = "", limit: int = PAGE_SIZE) -> Page:
        """Keys that begin with `prefix` and are greater than `after`, ascending."""
        ...

    def read(self, key: str) -> bytes:
        """All bytes of `key`; KeyMissingError if there is no such key."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Creates or replaces `key`."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Creates `key` and returns True, or leaves the existing one and returns False."""
        ...

    def delete(self, key: str) -> None:
        """Removes `key`; no error if it is not there."""
        ...


@runtime_checkable
class MovingStore(Protocol):
    """A store that can also rename, which saves reading and writing the bytes."""

    def move(self, source: str, target: str) -> None:
        """Renames `source` to `target`, replacing it; KeyMissingError if there is no source."""
        ...


@runtime_checkable
class CopyingStore(Protocol):
    """A store that copies by itself, so that the bytes do not travel here and back."""

    def copy(self, source: str, target: str) -> None:
        """Puts the value of `source` at `target`; KeyMissingError if there is no source."""
        ...


def iterate(store: Store, prefix: str) -> Iterator[Entry]:
    """All entries under `prefix`, page by page."""
    after: str | None = ""
    limit = getattr(store, "page_size", PAGE_SIZE)
    while after is not None:
        page = store.list(prefix, after=after, limit=limit)
        yield from page.entries
        after = page.next_after


def exists(store: Store, key: str) -> bool:
    """True if `key` is there; one listing of one entry, the value is not read."""
    return any(entry.key == key for entry in store.list(key, limit=1).entries)


def read_or_none(store: Store, key: str) -> bytes | None:
    """The bytes of `key`, or None if there is no such key."""
    try:
        return store.read(key)
    except KeyMissingError:
        return None


def patiently(call: Callable[[], _T]) -> _T:
    """What `call` returns, asked again for about a minute where the store does not answer.

    For a single read, by one who cannot go on without it, of what others ask every moment and
    stores of a service therefore soon give up.
    Raises: KeyMissingError at once; the StoreError of the last of six tries, each of which takes
      up to two time-outs.
    """
    for tries_left in reversed(range(6)):
        try:
            return call()
        except KeyMissingError:
            raise  # that is an answer
        except StoreError:
            if tries_left == 0:
                raise
    raise AssertionError("unreachable")


def move(store: Store, source: str, target: str) -> None:
    """Moves a value. Safe to redo after a crash: a missing source is fine if the target is there.

    A store that cannot rename puts first and deletes after, so the value is never nowhere.
    """
    try:
        if isinstance(store, MovingStore):
            store.move(source, target)
        else:
            if isinstance(store, CopyingStore):
                store.copy(source, target)
            else:
                store.put(target, store.read(source))
            fault_point("move.after_put")
            store.delete(source)
    except KeyMissingError:
        if not exists(store, target):
            raise


def check_exclusive_create(store: Store) -> None:
    """Raises StoreError unless the store refuses to create what is there, as leases need it to.

    Some services that speak S3 ignore the condition of a put, and overwrite.
    """
    key = f"{LOGS}create-check-{uuid.uuid4().hex}"
    created = [store.put_if_absent(key, word) for word in (b"first", b"second")]
    kept = store.read(key)
    store.delete(key)
    if created != [True, False] or kept != b"first":
        raise StoreError(
            f"{store}: creates an object although it is there (it ignores If-None-Match), so two "
            "trainers could not be told apart: use a service or a version that has conditional puts"
        )


def check_key(key: str) -> str:
    """Returns `key` if it is one; raises ValueError otherwise."""
    path = PurePosixPath(key)
    if not key or path.is_absolute() or str(path) != key or "\0" in key:
        raise ValueError(f"{key!r} is not a key: expected a relative POSIX path such as data/a.npz")
    if any(part == ".." or is_hidden(part) for part in path.parts):
        raise ValueError(f"{key!r} is not a key: no part may begin with a dot")
    return key


class DirectoryStore:
    """A run in a directory of any file system with rename, exclusive create and listing."""

    page_size = 100_000
    """A page takes a look at the whole directory, however few keys it has."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"DirectoryStore({str(self.root)!r})"

    def path(self, key: str) -> Path:
        """Where `key` lies."""
        return self.root / check_key(key)

    def list(self, prefix: str, *, after: str = "", limit: int = PAGE_SIZE) -> Page:
        """See `Store.list`. Reads only the directories under the prefix, sizes only of one page."""
        directory = prefix[: prefix.rfind("/") + 1]
        found = (key for key in self._walk(directory, prefix) if key > after)
        keys = heapq.nsmallest(limit + 1, found)
        entries = []
        for key in keys[:limit]:
            # A file that is deleted while we list is simply not there.
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(self.root / key)
                # Every value is a file of its own.
                mark = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
                entries.append(Entry(key, status.st_size, mark))
        return Page(tuple(entries), keys[limit - 1] if len(keys) > limit else None)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        path = self.path(key)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise KeyMissingError(f"{path}: there is no such file", error.errno) from error
        except OSError as error:
            raise describe(error, "read", path) from error

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        write_atomic(self.path(key), data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.put_if_absent`."""
        path = self.path(key)
        # Spares the write in the common case; what decides is the exclusive create.
        if path.exists():
            return False
        return write_exclusive(path, data)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self.path(key)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise describe(error, "delete", path) from error

    def move(self, source: str, target: str) -> None:
        """Renames; the bytes are not copied."""
        old, new = self.path(source), self.path(target)
        try:
            if not new.parent.is_dir():
                new.parent.mkdir(parents=True, exist_ok=True)
            os.rename(old, new)
        except FileNotFoundError as error:
            raise KeyMissingError(f"{old}: there is no such file to move", error.errno) from error
        except OSError as error:
            raise describe(error, f"move to {new}", old) from error

    def sweep(self, sweeper: TemporarySweeper | None = None) -> int:
        """Removes temporary files of writers that are gone, in all directories of the run."""
        sweeper = sweeper or TemporarySweeper()
        return sum(sweeper.sweep(Path(directory)) for directory, _, _ in os.walk(self.root))

    def _walk(self, directory: str, prefix: str) -> Iterator[str]:
        """Keys with `prefix` under `directory` ('' or ending in '/'), in no order."""
        try:
            with os.scandir(self.root / directory) as entries:
                for entry in entries:
                    key = directory + entry.name
                    if is_hidden(entry.name) or not (f"{key}/").startswith(prefix):
                        continue
                    if entry.is_dir():
                        yield from self._walk(f"{key}/", prefix)
                    elif key.startswith(prefix):
                        yield key
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise describe(error, "list", self.root / directory) from error
