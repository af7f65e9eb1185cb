"""Losses of nets with policy and value. docs/learning.md says what they are minimal for.

Legend: B samples, A actions, K outputs of the value head. Values are the mover's, in [-1, 1].
"""

import torch
from torch import Tensor

from zerofleet.nets.heads import two_hot

_MASKED = -1e9  # of illegal actions: their probability is exactly 0, and 0 * log of it is too


def policy_loss(
    logits_BA: Tensor, legal_BA: Tensor, policy_BA: Tensor, share: Tensor | None = None
) -> Tensor:
    """Returns the mean cross-entropy, in nats, of the search's policy with the net's, f32 scalar.

    Args:
      legal_BA: bool; the net's policy is a softmax over these actions, as in search.
      policy_BA: f32, rows sum to 1, or to 0 where no policy is known: they do not count.
      share: scalar, 1 / (rows with a policy of the whole batch), if these are a part of one: the
        sum over its parts is the mean; None: these rows are the whole batch.
    Source: Silver et al. 2018 (AlphaZero), equation 1. Differs: illegal actions are left out, so
      that the net need not learn what the rules say.
    """
    log_policy = _exact(logits_BA).masked_fill(~legal_BA, _MASKED).log_softmax(dim=1)
    total: Tensor = -(policy_BA * log_policy).sum()
    return total / policy_BA.sum().clamp(min=1.0) if share is None else total * share


def policy_entropy(policy_BA: Tensor, share: Tensor | None = None) -> Tensor:
    """Returns the mean entropy of the target policies, in nats: `policy_loss` is never less."""
    total: Tensor = torch.special.entr(policy_BA).sum()
    return total / policy_BA.sum().clamp(min=1.0) if share is None else total * share


def policy_gradient_loss(
    logits_BA: Tensor,
    legal_BA: Tensor,
    action_B: Tensor,
    action_prob_B: Tensor,
    advantage_B: Tensor,
    *,
    importance_limit: float,
    share: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Returns f32 scalars: a loss whose gradient is that of the policy, and the policy's mean
    entropy in nats.

    Args:
      legal_BA: bool; the net's policy is a softmax over these actions, as in play.
      action_B: i64, that was played.
      action_prob_B: with which probability; where that is 0 the move teaches nothing.
      advantage_B: how much better it was than expected; no gradient goes through it.
      importance_limit: largest weight of a move.
      share: scalar, 1 / (rows of the whole batch), if these are a part of one.
    Source: Williams 1992 (REINFORCE) with a baseline, and the truncated importance weights of
      Espeholt et al. 2018 (IMPALA), equation 4. Differs: states are weighted as they were played.
    """
    log_policy = _exact(logits_BA).masked_fill(~legal_BA, _MASKED).log_softmax(dim=1)
    log_prob = log_policy.gather(1, action_B[:, None])[:, 0]
    ratio = log_prob.detach().exp() / action_prob_B.clamp(min=1e-12)
    weight = torch.where(action_prob_B > 0, ratio.clamp(max=importance_limit), 0.0)
    loss_B: Tensor = -(weight * advantage_B.detach() * log_prob)
    entropy_B: Tensor = -(log_policy.exp() * log_policy).sum(dim=1)
    if share is None:
        return loss_B.mean(), entropy_B.mean()
    return loss_B.sum() * share, entropy_B.sum() * share


def value_loss(logits_BK: Tensor, target_BK: Tensor, share: Tensor | None = None) -> Tensor:
    """Returns the mean cross-entropy, in nats, of the target distribution with the net's.

    Args:
      target_BK: f32, rows sum to 1, or to 0 where there is nothing to learn.
      share: scalar, 1 / (rows of the whole batch), if these are a part of one.
    """
    loss_B: Tensor = -(target_BK * _exact(logits_BK).log_softmax(dim=1)).sum(dim=1)
    return loss_B.mean() if share is None else loss_B.sum() * share


def _exact(logits: Tensor) -> Tensor:
    """In float32 at least."""
    return logits if logits.dtype == torch.float64 else logits.float()


def blended(search_value_B: Tensor, result_B: Tensor) -> Tensor:
    """Returns the search values, and where there is none (NaN) the result."""
    return torch.where(search_value_B.isnan(), result_B, search_value_B)


def wdl_target(search_value_B: Tensor, result_B: Tensor, *, lambda_search: float) -> Tensor:
    """Returns f32 [B, 3]: probabilities of win, draw and loss of the mover.

    The result is a certainty; a search value q stands for a draw with probability 1 - |q| and
    otherwise for the side it favours, the least decided distribution of that mean.

    Source: the blend of q and z is that of Leela Chess Zero's training (`q_ratio`).
    """

    def wdl(value: Tensor) -> Tensor:
        return torch.stack([value.clamp(min=0), 1 - value.abs(), (-value).clamp(min=0)], dim=1)

    search = blended(search_value_B, result_B)
    return lambda_search * wdl(search) + (1 - lambda_search) * wdl(result_B)


def score_target(
    search_value_B: Tensor,
    result_B: Tensor,
    base_B: Tensor | float,
    *,
    num_bins: int,
    lambda_search: float,
) -> Tensor:
    """Returns f32 [B, K]: a distribution over what is still to be gained.

    Args:
      base_B: search value of the score reached so far; -1 in games that do not tell.
    Source: Schrittwieser et al. 2020 (MuZero), appendix F, "two-hot". Differs: see nets/heads.py.
    """
    search = two_hot(blended(search_value_B, result_B) - base_B, num_bins)
    result = two_hot(result_B - base_B, num_bins)
    return lambda_search * search + (1 - lambda_search) * result
