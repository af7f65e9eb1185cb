"""Checkpoints: many files, one commit point.

The files of a checkpoint get new names that nobody looks at; replacing `checkpoints/latest.json`,
which names them with their checksums, is the one moment at which a step of the run happens.
Publishing, moving shards and `checkpoint.npz` derive from it and are redone at start.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zerofleet.run.documents import check_format, encode, read_object, sha256_hex
from zerofleet.run.errors import DamagedError, KeyMissingError, RunError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import CHECKPOINTS, LATEST
from zerofleet.run.store import Store, iterate

FORMAT = 1


@dataclass(frozen=True)
class FileRef:
    """A committed file: where it is and what must be in it."""

    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """One committed state of the trainer."""

    commit: int
    """Number of the commit, from 1."""
    files: Mapping[str, FileRef]
    """State files by name: trainer.pt, ledger.json, window.npz ..."""
    summary: Mapping[str, Any]
    """Small JSON values: iteration, model version, loops done."""
    score: float | None
    """What decides which checkpoint is the best; larger is better."""

    def read(self, store: Store, name: str) -> bytes:
        """The bytes of one state file, checked."""
        ref = self.files.get(name)
        if ref is None:
            raise DamagedError(
                f"{LATEST}: commit {self.commit} has no file {name!r}, only "
                f"{', '.join(sorted(self.files))}"
            )
        try:
            data = store.read(ref.key)
        except KeyMissingError as error:
            raise DamagedError(f"{ref.key}: named by {LATEST} but missing; {_ADVICE}") from error
        if sha256_hex(data) != ref.sha256:
            raise DamagedError(
                f"{ref.key}: expected {ref.size_bytes:,} bytes with sha256 {ref.sha256[:16]}..., "
                f"got {len(data):,} bytes with {sha256_hex(data)[:16]}...; {_ADVICE}"
            )
        return data


_ADVICE = "restore the file from a backup, or start a new run with --seed-data checkpoint.npz"


def read_checkpoints(store: Store) -> list[Checkpoint]:
    """The kept checkpoints, the committed one last; empty before the first commit."""
    try:
        document = read_object(store, LATEST)
    except KeyMissingError:
        return []
    check_format(document, LATEST, FORMAT)
    try:
        return [_from_json(entry) for entry in document["kept"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"{LATEST}: not a list of checkpoints: {error!r}") from error


def read_latest(store: Store) -> Checkpoint | None:
    """The committed state, or None before the first commit. Its files are checked when read."""
    kept = read_checkpoints(store)
    return kept[-1] if kept else None


def commit(
    store: Store,
    files: Mapping[str, bytes | FileRef],
    *,
    summary: Mapping[str, Any],
    score: float | None = None,
    keep_last: int = 3,
    keep_names: Iterable[str] | None = None,
    guard: Callable[[], None] | None = None,
    after: Checkpoint | None = None,
) -> Checkpoint:
    """Makes a new state the committed one.

    Args:
      files: bytes by name; a FileRef of an earlier checkpoint stands for its unchanged file.
      keep_last: how many of the newest are kept; the one with the best score is kept as well.
      keep_names: files an older checkpoint keeps (the window, say, need not be among them); None
        means all.
      guard: called right before the commit point; raises if this trainer may not commit (its lease
        is lost): pass `lease.confirm`.
      after: the checkpoint this state was made from, if the caller wants to be sure that no other
        trainer committed in between.
    Raises: StoreError, and then the old state is still the committed one; RunError if another
    trainer committed.
    """
    kept = read_checkpoints(store)
    if after is not None and (not kept or kept[-1].files != after.files):
        raise RunError(
            f"{LATEST}: is at commit {kept[-1].commit if kept else 0} and not the commit "
            f"{after.commit} this trainer went on from: another trainer wrote it; start again"
        )
    number = kept[-1].commit + 1 if kept else 1
    # The token keeps apart what a trainer that died before its commit left under this number.
    directory = f"{CHECKPOINTS}{number:06d}-{uuid.uuid4().hex[:8]}/"
    fault_point("commit.before_state")
    refs: dict[str, FileRef] = {}
    for name, content in files.items():
        if isinstance(content, FileRef):
            refs[name] = content
            continue
        ref = FileRef(directory + name, sha256_hex(content), len(content))
        store.put(ref.key, content)
        refs[name] = ref
        fault_point("commit.after_state")
    new = Checkpoint(number, refs, dict(summary), score)
    kept = _thin([*kept, new], keep_last, None if keep_names is None else set(keep_names))
    if guard is not None:
        guard()
    fault_point("commit.before_latest")
    document = {"format": FORMAT, "commit": number, "kept": [_to_json(entry) for entry in kept]}
    store.put(LATEST, encode(document))
    fault_point("commit.after_latest")
    prune(store)
    return new


def prune(store: Store) -> int:
    """Deletes checkpoint files that latest.json does not name; returns how many.

    Only the holder of the trainer's lease calls it: files of a commit in progress are not named
    either.
    """
    named = {ref.key for entry in read_checkpoints(store) for ref in entry.files.values()}
    deleted = 0
    for entry in list(iterate(store, CHECKPOINTS)):
        # Files directly in checkpoints/ are copies for people and latest.json itself.
        if entry.key.count("/") >= 2 and entry.key not in named:
            store.delete(entry.key)
            deleted += 1
            fault_point("commit.after_prune")
    _remove_empty_directories(store)
    return deleted


def _thin(kept: list[Checkpoint], keep_last: int, names: set[str] | None) -> list[Checkpoint]:
    scored = [entry for entry in kept if entry.score is not None]
    best = max(scored, key=lambda entry: (entry.score, entry.commit), default=None)
    recent = kept[-max(1, keep_last) :]
    chosen = [entry for entry in kept if entry in recent or entry is best]
    if names is None:
        return chosen
    return [
        Checkpoint(
            entry.commit,
            {name: ref for name, ref in entry.files.items() if name in names},
            entry.summary,
            entry.score,
        )
        for entry in chosen[:-1]
    ] + chosen[-1:]


def _remove_empty_directories(store: Store) -> None:
    """Tidies a directory store; object stores have no directories."""
    root = getattr(store, "root", None)
    if root is None:
        return
    for path in (root / CHECKPOINTS).glob("*/"):
        with contextlib.suppress(OSError):
            path.rmdir()


def _to_json(entry: Checkpoint) -> dict[str, Any]:
    files = {
        name: {"key": ref.key, "sha256": ref.sha256, "size_bytes": ref.size_bytes}
        for name, ref in entry.files.items()
    }
    return {
        "commit": entry.commit,
        "files": files,
        "summary": dict(entry.summary),
        "score": entry.score,
    }


def _from_json(value: dict[str, Any]) -> Checkpoint:
    files = {name: FileRef(**ref) for name, ref in value["files"].items()}
    return Checkpoint(int(value["commit"]), files, value["summary"], value["score"])
