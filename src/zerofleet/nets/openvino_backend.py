"""Nets on the processor by OpenVINO. Needs `pip install zerofleet[cpu]`.

The net is traced and handed to OpenVINO's reader of torch graphs directly: `convert_model` would
report its use over the network.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zerofleet import _core
from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets.backend import BackendError, Floats, InputBuffers, Logits
from zerofleet.nets.build import Net, folded
from zerofleet.nets.calibration import calibration_inputs
from zerofleet.nets.processor import has_bfloat16, has_int8

_LEAST_ROWS = 64


class OpenVinoBackend:
    """A net in OpenVINO's kernels, compiled for each size.

    A large batch is cut into parts, and a part is one thread's from the first layer to the last.
    Threads that share the layers wait for each other at the end of each, which on a processor that
    does other work, too, costs up to half of the speed. Small batches have to be shared like that.
    """

    def __init__(
        self,
        model: Net,
        codec: _core.NetCodec,
        sizes: Sequence[int],
        *,
        precision: str,
        threads: int,
    ) -> None:
        """Makes the backend; `precision`: bf16, f32, or int8, whose sums between layers are bf16
        where the processor has that.

        Raises: BackendError if OpenVINO is not installed or does not support the net.
        """
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise BackendError("OpenVINO is not installed: pip install 'zerofleet[cpu]'") from error
        self.name = f"openvino-{precision}"
        if precision == "int8" and model.architecture.net.kind == "spiking":
            raise BackendError("openvino-int8 computes nets of kind resnet and mlp, not spiking")
        if precision == "int8" and not has_int8():
            raise BackendError(
                "openvino-int8 needs a processor with VNNI or AMX: others add products of int8 in "
                "16 bits, where they overflow"
            )
        self._rows = {size: part_rows(size, threads) for size in sizes}
        whole = {size: -(-size // rows) * rows for size, rows in self._rows.items()}
        self._inputs = InputBuffers(model, codec, whole)
        self._core = openvino.Core()
        self._tensor = openvino.Tensor
        self._positions = calibration_inputs(model) if precision == "int8" else None
        if precision == "int8":
            precision = "bf16" if has_bfloat16() else "f32"
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,  # it would pick bf16 by itself
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # every process would take the first cores
        }
        self._shared = {"NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        self._apart = {"NUM_STREAMS": threads, "PERFORMANCE_HINT": "THROUGHPUT"}
        self._parts: dict[int, list[Any]] = {}  # a request for each
        self._outputs: dict[int, list[Floats]] = {}
        self._graph = _Graph(model)
        self.load(model)

    def load(self, model: Net) -> None:
        """Compiles another version, a tenth of a second for each size of a small net."""
        try:
            graph = self._quantised(model, self._graph.of(model))
            for size, array in self._inputs.arrays.items():
                rows = self._rows[size]
                how = self._shared if rows == size else self._apart
                graph.reshape([rows, *self._inputs.shape])
                compiled = self._core.compile_model(graph, "CPU", {**self._settings, **how})
                self._outputs[size] = [
                    np.empty((len(array), output.shape[1]), np.float32)
                    for output in compiled.outputs
                ]
                self._parts[size] = [
                    self._request(compiled, size, slice(first, first + rows))
                    for first in range(0, len(array), rows)
                ]
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise BackendError(f"OpenVINO does not support the net: {reason}") from error

    def _quantised(self, model: Net, graph: Any) -> Any:
        """The graph in int8, where that is the precision."""
        if self._positions is None:
            return graph
        from zerofleet.nets.openvino_int8 import quantised

        real_planes = model.architecture.real_planes
        return quantised(self._core, graph, self._positions, real_planes=real_planes)

    def logits(self, batch: LeafBatch, size: int) -> Logits:
        """Computes a batch padded to `size` rows."""
        self._inputs.fill(batch, size)
        self._compute(size, len(batch))
        policy, value = self._outputs[size]
        return Logits(policy[: len(batch)], value[: len(batch)])

    def _request(self, compiled: Any, size: int, rows: slice) -> Any:
        """What computes these rows of the buffer."""
        request = compiled.create_infer_request()
        inputs = self._inputs.arrays[size][rows].reshape(-1, *self._inputs.shape)
        request.set_input_tensor(self._tensor(inputs, shared_memory=True))
        for i, output in enumerate(self._outputs[size]):
            request.set_output_tensor(i, self._tensor(output[rows], shared_memory=True))
        return request

    def _compute(self, size: int, rows: int) -> None:
        """Computes the first rows in the buffer of this size."""
        parts = self._parts[size]
        needed = parts[: -(-rows // self._rows[size])]
        for request in needed:
            request.start_async()
        for request in needed:
            request.wait()


def part_rows(size: int, threads: int) -> int:
    """Rows of each part of a batch, all of them in one where there is one thread or few rows.

    Two parts for each thread, so that none is late. Smaller ones would not only be slow: kernels
    change with few rows, and answers with them.
    """
    if threads == 1 or size < 2 * _LEAST_ROWS:
        return size
    return max(_LEAST_ROWS, -(-size // (32 * threads)) * 16)


class _Evaluate(nn.Module):
    def __init__(self, model: Net) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.evaluate(inputs)


class _Graph:
    """The net as OpenVINO's graph, for any weights.

    A process traces its net once: torch keeps some megabytes of every trace for ever.
    """

    def __init__(self, model: Net) -> None:
        """Reads the net's structure. Raises: BackendError if a weight is not found in the graph."""
        import openvino
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        self._constant = openvino.op.Constant
        net = _Evaluate(folded(model)).eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its tracer old
            trace: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
                net, torch.zeros(2, *model.input_shape), check_trace=False
            )
            frontend = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(trace)  # the frontend does not keep it alive
            self._graph = frontend.convert(frontend.load(decoder))
        (node,) = self._graph.inputs
        node.get_node().set_element_type(openvino.Type.f32)
        node.get_node().set_partial_shape(openvino.PartialShape([-1, *model.input_shape]))
        self._graph.validate_nodes_and_infer_types()
        self._weights = {
            op.get_friendly_name().removeprefix("self."): op
            for op in self._graph.get_ordered_ops()
            if op.get_type_name() == "Constant"
        }
        missing = sorted(set(net.state_dict()) - set(self._weights))
        if missing:
            raise BackendError(f"OpenVINO's graph of the net has no {missing[0]}")

    def of(self, model: Net) -> Any:
        """The graph with this net's weights, for an input [any, *input_shape]."""
        for name, tensor in _Evaluate(folded(model)).state_dict().items():
            constant = self._constant(tensor.numpy())
            self._weights[name].output(0).replace(constant.output(0))
            self._weights[name] = constant
        return self._graph
