"""The gradient of a batch: over several ranks, and in as many parts as memory asks for.

Torch's DistributedDataParallel adds up the gradients of all ranks while they are computed. Each
rank scales its loss by the samples of the whole batch, so that the sum over ranks and parts is the
gradient of the mean over the batch, however it was divided.

A rank that runs out of memory in the middle of an exchange would leave the others waiting for ever.
So before the first one every rank proves, alone, that its part fits, halving it until it does; then
all agree on the smallest.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from zerofleet.training.compiled import CompiledOrEager
from zerofleet.training.errors import TrainingError
from zerofleet.training.group import RankGroup, is_out_of_memory

log = logging.getLogger(__name__)


class BatchTensors(NamedTuple):
    """A batch, or a part of one, on the device. Legend as in batches.py; K value targets."""

    planes_BCHW: Tensor
    scalars_BS: Tensor
    legal_BA: Tensor
    policy_BA: Tensor
    value_BK: Tensor
    action_B: Tensor
    action_prob_B: Tensor
    return_B: Tensor
    shares_2: Tensor
    """1 / (samples with a policy), 1 / (samples) of the whole batch."""

    @property
    def num_rows(self) -> int:
        """B."""
        return len(self.value_BK)

    def split(self, num_parts: int) -> "list[BatchTensors]":
        """Equal parts, to within a sample."""
        if num_parts == 1:
            return [self]
        columns = [column.tensor_split(num_parts) for column in self[:-1]]
        return [BatchTensors._make([*part, self.shares_2]) for part in zip(*columns, strict=True)]


LossesOf = Callable[..., tuple[Tensor, Tensor, Tensor]]
"""(BatchTensors, as arguments) -> this part's share of policy loss, value loss and entropy."""


