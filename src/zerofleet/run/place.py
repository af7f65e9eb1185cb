"""Where a run is kept: a directory, or a prefix in object storage with a directory on this host.

What roles share goes through the store. A role's own logs, TensorBoard files and pictures are
appended to or written by other packages, so they are files: in the run directory itself, or, for a
run in object storage, in a working directory of this host, from which `own_files.py` copies them.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from zerofleet.run import object_store, ray_store
from zerofleet.run.atomic import describe
from zerofleet.run.errors import RunError
from zerofleet.run.layout import DIRECTORIES
from zerofleet.run.store import DirectoryStore, Store, check_exclusive_create


class Address(Protocol):
    """Where a run is kept that has no directory."""

    @property
    def identity(self) -> str:
        """The same for every way to write the address; its last part, after /, names the run."""
        ...

    def store(self) -> Store:
        """The store of the run. Raises: StoreError if the environment does not fit."""
        ...


SCHEMES: Mapping[str, Callable[[str], Address]] = {
    **dict.fromkeys(object_store.SCHEMES, object_store.ObjectPrefix.parse),
    ray_store.SCHEME: ray_store.StoreAddress.parse,
}
"""What reads an address that begins with SCHEME://; it raises ValueError for one that is none."""


class Place:
    """A run's place, as people write it: `runs/go7`, `/mnt/run`, `s3://bucket/run`."""

    def __init__(self, text: str) -> None:
        """Nothing is opened or created. Raises: ValueError for an address that is none."""
        self.text = text
        self._elsewhere: Address | None = None
        scheme, is_address, _ = text.partition("://")
        if is_address:
            self._elsewhere = SCHEMES.get(scheme, object_store.ObjectPrefix.parse)(text)

    @staticmethod
    def of(where: "str | os.PathLike[str] | Place") -> "Place":
        """The place of a path, or of an address; a place is its own."""
        return where if isinstance(where, Place) else Place(os.fspath(where))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Place({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def is_directory(self) -> bool:
        """False for a run in object storage, and for workers on a Ray cluster."""
        return self._elsewhere is None

    @property
    def name(self) -> str:
        """Short, for titles: the last part."""
        return self.identity.rpartition("/")[2]

    @property
    def identity(self) -> str:
        """The same for every way to write the place on this host."""
        return self._elsewhere.identity if self._elsewhere else str(Path(self.text).resolve())

    @property
    def files(self) -> Path:
        """The directory of this host's own files of the run: the run directory, if it is one."""
        if self._elsewhere is None:
            return Path(self.text)
        return state_directory() / "runs" / f"{self.name}-{self.token}"

    @property
    def token(self) -> str:
        """16 hex digits that name the place in file names."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:16]

    def store(self) -> Store:
        """The store of the run. Raises: StoreError if the environment does not fit."""
        return self._elsewhere.store() if self._elsewhere else DirectoryStore(self.text)


def state_directory() -> Path:
    """Where this host keeps what belongs to no run directory: spools, working directories."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "zerofleet"


def check_run_directory(path: Path) -> None:
    """Raises: RunError unless there is a directory."""
    if path.is_dir():
        return
    if path.exists():
        raise RunError(f"{path}: expected a run directory, this is a file")
    raise RunError(f"{path}: no such run directory")


def make_directories(place: Place, store: Store) -> None:
    """Makes the directories of a run; a store without any has to create keys exclusively.

    Raises: StoreError.
    """
    if not place.is_directory:
        check_exclusive_create(store)
        return
    for directory in DIRECTORIES:
        path = place.files / directory
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise describe(error, "create the directory", path) from error


def existing_store(place: Place) -> Store:
    """The store of a run that is there. Raises: RunError if nothing is."""
    store = place.store()
    if place.is_directory:
        check_run_directory(place.files)
    elif not store.list("", limit=1).entries:
        raise RunError(f"{place}: there is no run: no object begins so")
    return store
