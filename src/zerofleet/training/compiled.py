"""Compiled functions, what happens where they cannot be, and what a device is good at."""

import logging
import os
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

import torch

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether multiplications in bfloat16 are faster than in float32 there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def compute_dtype(name: str, device: torch.device) -> torch.dtype:
    """The type of a `compute_dtype` setting: auto, bfloat16 or float32."""
    if name == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return getattr(torch, name)  # type: ignore[no-any-return]


class CompiledOrEager(Generic[P, R]):
    """Calls torch.compile(f) until that fails to compile, and f itself from then on.

    The first call compiles, which needs a C++ compiler on processors; where there is none, that is
    said once.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        # Before the first compilation: a pool of compiler processes costs more than it brings for
        # a handful of kernels, and its processes would outlive a killed trainer for a while.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        self._eager = function
        self._function: Callable[P, R] = torch.compile(function, dynamic=False)
        self.was_called = False
        """The first call is the one that compiles."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns f(...)."""
        self.was_called = True
        if self._function is self._eager:
            return self._eager(*args, **kwargs)
        try:
            return self._function(*args, **kwargs)
        except _compile_errors() as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), "")
            log.warning(
                "torch.compile does not work here (%s: %s); training goes on uncompiled and "
                "slower: install a C++ compiler (apt install g++) to speed it up",
                type(error).__name__,
                reason[:200],
            )
            self._function = self._eager
            return self._eager(*args, **kwargs)


def _compile_errors() -> tuple[type[Exception], ...]:
    """What torch raises when it cannot compile; imported late, as only compiling needs them."""
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InvalidCxxCompiler

    return (TorchDynamoException, InvalidCxxCompiler)
