"""Files that appear whole or not at all.

A file is written under a temporary name in the directory it belongs to, made durable, renamed, and
the directory is made durable. Temporary names begin with a dot, and no reader of a run looks at
such names. They also say which process wrote them, so that what a killed process left behind can
be removed without touching what a living one is writing.
"""

import contextlib
import errno
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from zerofleet.run.errors import StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.process import ProcessIdentity, kernel_token

_TEMPORARY = re.compile(r"\..+\.([0-9a-f]{12})-(\d+)-(\d+)-[0-9a-f]{12}\.tmp")
_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)
CLAIM_PATIENCE_SECONDS = 30.0
"""After this long without a change another host's claim counts as left behind."""


def describe(error: OSError, action: str, path: Path) -> StoreError:
    """Turns an operating system error into one line: where, what, why, what to do."""
    advice = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = ""
        with contextlib.suppress(OSError):
            status = os.statvfs(path.parent)
            free = f" ({status.f_bavail * status.f_frsize:,} bytes free)"
        advice = f"; the disk or quota is full{free}: free some space, nothing was changed"
    elif error.errno == errno.EROFS:
        advice = "; the file system is mounted read-only: mount it writable, nothing was changed"
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = f"; user {os.geteuid()} lacks the permission: nothing was changed"
    elif error.errno in (errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.ETIMEDOUT):
        advice = "; the shared file system has a fault: check its mount"
    reason = error.strerror or str(error)
    return StoreError(f"{path}: cannot {action}: {reason}{advice}", error.errno)


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces or creates `path`; durable when it returns, and never partly visible."""
    with _temporary(path, data, "write") as (temporary, inode):
        fault_point("atomic.after_fsync")
        try:
            os.rename(temporary, path)
        except OSError:
            # Over NFS a rename can succeed and its lost answer be reported as a failure.
            if _inode(path) != inode:
                raise
        fault_point("atomic.after_rename")
        _sync_directory(path.parent)


def write_exclusive(path: Path, data: bytes) -> bool:
    """Creates `path` unless it exists; of any number of writers exactly one gets True.

    The file has all its bytes from the moment it is visible: the hard link is what is exclusive.
    Where there are no hard links, an exclusively created claim beside it takes that part.
    """
    with _temporary(path, data, "create") as (temporary, inode):
        fault_point("exclusive.after_fsync")
        try:
            os.link(temporary, path)
        except FileExistsError:
            # Over NFS our own link can be answered twice, the second time with "exists".
            if _inode(path) != inode:
                return False
        except OSError as error:
            if _inode(path) != inode:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                if not _rename_under_claim(temporary, path):
                    return False
        fault_point("exclusive.after_link")
        _sync_directory(path.parent)
        return True


def is_hidden(name: str) -> bool:
    """True for names no reader may look at: temporaries and claims."""
    return name.startswith(".")


class TemporarySweeper:
    """Removes the temporary files of writers that are gone.

    A writer on this kernel is asked for at once. One elsewhere counts as gone when its file has not
    changed for `patience_seconds` on this process's own clock; so call `sweep` repeatedly.
    """

    def __init__(
        self, patience_seconds: float = 900.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._seen: dict[Path, tuple[tuple[int, int, int], float]] = {}

    def sweep(self, directory: Path) -> int:
        """Removes what is stale directly in `directory`; returns how many files that were.

        Never fails: tidying is no reason to end a role.
        """
        removed = 0
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            names = [entry.name for entry in entries if is_hidden(entry.name)]
            for name in names:
                path = directory / name
                if name.endswith((".tmp", ".claim")) and self._is_stale(path):
                    with contextlib.suppress(OSError):
                        path.unlink()
                        removed += 1
                    self._seen.pop(path, None)
        return removed

    def _is_stale(self, path: Path) -> bool:
        writer = _writer_of(path)
        if writer is not None and writer.is_comparable():
            return writer.is_gone()
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        mark = (status.st_ino, status.st_size, status.st_mtime_ns)
        seen, since = self._seen.get(path, (None, 0.0))
        if seen != mark:
            self._seen[path] = (mark, self._clock())
            return False
        return self._clock() - since >= self._patience_seconds


def _writer_of(path: Path) -> ProcessIdentity | None:
    """The process a hidden file names, if it is of this kernel; None if that cannot be said."""
    if path.name.endswith(".claim"):
        with contextlib.suppress(OSError):
            return _writer_of(path.parent / path.read_text(encoding="utf-8"))
        return None
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or match[1] != kernel_token():
        return None
    here = ProcessIdentity.current()
    return ProcessIdentity(
        here.host, here.boot_id, here.pid_namespace, int(match[2]), int(match[3])
    )


@contextlib.contextmanager
def _temporary(path: Path, data: bytes, action: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    """A durable temporary file with `data`, removed on the way out if it is still there."""
    me = ProcessIdentity.current()
    token = f"{kernel_token()}-{me.pid}-{me.process_start}-{uuid.uuid4().hex[:12]}"
    temporary = path.parent / f".{path.name}.{token}.tmp"
    try:
        fault_point("atomic.before_temp")
        descriptor = _create(temporary)
        try:
            try:
                view = memoryview(data)
                half = len(view) // 2
                _write_all(descriptor, view[:half])
                fault_point("atomic.half_temp")
                _write_all(descriptor, view[half:])
                os.fsync(descriptor)
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            yield temporary, (status.st_dev, status.st_ino)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise describe(error, f"{action} {len(data):,} bytes", path) from error


def _create(path: Path) -> int:
    """Opens a new file for writing, with its directories if they are missing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no fsync of directories; their rename is durable itself.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def _rename_under_claim(temporary: Path, path: Path) -> bool:
    """Renames unless `path` exists, one writer at a time; for file systems without hard links.

    The claim holds the temporary's name and so names its writer. A claim whose writer is gone is
    removed; that of another host after CLAIM_PATIENCE_SECONDS without a change.
    """
    claim = path.parent / f".{path.name}.claim"
    sweeper = TemporarySweeper(CLAIM_PATIENCE_SECONDS)
    while True:
        try:
            descriptor = os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            break
        except FileExistsError:
            if sweeper._is_stale(claim):
                claim.unlink(missing_ok=True)
            time.sleep(0.01)
    try:
        _write_all(descriptor, memoryview(temporary.name.encode()))
        os.close(descriptor)
        if path.exists():
            return False
        os.rename(temporary, path)
        return True
    finally:
        claim.unlink(missing_ok=True)
