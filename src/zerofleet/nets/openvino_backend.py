"""Nets on the processor by OpenVINO. Needs `pip install zerofleet[cpu]`.

The net is traced and handed to OpenVINO's reader of torch graphs directly: `convert_model` would
report its use over the network.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zerofleet import _core
from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets.backend import BackendError, InputBuffers, Logits
from zerofleet.nets.build import Net, folded


class OpenVinoBackend:
    """A net in OpenVINO's kernels, compiled for each size."""

    def __init__(
        self,
        model: Net,
        codec: _core.NetCodec,
        sizes: Sequence[int],
        *,
        precision: str,
        threads: int,
    ) -> None:
        """Makes the backend; `precision`: bf16 or f32.

        Raises: BackendError if OpenVINO is not installed or does not support the net.
        """
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise BackendError("OpenVINO is not installed: pip install 'zerofleet[cpu]'") from error
        self.name = f"openvino-{precision}"
        self._inputs = InputBuffers(model, codec, sizes)
        self._core = openvino.Core()
        self._tensor = openvino.Tensor
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,  # it would pick bf16 by itself
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",  # all threads work on one batch
        }
        self._requests: dict[int, Any] = {}
        self.load(model)

    def load(self, model: Net) -> None:
        """Compiles another version, a tenth of a second for each size of a small net."""
        try:
            graph = _read(model)
            for size, array in self._inputs.arrays.items():
                graph.reshape([size, *self._inputs.shape])
                compiled = self._core.compile_model(graph, "CPU", self._settings)
                request = compiled.create_infer_request()
                shared = self._tensor(array.reshape(size, *self._inputs.shape), shared_memory=True)
                request.set_input_tensor(shared)
                self._requests[size] = request
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise BackendError(f"OpenVINO does not support the net: {reason}") from error

    def logits(self, batch: LeafBatch, size: int) -> Logits:
        """Computes a batch padded to `size` rows."""
        self._inputs.fill(batch, size)
        request = self._requests[size]
        request.infer()
        rows = len(batch)
        return Logits(
            request.get_output_tensor(0).data[:rows], request.get_output_tensor(1).data[:rows]
        )


class _Evaluate(nn.Module):
    def __init__(self, model: Net) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.evaluate(inputs)


def _read(model: Net) -> Any:
    """The net as OpenVINO's graph, with an input [1, *input_shape] to be reshaped."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(2, *model.input_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its tracer old
        trace: Any = torch.jit.trace(_Evaluate(folded(model)), example)  # type: ignore[no-untyped-call]
        traced = torch.jit.freeze(trace.eval())
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)  # the frontend does not keep it alive
        graph = frontend.convert(frontend.load(decoder))
    (node,) = graph.inputs
    node.get_node().set_element_type(openvino.Type.f32)
    node.get_node().set_partial_shape(openvino.PartialShape([-1, *model.input_shape]))
    graph.validate_nodes_and_infer_types()
    return graph
