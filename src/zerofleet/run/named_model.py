"""Models by short texts: `net.safetensors`, `runs/go7`, `runs/go7@latest`, `runs/go7@0007`."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import RunError
from zerofleet.run.models import PLAYED_KINDS, fetch_model, read_manifest
from zerofleet.run.place import Place
from zerofleet.run.words import counted

LATEST = "latest"


class ModelNameError(RunError):
    """A text that names no model; says what was expected and what is there."""


@dataclass(frozen=True)
class NamedModel:
    """The bytes of a model that was asked for by name."""

    name: str
    """As people write it, with the version of a run filled in: `runs/go7@0007`."""
    kind: str
    """Ending of the file: nnue, safetensors."""
    data: bytes
    sha256: str
    version: int | None = None
    """Of a run; a file does not say."""


def find_model(text: str) -> NamedModel:
    """Reads the model of a text; those of a run are checked against their sha256.

    Raises: ModelNameError; RunError if the version is missing or damaged.
    """
    if Path(text).suffix.removeprefix(".") in PLAYED_KINDS:
        return _file(Path(text))
    directory, _, version = text.removeprefix("run:").partition("@")
    try:
        place = Place(directory)
    except ValueError as error:
        raise ModelNameError(str(error)) from None
    if place.is_directory and not Path(directory).is_dir():
        raise ModelNameError(
            f"{text!r} names no model: there is no directory {directory}; expected a run directory "
            f"(RUN, RUN@{LATEST}, RUN@0007), s3://BUCKET/RUN or a file that ends in "
            f"{' or '.join(f'.{kind}' for kind in PLAYED_KINDS)}"
        )
    return find_version(place, version)


def find_version(directory: Place | Path, version: str = LATEST) -> NamedModel:
    """Reads a version of a run, "latest" or "" for the newest.

    Raises: ModelNameError; RunError if it is missing or damaged.
    """
    store = Place.of(directory).store()
    number = None
    if version not in ("", LATEST):
        if not version.isdecimal():
            raise ModelNameError(
                f"{directory}: expected a version number or {LATEST!r} after '@'; came {version!r}"
            )
        number = int(version)
        known = sorted(int(v) for v in read_manifest(store)["versions"])
        if number not in known:
            raise ModelNameError(f"{directory}: no version {number}; {_known_versions(known)}")
    try:
        model = fetch_model(store, number)
    except RunError as error:
        raise type(error)(f"{directory}: {error}") from error
    name = f"{directory}@{model.version:04d}"
    return NamedModel(name, model.kind, model.data, model.sha256, model.version)


def _file(path: Path) -> NamedModel:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelNameError(f"there is no file {path}{_near_files(path)}") from error
    except OSError as error:
        raise ModelNameError(f"{path}: {error.strerror}") from error
    return NamedModel(str(path), path.suffix.removeprefix("."), data, sha256_hex(data))


def _known_versions(known: list[int]) -> str:
    if not known:
        return "the run has published none yet"
    return f"the run has {known[0]} to {known[-1]} ({counted(len(known), 'version')})"


def _near_files(path: Path) -> str:
    names = {}
    if path.parent.is_dir():
        names = {p.name: p for p in path.parent.iterdir() if p.suffix == path.suffix}
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""
