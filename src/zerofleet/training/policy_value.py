"""Trains nets of policy and value on the window of samples, one loop at a time.

The same on one device and on several ranks (group.py), each of which draws and computes its part of
every batch.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zerofleet.nets.build import Net
from zerofleet.nets.heads import score_value, wdl_value
from zerofleet.nets.spiking import SpikeStats, SpikingNet
from zerofleet.replay.batches import BatchSampler, SampleRows, draw, rows_of_rank
from zerofleet.replay.samples import SampleWindow
from zerofleet.run.faults import fault_point
from zerofleet.training.average import WeightAverage
from zerofleet.training.compiled import compute_dtype
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.errors import TrainingError
from zerofleet.training.figures import Figures
from zerofleet.training.gradients import BatchTensors, Gradients
from zerofleet.training.group import RankGroup
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
from zerofleet.training.ranks import (
    CHECK_WEIGHTS_EVERY,
    Pace,
    average_buffers,
    check_same_weights,
    measure_pace,
)
from zerofleet.training.schedule import policy_value_learning_rate

NUM_NORM_SAMPLES = 4096
"""Samples over which batch normalisation of the averaged weights is measured."""
NUM_SPIKE_SAMPLES = 256
"""Over which spikes are counted."""
MAX_VALIDATION_SAMPLES = 8192
"""The newest so many; their loss is known to about one percent."""
_TELL_EVERY = 16
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
    """The first step left out, unless it is the only one."""
    first_step_seconds: float
    """The first step of a process compiles."""
    pace: Pace | None = None
    """Of several ranks."""


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
        group: RankGroup | None = None,
        loader_threads: int = 1,
    ) -> None:
        """Prepares training.

        Args:
          device: auto, cpu, cuda or cuda:N.
          group: the ranks that train together, each with its own device; None: this process alone.
            All of them make the same learner and call the same methods with the same arguments.
          loader_threads: of the core, to draw a batch.
          without_search: samples are of games without search: the policy learns from what came of
            the moves it has drawn, not from policies that search has found.
        """
        self.group = RankGroup.alone(device) if group is None else group
        self.device = self.group.device
        if config.batch_size < self.group.world_size:
            raise TrainingError(
                f"training.batch_size {config.batch_size}: it is the total, and there are "
                f"{self.group.world_size} ranks, which need a sample each"
            )
        if self.device.type == "cpu":
            keep_freed_memory()
        self.config = config
        self.seed = seed
        self.without_search = without_search
        self.loader_threads = loader_threads
        self.dtype = self._common_dtype(config.compute_dtype)
        self.model = model.to(self.device).train()
        if self.dtype == torch.float64:
            self.model.double()
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
        # A spiking net is one graph of many small steps: it compiles for minutes and gains little.
        compiled = config.compile and not isinstance(model, SpikingNet)
        self.gradients = Gradients(
            self.model,
            self._forward,
            self.group,
            compiled=compiled,
            total=self._sum,
            dtype=self.dtype,
        )

    def train_loop(
        self,
        window: SampleWindow,
        iteration: int,
        *,
        num_steps: int | None,
        first_step: int = 0,
        last_good: str = "the last checkpoint",
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[int, float], None] = lambda *_: None,
        on_step: Callable[[Losses], None] = lambda _: None,
        check_every: int = 16,
        validate: bool = True,
    ) -> PolicyValueResult:
        """Takes `num_steps` steps on batches drawn from the window.

        Args:
          window: at least one sample to train on.
          iteration: number of the loop; part of the sampler's seed.
          num_steps: None: all that are left of one pass over the window.
          first_step: of this loop: where it was left off.
          last_good: what to go back to, for the message if the loss stops being finite.
          should_stop: asked before each step; True ends the loop early. Of several ranks any may
            ask for the end, all are asked every `check_every` steps and end together.
          on_progress: called every 16 steps with (steps taken, total loss of the steps since).
          on_step: called with the losses of each step, over all ranks, in order.
          check_every: steps after which losses are looked at, which on GPUs waits for them.
          validate: measure the validation losses at the end.
        Raises: TrainingError.
        """
        rows, group = window.training_rows, self.group
        if len(rows) == 0 or (num_steps is not None and num_steps < 1):
            raise TrainingError(
                f"loop {iteration}: {num_steps} steps on {len(rows)} samples to train on, expected "
                "at least one of each; wait for more games or lower training.validation_share"
            )
        sampler = self._sampler(window, rows, iteration, num_steps, first_step)
        figures = Figures(
            group, iteration, last_good, may_overflow=self.gradients.scaler.is_enabled()
        )
        first_step_seconds, loader_seconds, num_first, num_told = 0.0, 0.0, 0, 0
        started = time.perf_counter()
        batch = None
        with contextlib.closing(iter(sampler)) as batches:  # type: ignore[type-var]
            while group.world_size > 1 or not should_stop():
                asked = time.perf_counter()
                following = next(batches, None)
                if following is None:
                    break
                batch = following
                loader_seconds += time.perf_counter() - asked
                found = self.train_batch(batch)
                figures.add(found, batch.batch_samples)
                fault_point("training.after_step")
                if figures.num_steps == 1:
                    found.tolist()  # waits for the device
                    first_step_seconds = time.perf_counter() - started
                    loader_seconds, num_first = 0.0, batch.batch_samples
                if self.num_steps % CHECK_WEIGHTS_EVERY == 0:
                    check_same_weights(group, self.model, f"step {self.num_steps}")
                if figures.num_new < check_every:
                    continue
                recent, is_over = figures.take(should_stop)
                self._tell(recent, on_step)
                if figures.num_steps - num_told >= _TELL_EVERY:
                    latest = figures.since(num_told)
                    num_told = figures.num_steps
                    on_progress(num_told, float(self._total(latest).mean()))
                if is_over:
                    break
        self._tell(figures.take(should_stop)[0], on_step)
        seconds = time.perf_counter() - started
        self.num_loops = iteration
        check_same_weights(group, self.model, f"step {self.num_steps}")
        average_buffers(group, self.model)
        self._measure_norms(window, rows, iteration)
        means = figures.means()
        if figures.num_samples == num_first:
            num_timed, timed_seconds = num_first, seconds
        else:
            num_timed, timed_seconds = figures.num_samples - num_first, seconds - first_step_seconds
        return PolicyValueResult(
            iteration=iteration,
            num_steps=figures.num_steps,
            batch_size=self.config.batch_size,
            num_window=len(window),
            num_samples=figures.num_samples,
            train=self._named(*means[:3]),
            validation=self.validation_losses(window) if validate else None,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            gradient_norm=means[3],
            seconds=seconds,
            samples_per_second=num_timed / max(1e-9, timed_seconds),
            first_step_seconds=first_step_seconds,
            pace=self._pace(batch, loader_seconds / max(1, figures.num_steps - 1)),
        )

    def train_batch(self, batch: SampleRows) -> Tensor:
        """Takes one step; `batch` is this rank's part of it.

        Returns: f32 [4], still on the device: this rank's shares of policy loss, value loss and
          entropy of the target policies (without search: of the net's), which add up to those of
          the batch, and the length of the gradient.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = policy_value_learning_rate(self.config, self.num_steps)
        tensors = self._tensors(batch)
        losses = self.gradients.accumulate(tensors, self.optimizer)
        scaler = self.gradients.scaler
        scaler.unscale_(self.optimizer)
        parameters = list(self.model.parameters())
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self.group.is_mixed:
            # Devices of different kinds add up in different orders; weights have to stay equal.
            self.group.from_main(norm)
        torch.nn.utils.clip_grads_with_norm_(parameters, self.config.max_grad_norm, norm)
        scaler.step(self.optimizer)
        scaler.update()
        self.optimizer.zero_grad()
        self.average.update()
        self.num_steps += 1
        self.num_samples += batch.batch_samples
        return torch.stack([*losses, norm])

    def _tell(self, figures_N4: Tensor, on_step: Callable[[Losses], None]) -> None:
        for row in figures_N4.tolist():
            on_step(self._named(*row[:3]))

    def _pace(self, batch: SampleRows | None, loader_seconds: float) -> Pace | None:
        if batch is None or self.group.world_size == 1:
            return None
        tensors = self._tensors(batch)

        def forward(num_rows: int) -> object:
            return self._logits(
                self.average.model, tensors.planes_BCHW[:num_rows], tensors.scalars_BS[:num_rows]
            )

        return measure_pace(self.group, forward, len(batch), loader_seconds)

    def _common_dtype(self, name: str) -> torch.dtype:
        """The type all ranks compute in: `auto` is the slowest rank's."""
        dtype = compute_dtype(name, self.device)
        exact = torch.tensor([int(dtype == torch.float32)])
        return torch.float32 if self.group.gather(exact).any() else dtype

    @torch.no_grad()
    def validation_losses(self, window: SampleWindow) -> Losses | None:
        """Returns the losses of the averaged weights on the newest validation samples."""
        rows = window.validation_rows[-MAX_VALIDATION_SAMPLES:]
        if len(rows) == 0:
            return None
        sums = torch.zeros(3, device=self.device, dtype=torch.float64)
        counts = torch.zeros(3, device=self.device, dtype=torch.float64)
        own = rows[slice(*rows_of_rank(len(rows), self.group.rank, self.group.world_size))]
        size = self.gradients.micro_batch or self.config.batch_size
        for part in np.array_split(own, -(-len(own) // size)) if len(own) else ():
            tensors = self._tensors(draw(window, part, threads=self.loader_threads))
            # Means over the samples with a policy, all samples, those with a policy again.
            of_part = (1.0 / tensors.shares_2)[[1, 1, 1] if self.without_search else [0, 1, 0]]
            sums += of_part * torch.stack(self._losses_of(self.average.model, tensors))
            counts += of_part
        return self._named(*(self.group.sum(sums) / self.group.sum(counts)).tolist())

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
        self,
        window: SampleWindow,
        rows: npt.NDArray[np.int64],
        iteration: int,
        num_batches: int | None,
        first_batch: int = 0,
    ) -> BatchSampler:
        return BatchSampler(
            window,
            rows,
            batch_size=self.config.batch_size,
            num_batches=num_batches,
            seed=self.seed,
            loop=iteration,
            symmetries=self.config.symmetries,
            threads=self.loader_threads,
            first_batch=first_batch,
            rank=self.group.rank,
            num_ranks=self.group.world_size,
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
        average_buffers(self.group, self.average.model)

    def _tensors(self, batch: SampleRows) -> BatchTensors:
        planes = self._to_device(batch.planes_BHWC).permute(0, 3, 1, 2)
        scalars = self._to_device(batch.scalars_BS)
        search_value = self._to_device(batch.search_value_B)
        result = self._to_device(batch.result_B)
        value = self._value_target(search_value, result, scalars)
        if batch.num_padding:
            value[-batch.num_padding :] = 0
        counts = np.array([max(1, batch.batch_policies), batch.batch_samples])
        exact = np.float64 if self.dtype == torch.float64 else np.float32
        return BatchTensors(
            planes_BCHW=planes.to(self.dtype),
            scalars_BS=scalars,
            legal_BA=self._to_device(batch.legal_BA),
            policy_BA=self._to_device(batch.policy_BA),
            value_BK=value,
            action_B=self._to_device(batch.action_B),
            action_prob_B=self._to_device(batch.action_prob_B),
            return_B=blended(search_value, result),
            shares_2=self._to_device((1.0 / counts).astype(exact)),
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
        """The part of a step that is compiled: shares of (policy loss, value loss, entropy)."""
        return self._losses_of(self.model, BatchTensors(*tensors))

    def _losses_of(self, model: Net, tensors: BatchTensors) -> tuple[Tensor, Tensor, Tensor]:
        policy_logits, value_logits = self._logits(model, tensors.planes_BCHW, tensors.scalars_BS)
        of_policies, of_samples = tensors.shares_2.unbind()
        value = value_loss(value_logits, tensors.value_BK, of_samples)
        if not self.without_search:
            policy = policy_loss(policy_logits, tensors.legal_BA, tensors.policy_BA, of_policies)
            return policy, value, policy_entropy(tensors.policy_BA, of_policies)
        expected = self._values(value_logits, tensors.scalars_BS)
        policy, entropy = policy_gradient_loss(
            policy_logits,
            tensors.legal_BA,
            tensors.action_B,
            tensors.action_prob_B,
            tensors.return_B - expected,
            importance_limit=self.config.importance_limit,
            share=of_samples,
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
        enabled = self.dtype in (torch.bfloat16, torch.float16)
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
