"""Nets on a GPU: bfloat16, channels last, one CUDA graph for each size.

Rows travel packed, as the pool hands them out, through pinned memory; bits are expanded on the
device, and of the policy only the logits of legal actions come back.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets.backend import Logits
from zerofleet.nets.build import Net, folded


class CudaBackend:
    """A net on one device. On a processor it computes the same without graphs: for tests."""

    def __init__(
        self,
        model: Net,
        sizes: Sequence[int],
        *,
        device: str,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        self.name = "cuda-bf16" if dtype == torch.bfloat16 else "cuda-f32"
        self._device = torch.device(device)
        self._dtype = dtype
        self._model = self._prepared(model)
        self._slots = {size: _Slot(self._model, size, self._device, dtype) for size in sizes}

    def _prepared(self, model: Net) -> Net:
        ready = folded(model).to(device=self._device, dtype=self._dtype)
        return ready.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def load(self, model: Net) -> None:
        """Copies another version's weights to where the graphs read them."""
        self._model.load_state_dict(self._prepared(model).state_dict())

    def logits(self, batch: LeafBatch, size: int) -> Logits:
        """Computes a batch padded to `size` rows; the GIL is released while it waits."""
        return self._slots[size].run(batch)


class _Slot:
    """Fixed memory for batches of one size, and the graph that works on it."""

    def __init__(self, model: Net, size: int, device: torch.device, dtype: torch.dtype) -> None:
        arch = model.architecture
        self._model, self._dtype, self._device = model, dtype, device
        self._shape = (arch.num_planes, arch.rows, arch.cols)
        self._num_actions = arch.num_actions
        on_gpu = device.type == "cuda"
        cells = arch.num_cells
        planes: tuple[int, ...] = (size, arch.num_planes, (cells + 7) // 8)
        plane_dtype = torch.uint8
        if arch.real_planes:
            planes, plane_dtype = (size, *self._shape), torch.float32
        self._pinned = [
            torch.zeros(planes, dtype=plane_dtype, pin_memory=on_gpu),
            torch.zeros(size, arch.num_scalars, pin_memory=on_gpu),
        ]
        self._inputs = [host.to(device) for host in self._pinned]
        self._bits = torch.arange(8, dtype=torch.uint8, device=device)
        # Room for all actions of a row is rarely needed: both grow with the batches.
        self._legal = torch.zeros(0, dtype=torch.int32, pin_memory=on_gpu)
        self._answers = torch.zeros(0, pin_memory=on_gpu)
        self._values = torch.zeros(size, arch.num_values, pin_memory=on_gpu)
        self._graph: Any = None
        self._outputs = self._captured() if on_gpu else None

    @torch.inference_mode()
    def _captured(self) -> tuple[Tensor, Tensor]:
        """Records the net's kernels once, to be started with one call."""
        with torch.cuda.device(self._device):
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):  # libraries choose their kernels before the recording
                for _ in range(3):
                    self._compute()
            torch.cuda.current_stream().wait_stream(side)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                return self._compute()

    def _compute(self) -> tuple[Tensor, Tensor]:
        planes, scalars = self._inputs
        if planes.dtype == torch.uint8:
            bits = (planes[..., None] >> self._bits) & 1
            cells = self._shape[1] * self._shape[2]
            planes = bits.flatten(2)[:, :, :cells].reshape(-1, *self._shape)
        x = planes.to(self._dtype, memory_format=torch.channels_last)
        policy, value = self._model(x, scalars)
        return policy.float(), value.float()

    @torch.inference_mode()
    def run(self, batch: LeafBatch) -> Logits:
        """Computes a batch of at most `size` rows."""
        rows, num_legal = len(batch), len(batch.legal_action)
        on_gpu = self._device.type == "cuda"
        if num_legal > len(self._legal):
            self._legal = torch.zeros(2 * num_legal, dtype=torch.int32, pin_memory=on_gpu)
            self._answers = torch.zeros(2 * num_legal, pin_memory=on_gpu)
        for host, there, rows_of in zip(
            self._pinned, self._inputs, (batch.planes, batch.scalars), strict=True
        ):
            host.numpy()[:rows] = rows_of
            there[:rows].copy_(host[:rows], non_blocking=True)
        self._legal.numpy()[:num_legal] = batch.legal_action
        action = self._legal[:num_legal].to(self._device, non_blocking=True)
        counts = torch.from_numpy(np.diff(batch.legal_start)).to(self._device)
        if self._graph is not None:
            self._graph.replay()
        policy, value = self._outputs if self._outputs is not None else self._compute()
        first = torch.arange(rows, device=self._device) * self._num_actions
        flat = torch.repeat_interleave(first, counts, output_size=num_legal) + action
        self._answers[:num_legal].copy_(policy.flatten()[flat], non_blocking=True)
        self._values[:rows].copy_(value[:rows], non_blocking=True)
        if on_gpu:
            torch.cuda.current_stream(self._device).synchronize()
        return Logits(self._answers[:num_legal].numpy(), self._values[:rows].numpy())
