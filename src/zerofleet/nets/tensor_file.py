"""Files of plain tensors and numbers, which cannot run code when they are opened."""

import io
import warnings
from collections.abc import Mapping
from typing import Any

import torch


class TensorFileError(ValueError):
    """Bytes that are no file of plain tensors; says what was expected and what came."""


def tensors_to_bytes(content: dict[str, Any], *, format_name: str, version: int) -> bytes:
    """Returns the bytes of a file; `content` holds tensors, numbers, texts and dicts of them."""
    stream = io.BytesIO()
    torch.save({"format": format_name, "version": version, **content}, stream)
    return stream.getvalue()


def tensors_from_bytes(
    data: bytes, *, format_name: str, version: int, source: str
) -> dict[str, Any]:
    """Reads what `tensors_to_bytes` wrote; tensors come back on the processor.

    Raises: TensorFileError on damage, pickled code, another format or another version.
    """
    return tensors_of_formats(data, {format_name: version}, source=source)


def tensors_of_formats(data: bytes, versions: Mapping[str, int], *, source: str) -> dict[str, Any]:
    """The same for a file of one of several formats (name -> version); "format" says which it is.

    Raises: TensorFileError.
    """
    names = " or ".join(map(repr, versions))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error below says it all
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the reader raise nearly anything
        reason = " ".join(str(error).split(". ")[0].split())[:160] or type(error).__name__
        raise TensorFileError(
            f"{source}: expected a file of plain tensors ({names}), found something else "
            f"({reason}); only files written by zerofleet can be opened: copy it again"
        ) from None
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if not isinstance(found, str) or found not in versions:
        raise TensorFileError(f"{source}: expected format {names}, found {found!r}")
    if content.get("version") != versions[found]:
        raise TensorFileError(
            f"{source}: expected version {versions[found]} of {found}, found "
            f"{content.get('version')!r}; install the version of zerofleet that wrote it"
        )
    return dict(content)