class _LossModule(nn.Module):
    """The net with its losses: what is compiled, and what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module, losses: LossesOf, *, compiled: bool) -> None:
        super().__init__()
        self.model = model  # its parameters are those of this module
        self.losses = CompiledOrEager(losses) if compiled else losses

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.losses(*tensors)


class Gradients:
    """Computes the gradient of a model's loss."""

    def __init__(
        self,
        model: nn.Module,
        losses: LossesOf,
        group: RankGroup,
        *,
        compiled: bool,
        total: Callable[[Tensor, Tensor, Tensor], Tensor],
        dtype: torch.dtype,
    ) -> None:
        """Prepares the group.

        Args:
          losses: calls the model.
          total: what is minimised, of what `losses` returns.
          dtype: float16 needs its losses scaled, so that no gradient is too small for it
            (Micikevicius et al. 2018).
        """
        self.group = group
        self.scaler = torch.amp.GradScaler(group.device.type, enabled=dtype == torch.float16)
        self.micro_batch = 0
        """Samples a rank takes at once; 0: all of its part of a batch, which has always fitted."""
        self._total = total
        self._module = _LossModule(model, losses, compiled=compiled)
        self._parallel: nn.Module = self._module
        self._is_proven = group.world_size == 1
        if group.world_size > 1:
            on_gpu = group.device.type == "cuda"
            if on_gpu:
                # Statistics over the whole batch. Torch has this for GPUs alone; on processors
                # each rank takes those of its part (docs/distributed.md).
                nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
            self._parallel = DistributedDataParallel(
                self._module,
                device_ids=[group.device.index] if on_gpu else None,
                forward_sync_buffers=False,
                gradient_as_bucket_view=True,
            )

    @property
    def is_to_compile(self) -> bool:
        """Whether the next batch waits until the step is compiled."""
        losses = self._module.losses
        return isinstance(losses, CompiledOrEager) and not losses.was_called

    def accumulate(self, batch: BatchTensors, optimizer: torch.optim.Optimizer) -> Tensor:
        """Computes the gradient of the whole batch, of which `batch` is this rank's part.

        Returns: f32 [3], on the device: this rank's shares of what `losses` returns.
        Raises: TrainingError if not even a single sample fits into memory.
        """
        if not self._is_proven:
            self._prove(batch, optimizer)
            self._is_proven = True
        if self.group.world_size > 1:
            with self.group.watched():
                return self._backward(self._parallel, batch)
        before = self.micro_batch
        losses = self._backward_that_fits(batch, optimizer)
        self._tell(before, batch.num_rows, "")
        return losses

    def _backward(self, module: nn.Module, batch: BatchTensors) -> Tensor:
        size = self.micro_batch or batch.num_rows
        parts = batch.split(min(batch.num_rows, -(-batch.num_rows // size)))
        sums = torch.zeros(3, device=self.group.device)
        for number, part in enumerate(parts, 1):
            is_last = number == len(parts)
            with _without_exchange(None if is_last else module):
                losses = module(*part)
                # The wrapper takes the mean over ranks; their shares are to be added up.
                loss = self._total(*losses) * self.group.world_size
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            sums += torch.stack([part_loss.detach() for part_loss in losses])
        return sums

    def _backward_that_fits(self, batch: BatchTensors, optimizer: torch.optim.Optimizer) -> Tensor:
        while True:
            try:
                return self._backward(self._module, batch)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)
            # Not in the handler, whose traceback holds what has to be freed.
            optimizer.zero_grad()
            size = min(self.micro_batch or batch.num_rows, batch.num_rows)
            if size == 1:
                raise TrainingError(
                    "out of memory with a single sample at a time: take a smaller net, or a device "
                    f"with more memory ({reason.splitlines()[0][:200]})"
                )
            self.micro_batch = size // 2
            if self.group.device.type == "cuda":
                torch.cuda.empty_cache()

    def _prove(self, batch: BatchTensors, optimizer: torch.optim.Optimizer) -> None:
        """A step on one's own whose gradient is thrown away."""
        model, before = self._module.model, self.micro_batch
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        held = self._memory_of(optimizer)
        with _own_statistics(model):
            self._backward_that_fits(batch, optimizer)
        del held
        optimizer.zero_grad()
        for buffer, old in buffers:
            buffer.copy_(old)
        sizes = self.group.gather(torch.tensor([self.micro_batch or batch.num_rows]))[:, 0]
        smallest = int(sizes.min())
        self.micro_batch = 0 if smallest >= batch.num_rows else smallest
        if self.group.is_main:
            self._tell(before, batch.num_rows, f" on rank {int(sizes.argmin())}")

    def _tell(self, before: int, num_samples: int, where: str) -> None:
        if self.micro_batch and self.micro_batch != before:
            log.warning(
                "out of memory with %d samples at once%s: from here on %d at a time; gradients are "
                "added up, so the batch stays as large as it was",
                before or num_samples,
                where,
                self.micro_batch,
            )

    def _memory_of(self, optimizer: torch.optim.Optimizer) -> list[Tensor]:
        """As much as the optimizer will take when it makes its first step."""
        if self.group.device.type != "cuda" or optimizer.state:
            return []
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        return [torch.empty_like(p) for p in parameters for _ in range(2)]


@contextlib.contextmanager
def _without_exchange(module: nn.Module | None) -> Iterator[None]:
    if isinstance(module, DistributedDataParallel):
        with module.no_sync():
            yield
    else:
        yield


@contextlib.contextmanager
def _own_statistics(model: nn.Module) -> Iterator[None]:
    """Batch normalisation looks at this rank's samples alone for a while."""
    norms = [m for m in model.modules() if isinstance(m, nn.SyncBatchNorm)]
    groups = [norm.process_group for norm in norms]
    if norms:
        alone = torch.distributed.new_subgroups(1)[0]  # type: ignore[no-untyped-call]
        for norm in norms:
            norm.process_group = alone
    try:
        yield
    finally:
        for norm, group in zip(norms, groups, strict=True):
            norm.process_group = group
