"""JSON documents of the run, written one way, read with errors that name the file."""

import hashlib
import json
from typing import Any

from zerofleet.run.errors import DamagedError
from zerofleet.run.store import Store


def sha256_hex(data: bytes) -> str:
    """The sha256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def encode(document: object, *, indent: int | None = 1) -> bytes:
    """UTF-8 JSON with a final newline; NaN is refused, since JSON has none."""
    return (json.dumps(document, indent=indent, allow_nan=False) + "\n").encode()


def decode_object(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `data`; DamagedError naming `where` if it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{where}: expected JSON, got {len(data)} bytes: {error}") from error
    if not isinstance(value, dict):
        raise DamagedError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def read_object(store: Store, key: str) -> dict[str, Any]:
    """Reads and decodes `key`; KeyMissingError if it is not there."""
    return decode_object(store.read(key), key)


def check_format(document: dict[str, Any], where: str, supported: int) -> None:
    """Refuses a document of a later format than `supported`."""
    found = document.get("format")
    if not isinstance(found, int) or not 1 <= found <= supported:
        raise DamagedError(
            f"{where}: format {found!r}, this version of zerofleet reads 1 to {supported}; "
            "use the zerofleet that wrote the run, or a later one"
        )


def yaml_problem(error: Exception) -> str:
    """What a parser of YAML says is wrong, in one line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return " ".join(str(error).split())
    return f"{problem} in line {mark.line + 1}, column {mark.column + 1}"
