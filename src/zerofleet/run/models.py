"""Published models: immutable, checksummed, the version number last.

The order is files, manifest, copies for people, version.txt. So whoever reads version N finds its
manifest entry, and whoever finds the entry finds the file. Publishing derives from a committed
checkpoint and is redone at start: with the same bytes every step is a no-op.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zerofleet.run.documents import check_format, encode, read_object, sha256_hex
from zerofleet.run.errors import DamagedError, KeyMissingError, RunError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import MODEL, MODEL_MANIFEST, MODEL_VERSION, model_key
from zerofleet.run.store import Store, patiently, read_or_none

FORMAT = 1
PLAYED_KINDS = ("nnue", "safetensors")
"""Endings of the files that workers and matches play with; a version has one of them."""
RUN_ID = "run_id"
"""Key among the `info` of a version: tells runs apart that begin with the same net in one place."""


class ModelMissingError(RunError):
    """The model is not there (yet): wait for the trainer, or for the shared file system."""


@dataclass(frozen=True)
class PublishedModel:
    """One file of a published version, checked against its sha256."""

    version: int
    kind: str
    """Ending of the file: nnue, safetensors, pt."""
    data: bytes
    sha256: str
    architecture: str
    run_id: str = ""
    """Of the run that published it; empty where it says none."""


def publish_model(
    store: Store,
    version: int,
    files: Mapping[str, bytes],
    architecture: str,
    *,
    copies: Mapping[str, bytes] | None = None,
    info: Mapping[str, Any] | None = None,
    known: dict[str, Any] | None = None,
) -> None:
    """Makes `version` the newest model.

    Args:
      version: 1 for the first one, then one more each time, or one that is already published.
      files: bytes per kind, {"nnue": ..., "pt": ...}.
      architecture: names the net's shape; a version of another one is refused by its readers.
      copies: extra keys for people, such as model/nnue_model.nnue; replaced each time.
      info: small JSON values kept in the manifest entry.
      known: what the caller's last call left in it, at first nothing. Versions that the manifest
        has lost since are put back: a trainer that was frozen while it wrote it, and wakes
        up after another one went on, still writes its old one.
    Raises: RunError if the version exists with other bytes or would leave a gap.
    """
    manifest = read_manifest(store)
    versions: dict[str, Any] = manifest["versions"]
    lost = {name: told for name, told in (known or {}).items() if name not in versions}
    versions.update(lost)
    newest = max(map(int, versions), default=0)
    entry = _entry(version, files, architecture, info)
    old = versions.get(str(version))
    if old is not None:
        _check_same(version, old, entry)
    elif version != newest + 1:
        raise RunError(
            f"model version {version} cannot be published: the newest is {newest}, "
            f"so the next one is {newest + 1}"
        )
    fault_point("publish.before_file")
    for kind, data in files.items():
        _put_file(store, version, kind, data)
        fault_point("publish.after_file")
    if old is None or lost:
        versions.setdefault(str(version), entry)
        store.put(MODEL_MANIFEST, encode(manifest))
    if known is not None:
        known.update(versions)
    fault_point("publish.after_manifest")
    if version >= newest:
        for key, data in (copies or {}).items():
            if read_or_none(store, key) != data:
                store.put(key, data)
    fault_point("publish.after_copies")
    _name_newest(store, version)
    fault_point("publish.after_version")


def _name_newest(store: Store, version: int) -> None:
    """Writes version.txt unless it is further."""
    if patiently(lambda: read_version(store)) < version:
        store.put(MODEL_VERSION, f"{version}\n".encode())


def read_version(store: Store) -> int:
    """The newest published version; 0 before the first. One small read: what workers poll."""
    data = read_or_none(store, MODEL_VERSION)
    if data is None:
        return 0
    text = data.decode("ascii", "replace").strip()
    if not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise DamagedError(f"{MODEL_VERSION}: expected a version number from 1, got {text[:40]!r}")
    return int(text)


def read_manifest(store: Store) -> dict[str, Any]:
    """The manifest: {"format": 1, "versions": {"7": {"architecture", "files": {kind: ...}}}}."""
    try:
        manifest = read_object(store, MODEL_MANIFEST)
    except KeyMissingError:
        return {"format": FORMAT, "versions": {}}
    check_format(manifest, MODEL_MANIFEST, FORMAT)
    if not isinstance(manifest.get("versions"), dict):
        raise DamagedError(f"{MODEL_MANIFEST}: expected a key 'versions' with an object")
    return manifest


def fetch_model(
    store: Store, version: int | None = None, kind: str | None = None
) -> PublishedModel:
    """Reads one file of a version (None: the newest) and checks its sha256.

    Args:
      kind: ending of the file; None: the one that is played with.

    Raises: ModelMissingError if it is not there (yet), DamagedError if its bytes are not those
    that were published.
    """
    if version is None:
        version = read_version(store)
        if version == 0:
            raise ModelMissingError(f"{MODEL_VERSION}: no model is published yet")
    entry = read_manifest(store)["versions"].get(str(version))
    if entry is None:
        raise ModelMissingError(f"{MODEL_MANIFEST}: does not name version {version} (yet)")
    files = entry["files"]
    kind = kind or next((k for k in PLAYED_KINDS if k in files), PLAYED_KINDS[0])
    described = files.get(kind)
    if described is None:
        raise ModelMissingError(
            f"{MODEL_MANIFEST}: version {version} has no .{kind} file, only "
            f"{', '.join(sorted(entry['files']))}"
        )
    key = MODEL + described["file"]
    try:
        data = store.read(key)
    except KeyMissingError as error:
        raise ModelMissingError(f"{key}: named by the manifest but not there (yet)") from error
    found = sha256_hex(data)
    if found != described["sha256"]:
        raise DamagedError(
            f"{key}: damaged: expected {described['size_bytes']:,} bytes with sha256 "
            f"{described['sha256'][:16]}..., got {len(data):,} bytes with {found[:16]}...; "
            "restore the file or delete it and start the trainer, which publishes it again"
        )
    return PublishedModel(version, kind, data, found, str(entry["architecture"]), _run_id(entry))


def is_published(store: Store, model: PublishedModel) -> bool:
    """False if the manifest has another model under this version: the directory was made anew."""
    entry = read_manifest(store)["versions"].get(str(model.version))
    if entry is None:
        return True  # a new run that has not come so far says so with its first model
    sha256 = entry["files"].get(model.kind, {}).get("sha256")
    return bool(sha256 == model.sha256 and _run_id(entry) == model.run_id)


def _run_id(entry: Mapping[str, Any]) -> str:
    return str((entry.get("info") or {}).get(RUN_ID, ""))


def _entry(
    version: int, files: Mapping[str, bytes], architecture: str, info: Mapping[str, Any] | None
) -> dict[str, Any]:
    if version < 1 or not files:
        raise ValueError(f"expected a version from 1 and at least one file, got {version}, {files}")
    described = {
        kind: {
            "file": model_key(version, kind).removeprefix(MODEL),
            "sha256": sha256_hex(data),
            "size_bytes": len(data),
        }
        for kind, data in sorted(files.items())
    }
    return {
        "architecture": architecture,
        "files": described,
        **({"info": dict(info)} if info else {}),
    }


def _check_same(version: int, old: dict[str, Any], new: dict[str, Any]) -> None:
    for kind, described in new["files"].items():
        before = old["files"].get(kind)
        if before is None or before["sha256"] != described["sha256"]:
            what = "does not have" if before is None else f"has as {before['sha256'][:16]}..."
            raise RunError(
                f"model version {version} is published and immutable: its .{kind} file is to be "
                f"{described['sha256'][:16]}..., which it {what}"
            )


def _put_file(store: Store, version: int, kind: str, data: bytes) -> None:
    """Creates the file of a version, or repairs it; `_check_same` has passed."""
    key = model_key(version, kind)
    if store.put_if_absent(key, data) or store.read(key) == data:
        return
    # Either it is damaged (the manifest names our bytes), or a trainer died before it named its
    # file and ours differ: no reader was ever told of that one.
    store.put(key, data)
