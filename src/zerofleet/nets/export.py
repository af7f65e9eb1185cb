"""Turns a trained model into a `.nnue` file and back, and keeps `.pt` files safe to open.

A `.pt` file holds plain tensors and numbers only and is opened with `weights_only=True`, so that
a file from elsewhere cannot run code.
"""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zerofleet.nets.nnue import QUANTISATION, NnueModel
from zerofleet.nets.nnue_file import (
    NnueArchitecture,
    NnueFileError,
    NnueWeights,
    from_bytes,
    to_bytes,
)
from zerofleet.nets.tensor_file import TensorFileError, tensors_from_bytes, tensors_to_bytes

PT_FORMAT = "zerofleet-nnue"
PT_VERSION = 1

_SMALL_DTYPES: dict[str, type[np.integer[Any]]] = {
    "ft_bias": np.int16,
    "ft_weight": np.int16,
    "l1_weight": np.int8,
    "l2_weight": np.int8,
    "out_weight": np.int8,
}


def quantize(model: NnueModel) -> NnueWeights:
    """Rounds a model's weights to the integers of a `.nnue` file.

    Raises: NnueFileError if a weight is not finite or does not fit, naming array and extremes.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, parameter in model.named_parameters():
        floats = parameter.detach().cpu().numpy().astype(np.float64)
        if not np.isfinite(floats).all():
            bad = int((~np.isfinite(floats)).sum())
            raise NnueFileError(
                f"cannot export net: {bad} of {floats.size} values of {name} are not finite; "
                "training diverged: go back to an earlier version"
            )
        integers = np.rint(floats * QUANTISATION[name][0])
        dtype: np.dtype[np.integer[Any]] = np.dtype(_SMALL_DTYPES.get(name, np.int32))
        limits = np.iinfo(dtype)
        if integers.min() < limits.min or integers.max() > limits.max:
            raise NnueFileError(
                f"cannot export net: {name} spans [{integers.min():.0f}, {integers.max():.0f}], "
                f"which does not fit {dtype.name}"
            )
        arrays[name] = integers.astype(dtype)
    return NnueWeights(architecture=model.architecture, **arrays)


def export_nnue(model: NnueModel) -> bytes:
    """Returns the bytes of the model's `.nnue` file. Raises: NnueFileError."""
    return to_bytes(quantize(model))


def dequantize(weights: NnueWeights) -> NnueModel:
    """Returns a model whose float weights are exactly those integers."""
    model = NnueModel(weights.architecture)
    state = {}
    for field in fields(weights):
        if field.name in QUANTISATION:
            array = getattr(weights, field.name).astype(np.float32)
            state[field.name] = torch.from_numpy(array / QUANTISATION[field.name][0])
    model.load_weights(state)
    return model


def model_to_pt(model: NnueModel) -> bytes:
    """Returns the bytes of a `.pt` file with the float weights."""
    return tensors_to_bytes(
        {
            "architecture": asdict(model.architecture),
            "state": {name: p.detach().cpu().clone() for name, p in model.named_parameters()},
        },
        format_name=PT_FORMAT,
        version=PT_VERSION,
    )


def model_from_pt(data: bytes, *, source: str = "net") -> NnueModel:
    """Reads a `.pt` file written by `model_to_pt`.

    Raises: NnueFileError on anything else, pickled code included.
    """
    try:
        content = tensors_from_bytes(data, format_name=PT_FORMAT, version=PT_VERSION, source=source)
    except TensorFileError as error:
        raise NnueFileError(str(error)) from None
    try:
        model = NnueModel(NnueArchitecture(**content["architecture"]))
        state: dict[str, Tensor] = content["state"]
        model.load_weights(state)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise NnueFileError(
            f"{source}: weights and architecture do not fit ({reason}); export the net again"
        ) from error
    return model


def load_model(path: Path, *, expected: NnueArchitecture | None = None) -> NnueModel:
    """Loads a `.pt` or `.nnue` file, for a warm start or a conversion.

    Raises: NnueFileError if the file is damaged, of another kind, or of another architecture than
      `expected`; OSError if it cannot be read.
    """
    if path.suffix == ".nnue":
        return dequantize(from_bytes(path.read_bytes(), source=str(path), expected=expected))
    if path.suffix != ".pt":
        raise NnueFileError(f"{path}: expected a name that ends in .nnue or .pt")
    model = model_from_pt(path.read_bytes(), source=str(path))
    if expected is not None and model.architecture != expected:
        raise NnueFileError(f"{path}: the net is {model.architecture}, expected {expected}")
    return model
