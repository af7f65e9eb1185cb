"""The net's integer arithmetic, written to be read: the twin that tests compare the core with."""

import numpy as np
import numpy.typing as npt

from zerofleet.nets.nnue_file import EVAL_SHIFT, MAX_EVAL, NnueWeights

Integers = npt.NDArray[np.int64]


def evaluate_integers(
    weights: NnueWeights,
    mover_NF: npt.NDArray[np.bool_],
    opponent_NF: npt.NDArray[np.bool_],
    bucket_N: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int32]:
    """Returns evaluations i32 [N], mover's view, 512 to a logit, bit for bit as the core does.

    Args:
      weights: the net.
      mover_NF, opponent_NF: active features of both views.
      bucket_N: layer stack of each position.
    """

    def accumulators(active_NF: npt.NDArray[np.bool_]) -> Integers:
        total: Integers = active_NF.astype(np.int64) @ weights.ft_weight
        return total + weights.ft_bias

    both_N2A = np.concatenate([accumulators(mover_NF), accumulators(opponent_NF)], axis=1)
    activation_N2A = np.clip(both_N2A, 0, 256) ** 2 >> 9

    def layer(x: Integers, weight: npt.NDArray[np.int8], bias: npt.NDArray[np.int32]) -> Integers:
        total = bias[bucket_N] + np.einsum("ni,noi->no", x, weight[bucket_N].astype(np.int64))
        clipped: Integers = np.clip(total >> 6, 0, 128)
        return clipped

    hidden1 = layer(activation_N2A, weights.l1_weight, weights.l1_bias)
    hidden2 = layer(hidden1, weights.l2_weight, weights.l2_bias)
    out = weights.out_bias[bucket_N] + (hidden2 * weights.out_weight[bucket_N]).sum(axis=1)
    psqt = weights.psqt_weight.astype(np.int64)
    raw = out + mover_NF @ psqt - opponent_NF @ psqt
    evaluations: Integers = np.clip(raw >> EVAL_SHIFT, -MAX_EVAL, MAX_EVAL)
    return evaluations.astype(np.int32)
