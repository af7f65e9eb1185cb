"""The figures of the steps of a loop: kept on the device, looked at now and then, of all ranks."""

from collections.abc import Callable

import torch
from torch import Tensor

from zerofleet.training.errors import TrainingError
from zerofleet.training.group import RankGroup


class Figures:
    """Policy loss, value loss, entropy and length of the gradient of every step."""

    def __init__(
        self, group: RankGroup, loop: int, last_good: str, *, may_overflow: bool = False
    ) -> None:
        """Of no step yet.

        Args:
          last_good: what to go back to, for the message if a loss stops being finite.
          may_overflow: in float16 a gradient may be infinite: that step was left out and the scale
            lowered.
        """
        self._group = group
        self._loop = loop
        self._last_good = last_good
        self._num_finite = 3 if may_overflow else 4
        self._new: list[Tensor] = []
        self._taken: list[Tensor] = []
        self._samples: list[int] = []

    @property
    def num_steps(self) -> int:
        """Steps so far."""
        return len(self._samples)

    @property
    def num_new(self) -> int:
        """Those that were not taken yet."""
        return len(self._new)

    @property
    def num_samples(self) -> int:
        """Of all steps."""
        return sum(self._samples)

    def add(self, figures_4: Tensor, num_samples: int) -> None:
        """Adds a step: this rank's shares, and the samples of its whole batch."""
        self._new.append(figures_4)
        self._samples.append(num_samples)

    def take(self, should_stop: Callable[[], bool]) -> tuple[Tensor, bool]:
        """Waits for the device and the other ranks.

        Returns: f64 [steps, 4] of the steps since the last time, over all ranks; and whether any
          rank wants to stop.
        Raises: TrainingError if a figure is no number.
        """
        if not self._new:
            return torch.zeros(0, 4, dtype=torch.float64), False
        recent, is_over = torch.stack(self._new).double().cpu(), False
        if self._group.world_size > 1:
            recent[:, 3] /= self._group.world_size  # the same on all ranks
            sent = torch.cat([recent.flatten(), torch.tensor([float(should_stop())])])
            self._group.sum(sent)
            recent, is_over = sent[:-1].view_as(recent), bool(sent[-1] > 0)
        self._new = []
        self._check_finite(recent)
        self._taken.append(recent)
        return recent, is_over

    def since(self, num_steps: int) -> Tensor:
        """f64 [steps, 4] of those taken after the first so many."""
        return torch.cat(self._taken)[num_steps:]

    def means(self) -> list[float]:
        """Over the samples of all steps taken."""
        if not self._taken:
            return [float("nan")] * 4
        shares = torch.tensor(self._samples, dtype=torch.float64) / self.num_samples
        means: list[float] = (shares @ torch.cat(self._taken)).tolist()
        return means

    def _check_finite(self, recent_N4: Tensor) -> None:
        finite = recent_N4[:, : self._num_finite].isfinite().all(dim=1)
        if finite.all():
            return
        step = int(finite.int().argmin())
        policy, value, _, norm = recent_N4[step].tolist()
        raise TrainingError(
            f"loop {self._loop}, batch {self.num_steps - len(recent_N4) + step}: the policy loss "
            f"is {policy:g}, the value loss {value:g}, the gradient's length {norm:g}; nothing of "
            f"this loop was kept. Go on from {self._last_good} with a lower "
            "training.learning_rate"
        )
