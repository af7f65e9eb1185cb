"""The compiled part of a step of the NNUE."""

from collections.abc import Callable

from torch import Tensor

from zerofleet.nets.nnue import RoundedWeights, evaluate_blocks
from zerofleet.training.compiled import CompiledOrEager

Kernel = Callable[[Tensor, Tensor, RoundedWeights], Tensor]
"""(x_NF, block_bucket_n i64, weights) -> logits_N f32."""


def evaluation_kernel(*, compiled: bool) -> Kernel:
    """Returns `evaluate_blocks`, quantised; uncompiled it is two to three times slower."""

    def evaluate(x_NF: Tensor, block_bucket_n: Tensor, weights: RoundedWeights) -> Tensor:
        return evaluate_blocks(x_NF, block_bucket_n, weights, quantised=True)

    return CompiledOrEager(evaluate) if compiled else evaluate
