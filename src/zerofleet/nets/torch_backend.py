"""Nets on the processor by torch: float32, or bfloat16 with channels last."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zerofleet import _core
from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets.backend import BackendError, InputBuffers, Logits
from zerofleet.nets.build import Net, folded


class TorchBackend:
    """A net in torch's own kernels.

    Sets the number of torch's threads, which is one for the whole process.
    """

    def __init__(
        self,
        model: Net,
        codec: _core.NetCodec,
        sizes: Sequence[int],
        *,
        dtype: torch.dtype,
        compiled: bool,
        threads: int,
    ) -> None:
        """Makes the backend; `compiled` needs a C++ compiler and takes a minute for each size.

        Raises: BackendError if the net cannot be compiled.
        """
        short = {torch.float32: "f32", torch.bfloat16: "bf16"}[dtype]
        self.name = f"torch-{short}{'-compiled' if compiled else ''}"
        torch.set_num_threads(threads)
        self._dtype = dtype
        self._inputs = InputBuffers(model, codec, {size: size for size in sizes})
        self._model = self._prepared(model)
        self._evaluate: Callable[[Tensor], tuple[Tensor, Tensor]] = self._model.evaluate
        if compiled:
            # A graph for each size; weights are inputs of it, so that versions share them.
            self._evaluate = torch.compile(self._evaluate, dynamic=False)
            try:
                for size in sizes:
                    self._compute(size)
            except Exception as error:  # whatever the compiler of this machine does
                reason = " ".join(str(error).split())[:200]
                raise BackendError(f"torch cannot compile the net here: {reason}") from error

    def _prepared(self, model: Net) -> Net:
        ready = folded(model).to(dtype=self._dtype)
        return ready.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def load(self, model: Net) -> None:
        """Takes the weights of another version; nothing is compiled again."""
        self._model.load_state_dict(self._prepared(model).state_dict())

    def logits(self, batch: LeafBatch, size: int) -> Logits:
        """Computes a batch padded to `size` rows."""
        self._inputs.fill(batch, size)
        policy, value = self._compute(size)
        rows = len(batch)
        return Logits(policy[:rows].float().numpy(), value[:rows].float().numpy())

    @torch.inference_mode()
    def _compute(self, size: int) -> tuple[Tensor, Tensor]:
        inputs = torch.from_numpy(self._inputs.arrays[size]).view(size, *self._inputs.shape)
        if inputs.dim() == 4:
            inputs = inputs.to(self._dtype, memory_format=torch.channels_last)
        return self._evaluate(inputs.to(self._dtype))
