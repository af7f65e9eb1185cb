"""Where a run is kept: a directory, or a prefix in object storage with a directory on this host.

What roles share goes through the store. A role's own logs, TensorBoard files and pictures are
appended to or written by other packages, so they are files: in the run directory itself, or, for a
run in object storage, in a working directory of this host, from which `own_files.py` copies them.
"""

import hashlib
import os
from pathlib import Path

from zerofleet.run.errors import RunError
from zerofleet.run.object_store import ObjectPrefix, ObjectStore
from zerofleet.run.ray_store import SCHEME, RayStore, StoreAddress
from zerofleet.run.store import DirectoryStore, Store


class Place:
    """A run's place, as people write it: `runs/go7`, `/mnt/run`, `s3://bucket/run`."""

    def __init__(self, text: str) -> None:
        """Nothing is opened or created. Raises: ValueError for an address that is none."""
        self.text = text
        self._elsewhere: ObjectPrefix | StoreAddress | None = None
        if text.startswith(f"{SCHEME}://"):
            self._elsewhere = StoreAddress.parse(text)
        elif "://" in text:
            self._elsewhere = ObjectPrefix.parse(text)

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
        if isinstance(self._elsewhere, StoreAddress):
            return f"{SCHEME}/{self._elsewhere.actor}"  # a cluster may come back elsewhere
        return str(self._elsewhere or Path(self.text).resolve())

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
        if isinstance(self._elsewhere, StoreAddress):
            return RayStore(self.text)
        return ObjectStore(self.text) if self._elsewhere else DirectoryStore(self.text)


def state_directory() -> Path:
    """Where this host keeps what belongs to no run directory: spools, working directories."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "zerofleet"


def existing_store(place: Place) -> Store:
    """The store of a run that is there. Raises: RunError if nothing is."""
    store = place.store()
    if place.is_directory:
        if not place.files.is_dir():
            raise RunError(f"{place}: no such run directory")
    elif not store.list("", limit=1).entries:
        raise RunError(f"{place}: there is no run: no object begins so")
    return store
