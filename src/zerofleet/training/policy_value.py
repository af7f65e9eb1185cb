"""Trains nets of policy and value on the window of samples, one loop at a time."""

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zerofleet.nets.build import Net
from zerofleet.nets.heads import score_value, wdl_value
from zerofleet.nets.spiking import SpikeStats, SpikingNet
from zerofleet.replay.batches import BatchSampler, SampleRows, draw
from zerofleet.replay.samples import SampleWindow
from zerofleet.training.average import WeightAverage
from zerofleet.training.compiled import CompiledOrEager, compute_dtype
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.errors import TrainingError
from zerofleet.training.memory import keep_freed_memory
from zerofleet.training.policy_value_loss import (
    blended,
    policy_entropy,
    policy_gradient_loss,
    policy_loss,
    score_target,
    value_loss,
    wdl_target,
)
from zerofleet.training.schedule import policy_value_learning_rate

NUM_NORM_SAMPLES = 4096
"""Samples over which batch normalisation of the averaged weights is measured."""
NUM_SPIKE_SAMPLES = 256
"""Over which spikes are counted."""
MAX_VALIDATION_SAMPLES = 8192
"""The newest so many; their loss is known to about one percent."""
_CHECK_EVERY = 16
_Number = TypeVar("_Number", float, Tensor)


@dataclass(frozen=True)
class Losses:
    """Means over samples, in nats."""

    policy: float
    value: float
    total: float
    """policy + value_loss_weight * value, and without search - entropy_weight * policy_entropy."""
    policy_entropy: float
    """Of the target policies: the least the policy loss can be. Without search: of the net's."""


@dataclass(frozen=True)
class PolicyValueResult:
    """What one loop of training did."""

    iteration: int
    num_steps: int
    """Less than asked only if training was stopped."""
    batch_size: int
    num_window: int
    """Samples in the window."""
    num_samples: int
    """Drawn, over all steps."""
    train: Losses
    """Of the trained weights, while they were trained."""
    validation: Losses | None
    """Of the averaged weights afterwards; None if nothing is kept for validation."""
    learning_rate: float
    """Of the last step."""
    gradient_norm: float
    """Mean over the steps, before clipping."""
    seconds: float
    """Of the steps."""
    samples_per_second: float
    """The first step left out."""
    first_step_seconds: float
    """The first step of a process compiles."""


class _Tensors(NamedTuple):
    """A batch on the device."""

    planes_BCHW: Tensor
    scalars_BS: Tensor
    legal_BA: Tensor
    policy_BA: Tensor
    value_BK: Tensor
    action_B: Tensor
    action_prob_B: Tensor
    return_B: Tensor


