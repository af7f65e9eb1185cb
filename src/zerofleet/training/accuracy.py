"""How often a net's first choice is the move that was to be learnt.

Legend: B samples, A actions, C planes of H x W cells, S scalars.
"""

from dataclasses import dataclass

import numpy as np
import torch

from zerofleet.replay.batches import draw, rows_of_rank
from zerofleet.replay.samples import SampleWindow
from zerofleet.training.policy_value import PolicyValueLearner

MAX_SAMPLES = 32_768
"""The newest so many held-out samples; the accuracy is known to about a third of a percent."""


@dataclass(frozen=True)
class PolicyAccuracy:
    """Of held-out samples, as shares of them."""

    top1: float
    """The legal action the net gives the highest probability is one with the highest probability of
    the target: in games of people, the move that was played."""
    uniform: float
    """What a choice among the legal actions, each as likely as any other, would reach."""
    num_samples: int


@torch.no_grad()
def policy_accuracy(learner: PolicyValueLearner, window: SampleWindow) -> PolicyAccuracy | None:
    """Returns the accuracy of the averaged weights; None if no policy is held out.

    Of several ranks each looks at its part of the samples; all of them call this together.
    """
    group, start = learner.group, window.samples.policy_start
    rows = window.validation_rows
    rows = rows[start[rows + 1] > start[rows]][-MAX_SAMPLES:]
    if len(rows) == 0:
        return None
    own = rows[slice(*rows_of_rank(len(rows), group.rank, group.world_size))]
    model, device, dtype = learner.average.model, learner.device, learner.dtype
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    size = learner.gradients.micro_batch or learner.config.batch_size
    for part in np.array_split(own, -(-len(own) // size)) if len(own) else ():
        batch = draw(window, part, threads=learner.loader_threads)
        planes_BCHW = torch.from_numpy(batch.planes_BHWC).to(device).permute(0, 3, 1, 2).to(dtype)
        scalars_BS = torch.from_numpy(batch.scalars_BS).to(device)
        is_mixed = dtype in (torch.bfloat16, torch.float16)
        with torch.autocast(device.type, dtype if is_mixed else torch.bfloat16, enabled=is_mixed):
            logits_BA = model(planes_BCHW, scalars_BS)[0]
        legal_BA = torch.from_numpy(batch.legal_BA).to(device)
        policy_BA = torch.from_numpy(batch.policy_BA).to(device)
        choice_B1 = logits_BA.masked_fill(~legal_BA, -torch.inf).argmax(dim=1, keepdim=True)
        best_BA = policy_BA == policy_BA.amax(dim=1, keepdim=True)
        sums[0] += best_BA.gather(1, choice_B1).sum()
        sums[1] += (best_BA.sum(dim=1) / legal_BA.sum(dim=1)).double().sum()
    top1, uniform = (group.sum(sums) / len(rows)).tolist()
    return PolicyAccuracy(top1, uniform, len(rows))
