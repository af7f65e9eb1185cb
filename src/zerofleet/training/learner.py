"""Trains the net on the window, one loop at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zerofleet.nets.nnue import NnueModel, RoundedWeights, expand_bits, with_constant_feature
from zerofleet.replay.sampler import MIN_BLOCK_SIZE, Batch, EpochSampler, choose_batch_size
from zerofleet.replay.window import Window
from zerofleet.training.compiled import compute_dtype
from zerofleet.training.config import TrainingConfig
from zerofleet.training.errors import TrainingError
from zerofleet.training.kernel import evaluation_kernel
from zerofleet.training.loss import win_probability_loss, win_probability_target
from zerofleet.training.memory import keep_freed_memory
from zerofleet.training.schedule import learning_rate
from zerofleet.training.validation import ValidationSet

_CHUNK_SIZES = {"cpu": (4096, 1024), "cuda": (16384, 1024)}
"""Positions of one compiled call. A larger batch sums the gradients of several: on processors the
activations of 4,096 positions stay in cache, and one shape compiled serves every larger batch."""
_CHECK_EVERY = 16


@dataclass(frozen=True)
class LoopResult:
    """What one loop of training did. Losses are means over positions, quantised, in f32."""

    iteration: int
    num_epochs: int
    """Less than configured only if training was stopped."""
    num_steps: int
    batch_size: int
    num_window: int
    """Positions in the window."""
    num_positions: int
    """Samples trained on, over all epochs."""
    train_losses: tuple[float, ...]
    """Of each epoch, while it trained."""
    validation_losses: tuple[float, ...]
    """Before the first epoch and after each; empty if nothing is kept for validation."""
    eval_sd: float
    """Standard deviation of evaluations (512 to a logit) over the validation positions, or over
    training positions if there are none: the scale that must not drift."""
    seconds: float
    """Of training, validation left out."""
    positions_per_second: float
    """Samples per second, the first step left out."""
    first_step_seconds: float
    """The first step of a process compiles."""


class Learner:
    """Owns the model and the optimizer; the same seed and windows give the same weights."""

    def __init__(
        self, model: NnueModel, config: TrainingConfig, *, device: str = "auto", seed: int = 0
    ) -> None:
        """Prepares training; `device` is auto, cpu, cuda or cuda:N."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.model = model.to(self.device)
        self.config = config
        self.seed = seed
        self.num_steps = 0
        """Optimizer steps of all loops."""
        self.num_loops = 0
        """The last loop's number."""
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.dtype = compute_dtype(config.compute_dtype, self.device)
        self._kernel = evaluation_kernel(compiled=config.compile)

    def train_loop(
        self,
        window: Window,
        iteration: int,
        *,
        last_good: str = "the last checkpoint",
        should_stop: Callable[[float], bool] = lambda share: False,
        on_epoch: Callable[[int, float, float | None], None] = lambda *_: None,
    ) -> LoopResult:
        """Trains `train_epochs` epochs over the window.

        Args:
          window: at least one block (128 positions) to train on.
          iteration: number of the loop; part of the sampler's seed.
          last_good: what to go back to, for the message if the loss stops being finite.
          should_stop: asked before each step, with the share of the steps that is done; True ends
            the loop early.
          on_epoch: called with (epoch, train loss, validation loss or None).
        Raises: TrainingError.
        """
        config = self.config
        rows = window.training_rows
        batch_size = choose_batch_size(
            len(rows),
            epochs=config.train_epochs,
            largest=config.batch_size,
            min_steps=config.min_steps,
        )
        steps_per_epoch = len(self._sampler(window, rows, batch_size, iteration, 0))
        if steps_per_epoch == 0:
            raise TrainingError(
                f"loop {iteration}: {len(rows)} positions to train on, expected at least "
                f"{MIN_BLOCK_SIZE} of one bucket; wait for more games or lower "
                "training.validation_share"
            )
        num_steps = steps_per_epoch * config.train_epochs
        validation = ValidationSet(window, lambda_search=config.lambda_search)
        validation_losses = [self.validation_loss(validation)] if len(validation) else []
        train_losses: list[float] = []
        step, first_step_seconds, seconds = 0, 0.0, 0.0
        for epoch in range(config.train_epochs):
            losses: list[Tensor] = []
            started = time.perf_counter()
            for batch in self._sampler(window, rows, batch_size, iteration, epoch):
                if should_stop(step / num_steps):
                    break
                self._set_learning_rate(learning_rate(config, step, num_steps))
                losses.append(self.train_batch(batch))
                if step == 0:
                    first_step_seconds = time.perf_counter() - started
                step += 1
                if len(losses) % _CHECK_EVERY == 0:
                    _check_finite(losses, iteration, epoch, last_good)
            _check_finite(losses, iteration, epoch, last_good)  # waits for the device, too
            seconds += time.perf_counter() - started
            if losses:
                train_losses.append(torch.stack(losses).mean().item())
            if len(losses) < steps_per_epoch:
                break
            if len(validation):
                validation_losses.append(self.validation_loss(validation))
            on_epoch(epoch, train_losses[-1], validation_losses[-1] if len(validation) else None)
        self.num_steps += step
        self.num_loops = iteration
        timed_seconds = max(1e-9, seconds - first_step_seconds)
        return LoopResult(
            iteration=iteration,
            num_epochs=len(train_losses),
            num_steps=step,
            batch_size=batch_size,
            num_window=len(window),
            num_positions=step * batch_size,
            train_losses=tuple(train_losses),
            validation_losses=tuple(validation_losses),
            eval_sd=self._eval_sd(window),
            seconds=seconds,
            positions_per_second=max(0, step - 1) * batch_size / timed_seconds,
            first_step_seconds=first_step_seconds,
        )

    def validation_loss(self, validation: ValidationSet) -> float:
        """Returns the mean loss of the net as it will be exported, in float32."""
        return validation.loss(self.model, power=self.config.loss_power)

    def _eval_sd(self, window: Window) -> float:
        rows = window.validation_rows if window.is_validation.any() else window.training_rows
        return float(ValidationSet.of_rows(window, rows, 1.0).evaluations(self.model).std())

    def _sampler(
        self, window: Window, rows: npt.NDArray[np.int64], batch_size: int, loop: int, epoch: int
    ) -> EpochSampler:
        # A loop's epochs follow those of the loops before, so no two ever draw alike.
        number = loop * self.config.train_epochs + epoch
        return EpochSampler(window, rows, batch_size=batch_size, seed=self.seed, epoch=number)

    def _set_learning_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def train_batch(self, batch: Batch) -> Tensor:
        """Takes one optimizer step; returns the batch's mean loss, still on the device."""
        packed_NK = with_constant_feature(batch.packed_NK, self.model.architecture.num_features)
        block_bucket_n = torch.from_numpy(batch.block_bucket_n).to(self.device)
        target_N = torch.from_numpy(
            win_probability_target(
                batch.search_value_N, batch.result_N, lambda_search=self.config.lambda_search
            )
        ).to(self.device)
        # The chunks' gradients meet in these leaves, and go on to the parameters once.
        weights = self.model.rounded_weights()
        leaves = RoundedWeights(*(w.detach().requires_grad_() for w in weights))
        num_chunks = len(target_N) // self._chunk_size(len(target_N))
        total = torch.zeros((), device=self.device)
        for packed, buckets, target in zip(
            np.split(packed_NK, num_chunks),
            block_bucket_n.chunk(num_chunks),
            target_N.chunk(num_chunks),
            strict=True,
        ):
            x = expand_bits(packed, self.device, self.dtype)
            logits = self._kernel(x, buckets, leaves)
            loss = win_probability_loss(logits, target, power=self.config.loss_power) / num_chunks
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        torch.autograd.backward(weights, [leaf.grad for leaf in leaves])
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.model.clip_to_range()
        return total

    def _chunk_size(self, batch_size: int) -> int:
        for size in _CHUNK_SIZES[self.device.type]:
            if batch_size % size == 0:
                return size
        return batch_size


def _check_finite(losses: list[Tensor], iteration: int, epoch: int, last_good: str) -> None:
    """Raises: TrainingError at the first loss that is no number."""
    if not losses:
        return
    values = torch.stack(losses).cpu().numpy()
    if np.isfinite(values).all():
        return
    batch = int(np.argmin(np.isfinite(values)))
    raise TrainingError(
        f"loop {iteration}, epoch {epoch}, batch {batch}: the loss is {values[batch]}; nothing of "
        f"this loop was kept. Go on from {last_good} with a lower training.learning_rate"
    )
