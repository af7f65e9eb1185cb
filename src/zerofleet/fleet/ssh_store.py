"""A run directory on another host, as a store over SFTP.

Files are written under a hidden name, made durable there (fsync@openssh.com) and renamed
(posix-rename@openssh.com); created exclusively by a hard link. OpenSSH's server has all of these.
A large file goes out compressed, goes on where it stopped after a cut, and is checked over there
before it becomes visible (`remote.py`).
"""

import contextlib
import heapq
import itertools
import os
import stat
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from zerofleet.fleet.ssh import CALL_SECONDS, LinkError, SshLink, import_asyncssh, wait_for
from zerofleet.run.atomic import is_hidden
from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import KeyMissingError, StoreError
from zerofleet.run.store import PAGE_SIZE, Entry, Page, check_key

_T = TypeVar("_T")
READ_BYTES = 1 << 20
SLOWEST_BYTES_PER_SECOND = 20_000
"""A transfer may take this long for its size, and CALL_SECONDS more."""


class SshStore:
    """The store in `root` (absolute) behind `link`; counts the bytes of files that it moves."""

    def __init__(self, link: SshLink, root: str, *, compression: bool = True) -> None:
        self.root = root
        self.num_bytes_in = 0
        self.num_bytes_out = 0
        self._link = link
        self._sftp: Any = link.sftp
        self._compression = compression
        self._names = itertools.count()
        self._errors = import_asyncssh()

    def __repr__(self) -> str:
        return f"SshStore({self._link.spec.where}:{self.root})"

    # -- the five calls ----------------------------------------------------------------------

    def list(self, prefix: str, *, after: str = "", limit: int = PAGE_SIZE) -> Page:
        """See `Store.list`."""
        directory = prefix[: prefix.rfind("/") + 1]

        async def work() -> list[Entry]:
            return [e async for e in self._walk(directory, prefix) if e.key > after]

        found = heapq.nsmallest(
            limit + 1, self._call(work, f"list {prefix or 'the directory'}"), key=lambda e: e.key
        )
        return Page(tuple(found[:limit]), found[limit - 1].key if len(found) > limit else None)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        return self.read_from(key, 0)

    def read_from(self, key: str, start: int) -> bytes:
        """The bytes of `key` from `start` on; none if it is shorter."""
        path = self._path(key)

        async def work() -> bytes:
            async with self._sftp.open(path, "rb") as file:
                # A file may grow while it is read: the first look says how much is meant.
                size = (await file.stat()).size or 0
                return bytes(await file.read(max(0, size - start), start)) if size > start else b""

        data = self._call(work, f"read {key}", key)
        self.num_bytes_in += len(data)
        return data

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        path = self._path(key)

        async def work() -> None:
            temporary = await self._write_temporary(path, data)
            await self._sftp.posix_rename(temporary, path)

        self._call(work, f"write {key}", size_bytes=len(data))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.put_if_absent`."""
        path = self._path(key)

        async def work() -> bool:
            if await self._sftp.exists(path):
                return False
            temporary = await self._write_temporary(path, data)
            try:
                await self._sftp.link(temporary, path)
            except self._errors.SFTPError:
                if await self._sftp.exists(path):
                    return False
                raise
            finally:
                await self._sftp.remove(temporary)
            return True

        return self._call(work, f"create {key}", size_bytes=len(data))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._path(key)

        async def work() -> None:
            with contextlib.suppress(self._errors.SFTPNoSuchFile):
                await self._sftp.remove(path)

        self._call(work, f"delete {key}")

    # -- large files -------------------------------------------------------------------------

    def send(self, key: str, data: bytes) -> None:
        """Makes `key` have `data`, as `put` does; goes on where an earlier try was cut."""
        sha256 = sha256_hex(data)
        packed = _packed.get(data, sha256) if self._compression else data
        directory, _, name = check_key(key).rpartition("/")
        part = f"{directory}/.{name}.{sha256[:16]}{'.z' if self._compression else ''}.part"
        path = self._path(key, part)

        async def work() -> int:
            start = 0
            with contextlib.suppress(self._errors.SFTPNoSuchFile):
                start = (await self._sftp.stat(path)).size or 0
            if start > len(packed):
                start = 0
            await self._sftp.makedirs(os.path.dirname(path), exist_ok=True)
            async with self._sftp.open(path, "r+b" if start else "wb") as file:
                for place in range(start, len(packed), READ_BYTES):
                    await file.write(packed[place : place + READ_BYTES], place)
            return len(packed) - start

        sent = self._call(work, f"send {key}", size_bytes=len(packed))
        self.num_bytes_out += sent
        answer = self._link.ask(
            "receive",
            root=self.root,
            part=part,
            key=key,
            sha256=sha256,
            compressed=self._compression,
        )
        if "damaged" in answer:
            raise StoreError(f"{self!r}: {key} arrived damaged ({answer['damaged']}); sent again")

    def remove_root(self) -> None:
        """Removes the directory with all that is in it."""

        async def work() -> None:
            await self._sftp.rmtree(self.root)

        self._call(work, "remove the directory")

    # -- inside ------------------------------------------------------------------------------

    def _path(self, key: str, hidden: str | None = None) -> str:
        return f"{self.root}/{hidden or check_key(key)}"

    async def _write_temporary(self, path: str, data: bytes) -> str:
        directory, _, name = path.rpartition("/")
        temporary = f"{directory}/.{name}.{next(self._names)}.sftp"
        try:
            file = await self._sftp.open(temporary, "wb")
        except self._errors.SFTPNoSuchFile:
            await self._sftp.makedirs(directory, exist_ok=True)
            file = await self._sftp.open(temporary, "wb")
        async with file:
            await file.write(data)
            await file.fsync()
        self.num_bytes_out += len(data)
        return temporary

    async def _walk(self, directory: str, prefix: str) -> AsyncIterator[Entry]:
        try:
            names = await self._sftp.readdir(f"{self.root}/{directory}")
        except (self._errors.SFTPNoSuchFile, self._errors.SFTPNotADirectory):
            return
        for found in names:
            name = str(found.filename)
            key = directory + name
            if is_hidden(name) or "/" in name or not f"{key}/".startswith(prefix):
                continue
            if stat.S_ISDIR(found.attrs.permissions or 0):
                async for entry in self._walk(f"{key}/", prefix):
                    yield entry
            elif key.startswith(prefix):
                yield Entry(key, int(found.attrs.size or 0))

    def _call(
        self,
        work: Callable[[], Awaitable[_T]],
        what: str,
        key: str | None = None,
        *,
        size_bytes: int = 0,
    ) -> _T:
        """Runs `work`; errors become ours, with the host, the path and the cause."""
        errors, where = self._errors, f"{self._link.spec.where}:{self.root}"

        async def guarded() -> _T:
            try:
                return await work()
            except (errors.SFTPConnectionLost, errors.SFTPNoConnection) as error:
                raise LinkError(f"{where}: cannot {what}: {error.reason}") from None
            except errors.SFTPNoSuchFile as error:
                if key is not None:
                    raise KeyMissingError(f"{where}/{key}: there is no such file") from None
                raise StoreError(f"{where}: cannot {what}: {error.reason}") from None
            except errors.SFTPPermissionDenied:
                raise StoreError(
                    f"{where}: cannot {what}: no permission for that user there"
                ) from None
            except errors.SFTPError as error:
                raise StoreError(
                    f"{where}: cannot {what}: {error.reason}{await self._room()}"
                ) from None
            except (OSError, errors.Error) as error:
                raise LinkError(f"{where}: cannot {what}: {error or 'the link broke'}") from None

        seconds = CALL_SECONDS + size_bytes / SLOWEST_BYTES_PER_SECOND
        return wait_for(guarded(), seconds, where)

    async def _room(self) -> str:
        """SFTP calls a full disk a failure like any other, so look."""
        with contextlib.suppress(Exception):
            room = await self._sftp.statvfs(self.root)
            free = room.bavail * room.frsize
            if free < 1 << 20:
                return f"; the disk is full there ({free:,} bytes free)"
            if room.flags & os.ST_RDONLY:
                return "; the file system is read-only there"
        return ""


class _Packed:
    """The last file that was compressed: all hosts get the same one at about the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sha256, self._packed = "", b""

    def get(self, data: bytes, sha256: str) -> bytes:
        with self._lock:
            if self._sha256 != sha256:
                self._sha256, self._packed = sha256, zlib.compress(data, 1)
            return self._packed


_packed = _Packed()
