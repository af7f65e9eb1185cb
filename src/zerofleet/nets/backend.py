"""What computes a net, on any device: the seam between the evaluator and its backends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets.build import Net

Floats = NDArray[np.float32]


class BackendError(RuntimeError):
    """A backend that cannot be used here or with this net; says why."""


@dataclass(frozen=True)
class Logits:
    """What a net says of B rows. Valid until the backend's next call."""

    policy: Floats
    """float32 [B, A], or [L], those of the legal actions, where the device has picked them."""
    value: Floats
    """float32 [B, K]."""


class Backend(Protocol):
    """A net on a device. One call at a time."""

    name: str
    """As in logs and shards, "openvino-bf16"."""

    def load(self, model: Net) -> None:
        """Takes the weights of another version of the same architecture."""

    def logits(self, batch: LeafBatch, size: int) -> Logits:
        """Computes a batch padded to `size` rows, one of the sizes the backend was made with."""


def padded_sizes(max_batch: int) -> tuple[int, ...]:
    """Sizes that batches are padded to, rising: `max_batch` and its fourths down to 4.

    Few, since every size is compiled; a fourth wastes little where small batches are rare. Those
    above 16 are rounded up to a multiple of 16: matrix kernels take rows by so many, and what is
    left over by others, with other sums.
    """
    sizes = [_whole(max_batch)]
    while sizes[-1] >= 16:
        sizes.append(_whole(-(-sizes[-1] // 4)))
    return tuple(reversed(sizes))


def _whole(rows: int) -> int:
    return rows if rows <= 16 else -(-rows // 16) * 16


class InputBuffers:
    """Inputs of a net on the processor, one buffer for each padded size."""

    def __init__(self, model: Net, codec: _core.NetCodec, rows: Mapping[int, int]) -> None:
        """`rows`: of the buffer of each size, at least as many."""
        self._codec = codec
        self.shape = model.input_shape
        self.arrays = {
            size: np.zeros((count, int(np.prod(self.shape))), np.float32)
            for size, count in rows.items()
        }

    def fill(self, batch: LeafBatch, size: int) -> None:
        """Writes the rows of a batch to the buffer of this size; the others keep what they had."""
        self._codec.encode(batch.planes, batch.scalars, self.arrays[size])
