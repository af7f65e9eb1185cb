"""Where a training in epochs stands (see distributed.py)."""

from dataclasses import dataclass, field

from zerofleet.training.policy_value import PolicyValueResult


@dataclass
class EpochProgress:
    """Where a job stands; part of the summary of a commit."""

    epoch: int = 0
    """Epochs that are done."""
    step: int = 0
    """Steps of the epoch in progress that are done."""
    samples: int = 0
    """Samples of the epoch in progress that are done."""
    loss_sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Policy, value and entropy of these samples, added up."""

    def add(self, result: PolicyValueResult) -> None:
        """Counts some steps."""
        if not result.num_steps:
            return
        self.step += result.num_steps
        self.samples += result.num_samples
        losses = result.train
        for n, value in enumerate((losses.policy, losses.value, losses.policy_entropy)):
            self.loss_sums[n] += value * result.num_samples

    def begin(self, epoch: int) -> None:
        """So many epochs are done; the next one begins."""
        self.epoch, self.step, self.samples = epoch, 0, 0
        self.loss_sums = [0.0, 0.0, 0.0]

    def means(self) -> list[float]:
        """Of the epoch in progress, over all ranks."""
        return [total / max(1, self.samples) for total in self.loss_sums]
