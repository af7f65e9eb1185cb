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
            "ENABLE_CPU_PINNING": False,  # every process would take the first cores
        }
        self._requests: dict[int, Any] = {}
        self._graph = _Graph(model)
        self.load(model)

    def load(self, model: Net) -> None:
        """Compiles another version, a tenth of a second for each size of a small net."""
        try:
            graph = self._graph.of(model)
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
