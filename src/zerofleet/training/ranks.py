"""What ranks check about one another: that their weights are equal, and who is slow."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zerofleet.training.errors import TrainingError
from zerofleet.training.group import RankGroup

CHECK_WEIGHTS_EVERY = 100
"""Steps."""
NOTABLE_IMBALANCE = 0.2
"""A rank that is slower by so much is told."""
_PROBE_ROWS = 256


@torch.no_grad()
def check_same_weights(group: RankGroup, model: nn.Module, where: str) -> None:
    """Compares the weights of all ranks, bit for bit, by a sum over the bits of each tensor.

    Raises: TrainingError on every rank, naming those that differ from most.
    """
    if group.world_size == 1:
        return
    prints = group.gather(_fingerprint(model))
    columns = [tuple(row.tolist()) for row in prints]
    usual = max(columns, key=lambda row: (columns.count(row), row == columns[0]))
    wrong = [rank for rank, row in enumerate(columns) if row != usual]
    if not wrong:
        return
    different = [n for n, (a, b) in enumerate(zip(columns[wrong[0]], usual, strict=True)) if a != b]
    name = [name for name, _ in model.named_parameters()][different[0]]
    ranks = f"rank{'s' if len(wrong) > 1 else ''} {', '.join(map(str, wrong))}"
    raise TrainingError(
        f"{where}: the weights of {ranks} are not those of the other ranks ({name} first; "
        f"{len(different)} of {len(usual)} tensors): its device or memory may be broken; start the "
        "job again without it, from the last checkpoint"
    )


def _fingerprint(model: nn.Module) -> Tensor:
    """i64 [tensors], on the processor."""
    as_integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    sums = []
    for parameter in model.parameters():
        # Laid out the same on all ranks, whatever the order of channels in memory.
        bits = parameter.detach().contiguous().view(as_integers[parameter.element_size()])
        sums.append(bits.sum(dtype=torch.int64))
    return torch.stack(sums).cpu()


@torch.no_grad()
def average_buffers(group: RankGroup, model: nn.Module) -> None:
    """Gives all ranks the mean of their running statistics of batch normalisation."""
    if group.world_size == 1:
        return
    floating = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    if floating:
        flat = torch.cat([buffer.flatten() for buffer in floating])
        group.sum(flat)
        flat /= group.world_size
        parts = torch.split(flat, [buffer.numel() for buffer in floating])
        for buffer, part in zip(floating, parts, strict=True):
            buffer.copy_(part.view_as(buffer))


@dataclass(frozen=True)
class Pace:
    """How long each rank needs for its part of a step, waiting for others left out."""

    seconds: tuple[float, ...]
    """Of each rank: for its loader, and for the net. Of steps no larger than 256 samples a rank:
    they are compared, not added up."""

    @property
    def slowest(self) -> int:
        """The rank the others wait for."""
        return max(range(len(self.seconds)), key=lambda rank: self.seconds[rank])

    @property
    def imbalance(self) -> float:
        """By which share the slowest rank takes longer than the mean; 0: all alike."""
        mean = sum(self.seconds) / len(self.seconds)
        return max(self.seconds) / mean - 1.0 if mean else 0.0


@torch.no_grad()
def measure_pace(
    group: RankGroup, forward: Callable[[int], object], num_rows: int, loader_seconds: float
) -> Pace | None:
    """Compares the ranks; None for a group of one.

    Inside a step ranks wait for one another at every exchange, so its length is that of the slowest
    on all of them. Here each computes alone.

    Args:
      forward: computes the net's answers of so many of this rank's samples, without exchanges.
      num_rows: a rank's samples of a step.
      loader_seconds: waiting for the loader in a step.
    """
    if group.world_size == 1:
        return None
    rows = min(num_rows, _PROBE_ROWS)
    forward(rows)
    best = float("inf")
    for _ in range(3):
        _wait(group)
        started = time.perf_counter()
        forward(rows)
        _wait(group)
        best = min(best, time.perf_counter() - started)
    # Backward takes about twice as long as forward.
    own = 3 * best + loader_seconds * rows / num_rows
    seconds = group.gather(torch.tensor([own], dtype=torch.float64))[:, 0]
    return Pace(tuple(seconds.tolist()))


def _wait(group: RankGroup) -> None:
    if group.device.type == "cuda":
        torch.cuda.synchronize(group.device)


def device_name(device: torch.device) -> str:
    """For people: host and device."""
    host = socket.gethostname()
    if device.type == "cuda":
        return f"{host} {device} {torch.cuda.get_device_name(device)}"
    return f"{host} {device}"
