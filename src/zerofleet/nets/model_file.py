"""Reads and writes models of tree search: safetensors with the architecture in its metadata.

Plain tensors and texts, never pickled code. docs/formats.md has the layout. A second ending, `.pt`,
is a copy for people who open models with torch.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from zerofleet.nets.architecture import ArchitectureError, NetArchitecture
from zerofleet.nets.build import Net, build_model
from zerofleet.nets.tensor_file import tensors_to_bytes

FORMAT_NAME = "zerofleet-net"
FORMAT_VERSION = "1"
PT_VERSION = 1

_MAX_HEADER_BYTES = 1 << 24


class ModelFileError(ValueError):
    """A model file that cannot be used; says what was expected, what came and what to do."""


def model_to_safetensors(model: Net) -> bytes:
    """Returns the bytes of a model's `.safetensors` file; the same weights give the same bytes.

    Raises: ModelFileError if a weight is not finite.
    """
    state = {name: _stored(t).contiguous() for name, t in model.state_dict().items()}
    _check_finite(state, "cannot write model", "training diverged: go back to an earlier version")
    metadata = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "architecture": model.architecture.to_json(),
    }
    digest = _digest(metadata["architecture"], state)
    return _sorted_header(safetensors.torch.save(state, {**metadata, "sha256": digest}))


def model_to_pt(model: Net) -> bytes:
    """Returns the bytes of a `.pt` file: `torch.load(path, weights_only=True)` opens it."""
    return tensors_to_bytes(
        {
            "architecture": model.architecture.to_json(),
            "state": {name: _stored(t).clone() for name, t in model.state_dict().items()},
        },
        format_name=FORMAT_NAME,
        version=PT_VERSION,
    )


def read_architecture(data: bytes, *, source: str = "model") -> NetArchitecture:
    """Reads and checks the header of a `.safetensors` file alone.

    Raises: ModelFileError.
    """
    try:
        return NetArchitecture.from_json(_metadata(data, source)["architecture"], source=source)
    except ArchitectureError as error:
        raise ModelFileError(str(error)) from None


def model_from_safetensors(data: bytes, source: str = "model") -> Net:
    """Builds the net of a file and loads its weights after checking all of them.

    Args:
      data: the whole file.
      source: its name, for messages.
    Returns: the net in evaluation mode, on the processor.
    Raises: ModelFileError on damage, on another format or version, and on names, shapes, types or
      values that do not fit the architecture, naming them.
    """
    architecture = read_architecture(data, source=source)
    metadata = _metadata(data, source)
    try:
        state = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ModelFileError(
            f"{source}: not a whole safetensors file ({error}); it is truncated or damaged: copy "
            "it again"
        ) from None
    model = build_model(architecture)
    _check_tensors(state, model.state_dict(), architecture, source)
    digest = _digest(metadata["architecture"], state)
    if digest != metadata.get("sha256"):
        raise ModelFileError(
            f"{source}: its sha256 says {str(metadata.get('sha256'))[:16]}..., the weights have "
            f"{digest[:16]}...; the file was altered or damaged: copy it again"
        )
    _check_finite(state, source, "use an earlier version")
    model.load_state_dict(state, strict=True)
    return model.eval()


def _stored(tensor: Tensor) -> Tensor:
    """As files hold it: weights that were trained in float64 too are float32 there."""
    found = tensor.detach().cpu()
    return found.float() if found.dtype == torch.float64 else found


def _sorted_header(data: bytes) -> bytes:
    """The same file with its header in a fixed order: the library's differs from call to call."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]), sort_keys=True, separators=(",", ":"))
    text = header.encode()
    text += b" " * (-len(text) % 8)  # tensors stay aligned
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _metadata(data: bytes, source: str) -> dict[str, str]:
    """The texts of the header: u64 length, then so many bytes of JSON, then the tensors."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= size <= min(len(data) - 8, _MAX_HEADER_BYTES):
        raise ModelFileError(
            f"{source}: expected a safetensors file, found {len(data):,} bytes that do not start "
            "with the length of a header; it is truncated or of another kind: copy it again"
        )
    try:
        header: Any = json.loads(data[8 : 8 + size])
        metadata = dict(header["__metadata__"])
    except (ValueError, KeyError, TypeError):
        raise ModelFileError(
            f"{source}: expected a safetensors header with metadata of {FORMAT_NAME}; the file is "
            "damaged, or not a model of zerofleet"
        ) from None
    if metadata.get("format") != FORMAT_NAME or "architecture" not in metadata:
        raise ModelFileError(
            f"{source}: expected a model of format {FORMAT_NAME!r}, found "
            f"{metadata.get('format')!r}; only files written by zerofleet can be opened"
        )
    if metadata.get("version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{source}: expected version {FORMAT_VERSION} of {FORMAT_NAME}, found "
            f"{metadata.get('version')!r}; install the version of zerofleet that wrote it"
        )
    return metadata


def _digest(architecture: str, state: Mapping[str, Tensor]) -> str:
    """sha256 over the architecture and every tensor's name and bytes, by name."""
    digest = hashlib.sha256(architecture.encode())
    for name in sorted(state):
        digest.update(name.encode() + b"\0")
        digest.update(state[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _check_tensors(
    found: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    architecture: NetArchitecture,
    source: str,
) -> None:
    def described(tensor: Tensor | None) -> str:
        if tensor is None:
            return "nothing"
        return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"

    wrong = [
        f"{name}: expected {described(expected.get(name))}, found {described(found.get(name))}"
        for name in sorted({*found, *expected})
        if described(found.get(name)) != described(expected.get(name))
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ModelFileError(
            f"{source}: its tensors are not those of a {architecture}: {'; '.join(wrong[:3])}"
            f"{more}; the file was altered, or written by another version"
        )


def _check_finite(state: Mapping[str, Tensor], source: str, advice: str) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            bad = int((~torch.isfinite(tensor)).sum())
            raise ModelFileError(
                f"{source}: {bad} of {tensor.numel()} values of {name} are not finite; {advice}"
            )
