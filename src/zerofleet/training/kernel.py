"""The compiled part of a step, and what happens where it cannot be compiled."""

import logging
import os
from collections.abc import Callable

import torch
from torch import Tensor

from zerofleet.nets.nnue import RoundedWeights, evaluate_blocks

log = logging.getLogger(__name__)

Kernel = Callable[[Tensor, Tensor, RoundedWeights], Tensor]
"""(x_NF, block_bucket_n i64, weights) -> logits_N f32."""


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether multiplications in bfloat16 are faster than in float32 there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def evaluation_kernel(*, compiled: bool) -> Kernel:
    """Returns `evaluate_blocks`, quantised.

    With `compiled`, the first call compiles it, which needs a C++ compiler; without one the
    function goes on uncompiled, two to three times slower, and says so once.
    """

    def evaluate(x_NF: Tensor, block_bucket_n: Tensor, weights: RoundedWeights) -> Tensor:
        return evaluate_blocks(x_NF, block_bucket_n, weights, quantised=True)

    return _CompiledOrEager(evaluate) if compiled else evaluate


class _CompiledOrEager:
    """Calls torch.compile(f) until that fails to compile, and f itself from then on."""

    def __init__(self, function: Kernel) -> None:
        # Before the first compilation: a pool of compiler processes costs more than it brings for
        # a handful of kernels, and its processes would outlive a killed trainer for a while.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        self._eager = function
        self._function: Kernel = torch.compile(function, dynamic=False)

    def __call__(self, x_NF: Tensor, block_bucket_n: Tensor, weights: RoundedWeights) -> Tensor:
        arguments = (x_NF, block_bucket_n, weights)
        if self._function is self._eager:
            return self._eager(*arguments)
        try:
            return self._function(*arguments)
        except _compile_errors() as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), "")
            log.warning(
                "torch.compile does not work here (%s: %s); training goes on uncompiled and "
                "slower: install a C++ compiler (apt install g++) to speed it up",
                type(error).__name__,
                reason[:200],
            )
            self._function = self._eager
            return self._eager(*arguments)


def _compile_errors() -> tuple[type[Exception], ...]:
    """What torch raises when it cannot compile; imported late, as only compiling needs them."""
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InvalidCxxCompiler

    return (TorchDynamoException, InvalidCxxCompiler)
