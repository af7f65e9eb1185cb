"""Files of plain tensors and numbers, which cannot run code when they are opened."""

import io
import warnings
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error below says it all
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the reader raise nearly anything
        reason = " ".join(str(error).split(". ")[0].split())[:160] or type(error).__name__
        raise TensorFileError(
            f"{source}: expected a file of plain tensors ({format_name}), found something else "
            f"({reason}); only files written by zerofleet can be opened: copy it again"
        ) from None
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if found != format_name:
        raise TensorFileError(f"{source}: expected format {format_name!r}, found {found!r}")
    if content.get("version") != version:
        raise TensorFileError(
            f"{source}: expected version {version} of {format_name}, found "
            f"{content.get('version')!r}; install the version of zerofleet that wrote it"
        )
    return dict(content)