class PolicyValueLearner:
    """Owns the model, its average and the optimizer; the same seed and windows give the same
    weights on the same machine."""

    def __init__(
        self,
        model: Net,
        config: PolicyValueConfig,
        *,
        device: str = "auto",
        seed: int = 0,
        without_search: bool = False,
    ) -> None:
        """Prepares training.

        Args:
          device: auto, cpu, cuda or cuda:N.
          without_search: samples are of games without search: the policy learns from what came of
            the moves it has drawn, not from policies that search has found.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.config = config
        self.seed = seed
        self.without_search = without_search
        self.model = model.to(self.device).train()
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average: WeightAverage[Net] = WeightAverage(self.model, config.average_decay)
        """`average.model` is what is published."""
        self.num_steps = 0
        """Optimizer steps of all loops, those before a warm start included."""
        self.num_loops = 0
        """The last loop's number."""
        self.num_samples = 0
        """Drawn in this run: what `replay.passes_per_sample` bounds."""
        self.optimizer = _optimizer(self.model, config)
        self.dtype = compute_dtype(config.compute_dtype, self.device)
        # A spiking net is one graph of many small steps: it compiles for minutes and gains little.
        compiled = config.compile and not isinstance(model, SpikingNet)
        self._losses = CompiledOrEager(self._forward) if compiled else self._forward

    def train_loop(
        self,
        window: SampleWindow,
        iteration: int,
        *,
        num_steps: int,
        last_good: str = "the last checkpoint",
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[int, float], None] = lambda *_: None,
    ) -> PolicyValueResult:
        """Takes `num_steps` steps on batches drawn from the window.

        Args:
          window: at least one sample to train on.
          iteration: number of the loop; part of the sampler's seed.
          last_good: what to go back to, for the message if the loss stops being finite.
          should_stop: asked before each step; True ends the loop early.
          on_progress: called now and then with (steps taken, total loss of the steps since).
        Raises: TrainingError.
        """
        config, rows = self.config, window.training_rows
        if len(rows) == 0 or num_steps < 1:
            raise TrainingError(
                f"loop {iteration}: {num_steps} steps on {len(rows)} samples to train on, expected "
                "at least one of each; wait for more games or lower training.validation_share"
            )
        sampler = self._sampler(window, rows, iteration, num_steps)
        figures: list[Tensor] = []
        num_checked, first_step_seconds = 0, 0.0
        started = time.perf_counter()
        for batch in sampler:
            if should_stop():
                break
            figures.append(self.train_batch(batch))
            if len(figures) == 1:
                figures[0].tolist()  # waits for the device
                first_step_seconds = time.perf_counter() - started
            if len(figures) % _CHECK_EVERY == 0:
                recent = _check_finite(figures, num_checked, iteration, last_good)
                num_checked = len(figures)
                on_progress(num_checked, float(self._total(recent).mean()))
        if len(figures) > num_checked:
            _check_finite(figures, num_checked, iteration, last_good)
        seconds = time.perf_counter() - started
        self.num_loops = iteration
        self._measure_norms(window, rows, iteration)
        means = torch.stack(figures).mean(0).tolist() if figures else [float("nan")] * 4
        return PolicyValueResult(
            iteration=iteration,
            num_steps=len(figures),
            batch_size=config.batch_size,
            num_window=len(window),
            num_samples=len(figures) * config.batch_size,
            train=self._named(*means[:3]),
            validation=self.validation_losses(window),
            learning_rate=self.optimizer.param_groups[0]["lr"],
            gradient_norm=means[3],
            seconds=seconds,
            samples_per_second=max(0, len(figures) - 1)
            * config.batch_size
            / max(1e-9, seconds - first_step_seconds),
            first_step_seconds=first_step_seconds,
        )

    def train_batch(self, batch: SampleRows) -> Tensor:
        """Takes one step.

        Returns: f32 [4], still on the device: policy loss, value loss, entropy of the target
          policies (without search: of the net's), length of the gradient.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = policy_value_learning_rate(self.config, self.num_steps)
        tensors = self._tensors(batch)
        policy, value, entropy = self._losses(*tensors)
        loss = self._sum(policy, value, entropy)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update()
        self.num_steps += 1
        self.num_samples += len(batch)
        return torch.stack([policy.detach(), value.detach(), entropy.detach(), norm])

    @torch.no_grad()
    def validation_losses(self, window: SampleWindow) -> Losses | None:
        """Returns the losses of the averaged weights on the newest validation samples."""
        rows = window.validation_rows[-MAX_VALIDATION_SAMPLES:]
        if len(rows) == 0:
            return None
        sums = torch.zeros(3, device=self.device)
        for part in np.array_split(rows, -(-len(rows) // self.config.batch_size)):
            tensors = self._tensors(draw(window, part))
            sums += len(part) * torch.stack(self._losses_of(self.average.model, tensors))
        return self._named(*(sums / len(rows)).tolist())

    @torch.no_grad()
    def spikes(self, window: SampleWindow) -> SpikeStats | None:
        """How much the averaged weights spike on the newest samples; None: they are no spiking
        net's."""
        model = self.average.model
        if not isinstance(model, SpikingNet):
            return None
        rows = np.arange(max(0, len(window) - NUM_SPIKE_SAMPLES), len(window))
        with model.counting() as count:
            for part in np.array_split(rows, -(-len(rows) // self.config.batch_size)):
                tensors = self._tensors(draw(window, part))
                self._logits(model, tensors.planes_BCHW, tensors.scalars_BS)
        return count.of(len(rows))

    def _named(self, policy: float, value: float, entropy: float) -> Losses:
        return Losses(policy, value, self._sum(policy, value, entropy), entropy)

    def _total(self, figures_N4: Tensor) -> Tensor:
        policy, value, entropy, _ = figures_N4.unbind(1)
        return self._sum(policy, value, entropy)

    def _sum(self, policy: _Number, value: _Number, entropy: _Number) -> _Number:
        """The total loss of its parts, numbers or tensors."""
        total = policy + self.config.value_loss_weight * value
        return total - self.config.entropy_weight * entropy if self.without_search else total

    def _sampler(
        self, window: SampleWindow, rows: npt.NDArray[np.int64], iteration: int, num_batches: int
    ) -> BatchSampler:
        return BatchSampler(
            window,
            rows,
            batch_size=self.config.batch_size,
            num_batches=num_batches,
            seed=self.seed,
            loop=iteration,
            symmetries=self.config.symmetries,
        )

    def _measure_norms(
        self, window: SampleWindow, rows: npt.NDArray[np.int64], iteration: int
    ) -> None:
        # As many batches as NUM_NORM_SAMPLES make, and the same ones whatever was trained before.
        # Each step of a spiking net is a sample to its norms.
        steps = self.model.config.num_steps if isinstance(self.model, SpikingNet) else 1
        num_batches = -(-NUM_NORM_SAMPLES // (steps * self.config.batch_size))

        def forwards() -> Iterator[Callable[[Net], object]]:
            for batch in self._sampler(window, rows, iteration, num_batches):
                tensors = self._tensors(batch)
                yield functools.partial(
                    self._logits, planes_BCHW=tensors.planes_BCHW, scalars_BS=tensors.scalars_BS
                )

        self.average.measure_norms(forwards())

    def _tensors(self, batch: SampleRows) -> _Tensors:
        planes = self._to_device(batch.planes_BHWC).permute(0, 3, 1, 2)
        scalars = self._to_device(batch.scalars_BS)
        search_value = self._to_device(batch.search_value_B)
        result = self._to_device(batch.result_B)
        return _Tensors(
            planes_BCHW=planes.to(self.dtype),
            scalars_BS=scalars,
            legal_BA=self._to_device(batch.legal_BA),
            policy_BA=self._to_device(batch.policy_BA),
            value_BK=self._value_target(search_value, result, scalars),
            action_B=self._to_device(batch.action_B),
            action_prob_B=self._to_device(batch.action_prob_B),
            return_B=blended(search_value, result),
        )

    def _to_device(self, array: npt.NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def _value_target(self, search_value_B: Tensor, result_B: Tensor, scalars_BS: Tensor) -> Tensor:
        architecture, share = self.model.architecture, self.config.lambda_search
        if architecture.value_head == "wdl":
            return wdl_target(search_value_B, result_B, lambda_search=share)
        base = architecture.score_base_scalar
        return score_target(
            search_value_B,
            result_B,
            -1.0 if base is None else scalars_BS[:, base],
            num_bins=architecture.num_values,
            lambda_search=share,
        )

    def _forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The part of a step that is compiled: (policy loss, value loss, entropy)."""
        return self._losses_of(self.model, _Tensors(*tensors))

    def _losses_of(self, model: Net, tensors: _Tensors) -> tuple[Tensor, Tensor, Tensor]:
        policy_logits, value_logits = self._logits(model, tensors.planes_BCHW, tensors.scalars_BS)
        value = value_loss(value_logits, tensors.value_BK)
        if not self.without_search:
            policy = policy_loss(policy_logits, tensors.legal_BA, tensors.policy_BA)
            return policy, value, policy_entropy(tensors.policy_BA)
        expected = self._values(value_logits, tensors.scalars_BS)
        policy, entropy = policy_gradient_loss(
            policy_logits,
            tensors.legal_BA,
            tensors.action_B,
            tensors.action_prob_B,
            tensors.return_B - expected,
            importance_limit=self.config.importance_limit,
        )
        return policy, value, entropy

    def _values(self, logits_BK: Tensor, scalars_BS: Tensor) -> Tensor:
        """The net's values, mover's view: what a move is better or worse than."""
        logits, architecture = logits_BK.detach().float(), self.model.architecture
        if architecture.value_head == "wdl":
            return wdl_value(logits)
        base = architecture.score_base_scalar
        return score_value(logits, -1.0 if base is None else scalars_BS[:, base])

    def _logits(self, model: Net, planes_BCHW: Tensor, scalars_BS: Tensor) -> tuple[Tensor, Tensor]:
        enabled = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=enabled):
            logits: tuple[Tensor, Tensor] = model(planes_BCHW, scalars_BS)
        return logits


def _optimizer(model: torch.nn.Module, config: PolicyValueConfig) -> torch.optim.Optimizer:
    # Shifts, scales and biases are not decayed: that does not regularise, it only pulls at zero.
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=config.learning_rate, momentum=config.momentum, nesterov=True, fused=True
        )
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(config.momentum, 0.999), fused=True
    )


def _check_finite(figures: list[Tensor], first: int, iteration: int, last_good: str) -> Tensor:
    """Returns the figures from step `first` on. Raises: TrainingError if one is no number."""
    recent = torch.stack(figures[first:]).cpu()
    finite = recent.isfinite().all(dim=1)
    if not finite.all():
        batch = int(finite.int().argmin())
        policy, value, _, norm = recent[batch].tolist()
        raise TrainingError(
            f"loop {iteration}, batch {first + batch}: the policy loss is {policy:g}, the value "
            f"loss {value:g}, the gradient's length {norm:g}; nothing of this loop was kept. Go on "
            f"from {last_good} with a lower training.learning_rate"
        )
    return recent
