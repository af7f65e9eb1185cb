"""The trainable NNUE: float weights that imitate the integer arithmetic of the core.

Legend: N positions, K bytes of a bit-packed view, F features, A accumulators, H1/H2 hidden units,
B buckets, n blocks. Logits are of the mover's win probability; eval = 512 * logit.

What makes it fast (docs/training.md has the figures):
- Features stay bit-packed until a step needs them. One multiplication serves both views, as the
  opponent's view is a permutation.
- The accumulator's bias is one more feature that is always set.
- A batch is made of blocks, each of one bucket, so only that bucket's layers are computed.
- Scales are powers of two, so quantised weights and accumulators are exact in bfloat16.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from zerofleet import _core
from zerofleet.nets.features import FEATURE_SETS
from zerofleet.nets.nnue_file import (
    ACCUMULATOR_SCALE,
    ACTIVATION_SCALE,
    BIAS_SCALE,
    EVAL_PER_LOGIT,
    MAX_EVAL,
    WEIGHT_SCALE,
    NnueArchitecture,
)

# parameter -> (integer for 1.0, largest absolute float while training). Accumulator weights and
# biases stop at 1.0, inside the file's bound of 320 / 256, as bfloat16 is exact up to there.
QUANTISATION = {
    "ft_bias": (ACCUMULATOR_SCALE, 1.0),
    "ft_weight": (ACCUMULATOR_SCALE, 1.0),
    "psqt_weight": (BIAS_SCALE, 8.0),
    "l1_bias": (BIAS_SCALE, 16.0),
    "l1_weight": (WEIGHT_SCALE, 127 / WEIGHT_SCALE),
    "l2_bias": (BIAS_SCALE, 16.0),
    "l2_weight": (WEIGHT_SCALE, 127 / WEIGHT_SCALE),
    "out_bias": (BIAS_SCALE, 16.0),
    "out_weight": (WEIGHT_SCALE, 127 / WEIGHT_SCALE),
}


def input_bytes(num_features: int) -> int:
    """Bytes of a view with room for the constant feature, bit `num_features`."""
    return num_features // 8 + 1


def with_constant_feature(
    packed_NK: npt.NDArray[np.uint8], num_features: int
) -> npt.NDArray[np.uint8]:
    """Returns views u8 [N, input_bytes] with the bias feature set, copying only if it must."""
    missing = input_bytes(num_features) - packed_NK.shape[1]
    if missing:
        packed_NK = np.pad(packed_NK, ((0, 0), (0, missing)))
    packed_NK[:, num_features // 8] |= np.uint8(1 << num_features % 8)
    return packed_NK


class _RoundTo(torch.autograd.Function):
    """Rounds to multiples of 1 / scale; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: int) -> Tensor:
        return torch.round(x * scale).mul_(1.0 / scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


class _Permute(torch.autograd.Function):
    """Reorders rows by an order that is its own inverse, so its gradient is the same reordering."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return x.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return grads[0].index_select(0, order), None


class _OfBlocks(torch.autograd.Function):
    """Copies [B, ...] to the blocks [n, ...] that use it; sums gradients by a multiplication.

    The scatter that index_select would do instead took 15 % of a step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, block_bucket_n: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(block_bucket_n)
        ctx.num_buckets = len(x)
        return x.to(dtype).index_select(0, block_bucket_n)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (block_bucket_n,) = ctx.saved_tensors
        buckets = torch.arange(ctx.num_buckets, device=block_bucket_n.device)
        chosen_nB = (block_bucket_n[:, None] == buckets).float()
        total = chosen_nB.t() @ grads[0].reshape(len(block_bucket_n), -1).float()
        return total.view(ctx.num_buckets, *grads[0].shape[1:]), None, None


class _SquaredClippedRelu(torch.autograd.Function):
    """clamp(x, 0, 1)^2, floored to 1/128 when quantised; keeps one tensor for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, quantised: bool) -> Tensor:
        clipped = x.float().clamp(0.0, 1.0)
        y = clipped * clipped
        if quantised:
            y = torch.floor(y * ACTIVATION_SCALE) * (1.0 / ACTIVATION_SCALE)
        ctx.save_for_backward(clipped.to(x.dtype))
        return y.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (clipped,) = ctx.saved_tensors
        slope = torch.where(clipped < 1.0, 2.0 * clipped.float(), 0.0)
        return (grads[0].float() * slope).to(clipped.dtype), None


def _straight_through_floor(x: Tensor, scale: int) -> Tensor:
    return x + (torch.floor(x * scale) * (1.0 / scale) - x).detach()


class RoundedWeights(NamedTuple):
    """The weights as the file holds them, laid out for `evaluate_blocks`; all f32."""

    input_table: Tensor
    """[8K, 2A]: row f feeds the mover's view on the left and the opponent's on the right."""
    psqt: Tensor
    """[8K, 2]: what feature f brings the mover less what it brings the opponent, as the sum of two
    parts that are exact in bfloat16."""
    l1_weight: Tensor
    """[B, H1, 2A]"""
    l1_bias: Tensor
    """[B, H1]"""
    l2_weight: Tensor
    """[B, H2, H1]"""
    l2_bias: Tensor
    """[B, H2]"""
    out_weight: Tensor
    """[B, H2]"""
    out_bias: Tensor
    """[B]"""


def evaluate_blocks(
    x_NF: Tensor,
    block_bucket_n: Tensor,
    weights: RoundedWeights,
    *,
    quantised: bool,
) -> Tensor:
    """Returns logits f32 [N] of N positions in n blocks of N / n, mover's view.

    Args:
      x_NF: bits of the views with the constant feature set, from `expand_bits`; their dtype,
        bfloat16 or float32, is that of the multiplications.
      block_bucket_n: i64, layer stack of each block.
      weights: from `NnueModel.rounded_weights`.
      quantised: imitate the floors of the integer arithmetic. In float32 the result is then
        exactly the core's evaluation / 512 (but for its clamp); in bfloat16 the sums of the
        int8 layers are rounded to 8 bits first.
    """
    dtype = x_NF.dtype
    accumulators = x_NF @ weights.input_table.to(dtype)
    activation: Tensor = _SquaredClippedRelu.apply(accumulators, quantised)  # type: ignore[no-untyped-call]
    psqt = (x_NF @ weights.psqt.to(dtype)).float().sum(dim=1)

    def of_blocks(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        chosen: Tensor = _OfBlocks.apply(weight, block_bucket_n, dtype)  # type: ignore[no-untyped-call]
        return chosen

    def layer(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        total = torch.bmm(x, of_blocks(weight, dtype).transpose(1, 2)).float()
        y = (total + of_blocks(bias)[:, None]).clamp(0.0, 1.0)
        return _straight_through_floor(y, ACTIVATION_SCALE) if quantised else y

    blocks = activation.view(len(block_bucket_n), -1, activation.shape[1])
    hidden1 = layer(blocks, weights.l1_weight, weights.l1_bias).to(dtype)
    hidden2 = layer(hidden1, weights.l2_weight, weights.l2_bias)
    out = (hidden2 * of_blocks(weights.out_weight)[:, None]).sum(dim=2)
    logits = (out + of_blocks(weights.out_bias)[:, None]).flatten() + psqt
    return _straight_through_floor(logits, EVAL_PER_LOGIT) if quantised else logits


def expand_bits(
    packed_NK: npt.NDArray[np.uint8], device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Returns the bits of u8 [N, K] as numbers [N, 8K] on the device, bit i of a byte at 8k + i."""
    if device.type == "cpu":
        is_bfloat16 = dtype == torch.bfloat16
        x = torch.from_numpy(_core.expand_bits(packed_NK, is_bfloat16))
        return x.view(torch.bfloat16) if is_bfloat16 else x.to(dtype)
    bits = (torch.arange(256, device=device)[:, None] >> torch.arange(8, device=device)) & 1
    packed = torch.from_numpy(packed_NK).to(device)
    return nn.functional.embedding(packed.int(), bits.to(dtype)).flatten(1)


class NnueModel(nn.Module):
    """Float weights of a net; parameters have the names and shapes of `NnueWeights`."""

    def __init__(self, architecture: NnueArchitecture, *, seed: int = 0) -> None:
        super().__init__()
        self.architecture = arch = architecture
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int, sd: float) -> Tensor:
            return torch.randn(*shape, generator=generator) * sd

        def stacks(one: Tensor) -> nn.Parameter:
            # All buckets start alike, so that none has to learn the game's basics alone.
            return nn.Parameter(one.expand(arch.num_buckets, *one.shape).clone())

        a, h1, h2 = arch.num_accumulators, arch.num_hidden1, arch.num_hidden2
        # About 45 features are active: accumulators start around 0.25 +- 0.35, mostly unclipped.
        self.ft_weight = nn.Parameter(normal(arch.num_features, a, sd=0.05))
        self.ft_bias = nn.Parameter(torch.full((a,), 0.25))
        self.psqt_weight = nn.Parameter(torch.zeros(arch.num_features))
        self.l1_weight = stacks(normal(h1, 2 * a, sd=1.5 * (2 * a) ** -0.5))
        self.l1_bias = stacks(torch.full((h1,), 0.25))
        self.l2_weight = stacks(normal(h2, h1, sd=1.5 * h1**-0.5))
        self.l2_bias = stacks(torch.full((h2,), 0.25))
        self.out_weight = stacks(normal(h2, sd=h2**-0.5))
        self.out_bias = stacks(torch.zeros(()))

        order = torch.from_numpy(FEATURE_SETS[arch.feature_set].opponent_order())
        padded = torch.arange(8 * input_bytes(arch.num_features))
        padded[: arch.num_features] = order
        self.register_buffer("_order", padded, persistent=False)

    def rounded_weights(self, *, quantised: bool = True) -> RoundedWeights:
        """Lays the weights out for `evaluate_blocks`; gradients flow back to the parameters.

        Args:
          quantised: round to what the file can hold (gradients pass straight through).
        """
        p = dict(self.named_parameters())
        if quantised:
            p = {k: _RoundTo.apply(v, QUANTISATION[k][0]) for k, v in p.items()}  # type: ignore[no-untyped-call]
        order: Tensor = self.get_buffer("_order")
        num_pad = len(order) - self.architecture.num_features - 1
        table = nn.functional.pad(
            torch.cat([p.pop("ft_weight"), p.pop("ft_bias")[None]]), (0, 0, 0, num_pad)
        )
        opponent_table = _Permute.apply(table, order)  # type: ignore[no-untyped-call]
        psqt = nn.functional.pad(p.pop("psqt_weight"), (0, num_pad + 1))
        psqt = psqt - _Permute.apply(psqt, order)  # type: ignore[no-untyped-call]
        # Not in `evaluate_blocks`: compiled, a cast there and back is taken for no change.
        low = (psqt - psqt.bfloat16()).detach()
        return RoundedWeights(
            input_table=torch.cat([table, opponent_table], dim=1),
            psqt=torch.stack([psqt - low, low], dim=1),
            **p,
        )

    @torch.no_grad()
    def clip_to_range(self) -> None:
        """Brings every weight back into the range the file can hold; called after each step."""
        for name, parameter in self.named_parameters():
            bound = QUANTISATION[name][1]
            parameter.clamp_(-bound, bound)

    @torch.no_grad()
    def evaluate(
        self,
        packed_NK: npt.NDArray[np.uint8],
        bucket_N: npt.NDArray[np.uint8],
        *,
        quantised: bool = True,
        dtype: torch.dtype = torch.float32,
        chunk: int = 8192,
        kernel: Callable[..., Tensor] = evaluate_blocks,
    ) -> npt.NDArray[np.float32]:
        """Returns logits f32 [N] of positions in any order, mover's view, clamped as the core's.

        Args:
          packed_NK: the mover's bit-packed features, as the core hands them out.
          bucket_N: layer stack of each position.
        """
        device = self.ft_weight.device
        packed_NK = with_constant_feature(packed_NK.copy(), self.architecture.num_features)
        logits_N = np.empty(len(packed_NK), np.float32)
        weights = self.rounded_weights(quantised=quantised)
        for bucket in np.unique(bucket_N):
            buckets = torch.tensor([int(bucket)], device=device)
            rows = np.flatnonzero(bucket_N == bucket)
            for part in np.array_split(rows, range(chunk, len(rows), chunk)):
                x_NF = expand_bits(packed_NK[part], device, dtype)
                logits = kernel(x_NF, buckets, weights, quantised=quantised)
                logits_N[part] = logits.cpu().numpy()
        limit = MAX_EVAL / EVAL_PER_LOGIT
        return np.clip(logits_N, -limit, limit)

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Copies float weights by name; names and shapes must fit exactly."""
        self.load_state_dict(dict(state), strict=True)
