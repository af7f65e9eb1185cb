"""The average of a net's weights over its training, which is what is published."""

import copy
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


class WeightAverage(Generic[Model]):
    """An exponential moving average of a model's parameters.

    Batch normalisation: running means and variances of the model belong to its weights and not to
    their average, so they are not averaged but measured with the averaged weights
    (`measure_norms`), as Izmailov et al. 2018 (SWA, section 3.2) require.

    Source: Polyak and Juditsky 1992; Wu 2019 (KataGo), appendix C, averages snapshots in the same
      way. The first steps have a shorter memory (Tarvainen and Valpola 2017), so that random
      weights are soon forgotten.
    """

    def __init__(self, model: Model, decay: float) -> None:
        """Begins with a copy of the model."""
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.num_updates = 0
        self._averaged: list[Tensor] = list(self.model.parameters())
        self._followed: list[Tensor] = list(model.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average towards the model as it is now."""
        self.num_updates += 1
        decay = min(self.decay, self.num_updates / (self.num_updates + 9))
        torch._foreach_lerp_(self._averaged, self._followed, 1.0 - decay)

    @torch.no_grad()
    def measure_norms(self, forwards: Iterable[Callable[[Model], object]]) -> None:
        """Measures the statistics of batch normalisation anew, over all batches alike.

        Args:
          forwards: each calls the model it is given with one batch.
        """
        norms = [m for m in self.model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a mean over all batches, not a moving one
            norm.train()
        try:
            for forward in forwards:
                forward(self.model)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
                norm.eval()
