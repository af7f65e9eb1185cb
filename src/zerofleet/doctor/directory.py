"""A run directory: whether files appear there whole and at once, and whether there is space."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from zerofleet.doctor.finding import Finding
from zerofleet.run.errors import RunError, StoreError
from zerofleet.run.store import DirectoryStore, check_exclusive_create

GIB = 1 << 30
_SIZE = 1 << 20


def check_directory(path: Path, *, need_gib: float) -> Iterator[Finding]:
    """Writes, lists, replaces, moves and deletes small files there; the directory may be new."""
    place = _existing(path)
    if not place.is_dir():
        remedy = "give another --run-dir"
        yield Finding("directory", f"{place} is no directory", "failure", remedy)
        return
    free = shutil.disk_usage(place).free / GIB
    text = f"{free:,.1f} GiB free at {place}"
    if free < need_gib:
        remedy = f"free some space, or choose another --run-dir (--need-gib {need_gib:g} is asked)"
        yield Finding("disk", text, "failure", remedy)
    else:
        yield Finding("disk", text)
    files = os.statvfs(place)
    if files.f_files and files.f_favail < 10_000:
        remedy = "a run makes many small files: delete some, or choose another file system"
        yield Finding("files", f"{files.f_favail} more files fit", "warning", remedy)
    folder = place / f".doctor-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError as error:
        remedy = "mount it read-write, mend its owner or mode, or choose another --run-dir"
        text = f"cannot write at {place}: {error.strerror}"
        yield Finding("writable", text, "failure", remedy)
        return
    try:
        yield from _semantics(DirectoryStore(folder), place)
    except StoreError as error:
        remedy = "mend what the system says; a run directory needs all of this"
        yield Finding("files", str(error), "failure", remedy)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _semantics(store: DirectoryStore, place: Path) -> Iterator[Finding]:
    wrong = []
    store.put("data/a", b"first")
    store.put("data/a", bytes(_SIZE))
    if store.read("data/a") != bytes(_SIZE):
        wrong.append("a replaced file still has its old content")
    if "data/a" not in store.list("data/").keys:
        wrong.append("a new file is not listed")
    store.move("data/a", "consumed/a")
    listed = (store.list("data/").keys, store.list("consumed/").keys)
    if listed != ((), ("consumed/a",)):
        wrong.append("a file that was moved is listed at its old place")
    store.delete("consumed/a")
    try:
        check_exclusive_create(store)
    except RunError as error:
        wrong.append(str(error))
    if wrong:
        remedy = (
            "the file system does not keep what a run needs (docs/shared_directory.md): mount NFS "
            "with lookupcache=none, or use a mirror"
        )
        yield Finding("files", f"at {place}: {'; '.join(wrong)}", "failure", remedy)
    else:
        yield Finding("files", "files appear whole, are replaced, moved and listed at once")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    found = path.absolute()
    while not found.exists() and found != found.parent:
        found = found.parent
    return found
