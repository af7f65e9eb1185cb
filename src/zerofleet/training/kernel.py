"""The compiled part of a step, and what happens where it cannot be compiled."""

import logging
import os
from collections.abc import Callable

import torch
from torch import Tensor

from zerofleet.nets.nnue import BlockWeights, evaluate_blocks
from zerofleet.training.loss import win_probability_loss

log = logging.getLogger(__name__)

LossKernel = Callable[[Tensor, Tensor, BlockWeights], Tensor]
"""(packed_NK u8, target_N f32, weights) -> mean loss."""


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether multiplications in bfloat16 are faster than in float32 there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def loss_kernel(*, power: float, compiled: bool) -> LossKernel:
    """Returns the function from a batch to its loss.

    With `compiled`, the first call compiles it, which needs a C++ compiler; without one the
    function goes on uncompiled, two to three times slower, and says so once.
    """

    def loss(packed_NK: Tensor, target_N: Tensor, weights: BlockWeights) -> Tensor:
        logits_N = evaluate_blocks(packed_NK, weights, quantised=True)
        return win_probability_loss(logits_N, target_N, power=power)

    return _CompiledOrEager(loss) if compiled else loss


class _CompiledOrEager:
    """Calls torch.compile(f) until that fails to compile, and f itself from then on."""

    def __init__(self, function: LossKernel) -> None:
        # Before the first compilation: a pool of compiler processes costs more than it brings for
        # a handful of kernels, and its processes would outlive a killed trainer for a while.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        self._eager = function
        self._function: LossKernel = torch.compile(function, dynamic=False)

    def __call__(self, packed_NK: Tensor, target_N: Tensor, weights: BlockWeights) -> Tensor:
        if self._function is self._eager:
            return self._eager(packed_NK, target_N, weights)
        try:
            return self._function(packed_NK, target_N, weights)
        except _compile_errors() as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), "")
            log.warning(
                "torch.compile does not work here (%s: %s); training goes on uncompiled and "
                "slower: install a C++ compiler (apt install g++) to speed it up",
                type(error).__name__,
                reason[:200],
            )
            self._function = self._eager
            return self._eager(packed_NK, target_N, weights)


def _compile_errors() -> tuple[type[Exception], ...]:
    """What torch raises when it cannot compile; imported late, as only compiling needs them."""
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InvalidCxxCompiler

    return (TorchDynamoException, InvalidCxxCompiler)
