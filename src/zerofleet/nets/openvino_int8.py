"""A net of float32 as OpenVINO's graph of int8: weights and what layers read, in 8 bits.

OpenVINO replaces a layer whose weights and inputs both come out of FakeQuantize nodes by one of
int8 with sums of int32 (its "low precision transformations"); here those nodes are put in.
Source: Jacob et al. 2018, section 2 (one scale for each output channel of the weights, one for all
  that a layer reads). Differs: nothing is trained again; ranges are those of real positions.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as ops

from zerofleet.nets.backend import BackendError, Floats

_LAYERS = ("Convolution", "MatMul")


def quantised(core: Any, graph: Any, positions: Floats, *, real_planes: bool) -> Any:
    """Returns a copy of the graph whose layers compute in int8.

    Convolutions do, and fully connected layers but those that read pooled channels, which are small
    and have to be exact for the whole board. With `real_planes` the first layer does not: its input
    has no range that is known. All inputs else are bits, or scalars in [-1, 1].

    Args:
      core: OpenVINO's core.
      graph: of float32, with batch normalisation folded.
      positions: float32 [N, *input_shape]; ranges are the largest values seen on them.
    Raises: BackendError if a layer's weights are no constant.
    """
    copy = graph.clone()
    copy.reshape(list(positions.shape))
    layers = [
        op
        for op in copy.get_ordered_ops()
        if op.get_type_name() in _LAYERS
        and not _reads_pooled(op)
        and not (real_planes and _is_input(_read(op)))
    ]
    inputs = {_name(_read(op)): _read(op) for op in layers}
    largest = _largest(core, copy, inputs, positions)
    for name, source in inputs.items():
        low, high = (0.0, largest[name])
        if _is_input(source):
            # Steps of 1/127 from -128 on: -1, 0 and 1 are exact.
            low, high = -128 / 127, 1.0
        _insert(source, low, high, 256)
    for op in layers:
        _quantise_weights(op)
    copy.validate_nodes_and_infer_types()
    return copy


def _read(layer: Any) -> Any:
    """What a layer reads beside its weights."""
    return layer.input(0).get_source_output()


def _name(output: Any) -> tuple[str, int]:
    return output.get_node().get_friendly_name(), output.get_index()


def _is_input(output: Any) -> bool:
    return bool(output.get_node().get_type_name() == "Parameter")


def _reads_pooled(layer: Any) -> bool:
    """Whether a fully connected layer reads means and maxima of the board, itself or through
    another such layer."""
    if layer.get_type_name() == "Convolution":
        return False
    return any(op.get_type_name().startswith("Reduce") for op in _before(layer))


def _before(layer: Any) -> Iterator[Any]:
    """What a fully connected layer computes from, back to the last convolutions."""
    waiting, seen = [_read(layer).get_node()], set()
    while waiting:
        op = waiting.pop()
        if op.get_friendly_name() in seen:
            continue
        seen.add(op.get_friendly_name())
        yield op
        if op.get_type_name() != "Convolution":
            waiting += [value.get_source_output().get_node() for value in op.inputs()]


def _largest(
    core: Any, graph: Any, sources: dict[tuple[str, int], Any], positions: Floats
) -> dict[tuple[str, int], float]:
    """The largest value of each source on the positions.

    One thread and float32, whatever the evaluator has: same ranges, same evaluations.
    """
    outputs = list(sources.values())
    probe = openvino.Model(outputs, graph.get_parameters(), "ranges")
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    found = core.compile_model(probe, "CPU", settings)(positions)
    return {name: float(found[i].max()) for i, name in enumerate(sources)}


def _insert(source: Any, low: float, high: float, levels: int) -> None:
    """Rounds what all readers of a source see, the residual sum included."""
    readers = [r for r in source.get_target_inputs() if r.get_node().get_type_name() != "Result"]
    rounded = _fake_quantize(source, np.float32(low), np.float32(max(high, 1e-6)), levels)
    for reader in readers:
        reader.replace_source_output(rounded.output(0))


def _quantise_weights(layer: Any) -> None:
    """Each output channel by its own largest weight, in -127 .. 127."""
    constant = layer.input(1).get_source_output().get_node()
    if constant.get_type_name() != "Constant":
        raise BackendError(
            f"int8: the weights of {layer.get_friendly_name()} are a {constant.get_type_name()}"
        )
    weights = constant.data
    axes = tuple(range(1, weights.ndim))
    high = np.maximum(np.abs(weights).max(axis=axes, keepdims=True), 1e-8).astype(np.float32)
    rounded = _fake_quantize(constant.output(0), -high, high, 255)
    layer.input(1).replace_source_output(rounded.output(0))


def _fake_quantize(source: Any, low: Any, high: Any, levels: int) -> Any:
    low, high = ops.constant(low), ops.constant(high)
    return ops.fake_quantize(source, low, high, low, high, levels)
