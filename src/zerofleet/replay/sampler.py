"""Draws training batches from the window: an epoch is one pass in a random order.

A batch is made of blocks of positions that share a layer stack (bucket), which lets the net compute
only that stack (nets/nnue.py). Every batch has the same size, so the compiled step fits all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.replay.prefetch import prefetched
from zerofleet.replay.window import Window

MIN_BLOCK_SIZE = 128


def block_size(batch_size: int) -> int:
    """Positions of a block: 32 blocks make a batch, a small batch has fewer.

    Larger blocks save work that is done once per block; with fewer of them the buckets of a step
    would be a matter of luck.
    """
    return max(MIN_BLOCK_SIZE, batch_size // 32)


@dataclass(frozen=True)
class Batch:
    """One batch; legend: N positions, K bytes of features, n = N / block_size(N) blocks."""

    number: int
    """Counts from 0 within the epoch."""
    packed_NK: npt.NDArray[np.uint8]
    """The mover's bit-packed features."""
    block_bucket_n: npt.NDArray[np.int64]
    """Layer stack of each block."""
    search_value_N: npt.NDArray[np.float32]
    """Mover's view, in [-1, 1]; NaN where there was no search."""
    result_N: npt.NDArray[np.float32]
    """Mover's view, in [-1, 1]."""


def choose_batch_size(num_positions: int, *, epochs: int, largest: int, min_steps: int) -> int:
    """Returns a batch size for a window: the largest that leaves enough steps.

    Halves `largest` down to 1,024 until a loop takes at least `min_steps` steps; only a window
    too small for a few such batches gets less, down to one block.
    """
    size = largest
    while size > 1024 and num_positions * epochs < min_steps * size:
        size //= 2
    while size > MIN_BLOCK_SIZE and num_positions < 4 * size:
        size //= 2
    return max(size, MIN_BLOCK_SIZE)


def epoch_plan(
    bucket_N: npt.NDArray[np.uint8], rng: np.random.Generator, *, batch_size: int
) -> list[npt.NDArray[np.int64]]:
    """Returns the rows of each batch of one epoch: block after block, each of one bucket.

    Each bucket's rows are shuffled and cut into blocks; the last block is filled up with rows of
    its own bucket if it is at least half full and dropped otherwise. Blocks are mixed so that each
    batch has about the window's share of every bucket. What is too little for a batch is dropped.
    """
    size = block_size(batch_size)
    blocks, keys = [], []
    for bucket in np.unique(bucket_N):
        rows = rng.permutation(np.flatnonzero(bucket_N == bucket))
        num_blocks = (len(rows) + size // 2) // size
        if num_blocks:
            blocks.append(np.resize(rows, (num_blocks, size)))
            keys.append((np.arange(num_blocks) + rng.random(num_blocks)) / num_blocks)
    if not blocks:
        return []
    mixed = np.concatenate(blocks)[np.argsort(np.concatenate(keys))]
    per_batch = batch_size // size
    num_batches = len(mixed) // per_batch
    return [mixed[i * per_batch : (i + 1) * per_batch].ravel() for i in range(num_batches)]


class EpochSampler:
    """Iterates over the batches of one epoch; a thread prepares them ahead.

    The batches depend only on (window, rows, seed, epoch, batch size), not on threads.
    """

    def __init__(
        self,
        window: Window,
        rows: npt.NDArray[np.int64],
        *,
        batch_size: int,
        seed: int,
        epoch: int,
        num_prefetch: int = 4,
    ) -> None:
        """Plans the epoch over `rows` of the window."""
        self._window = window
        self._rng = np.random.default_rng([seed, epoch])
        plan = epoch_plan(window.bucket[rows], self._rng, batch_size=batch_size)
        self._plan = [rows[batch] for batch in plan]
        self._num_prefetch = num_prefetch

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        batches = (self._make(number, rows) for number, rows in enumerate(self._plan))
        return prefetched(batches, self._num_prefetch)

    def _make(self, number: int, rows: npt.NDArray[np.int64]) -> Batch:
        window = self._window
        symmetry = self._rng.integers(0, window.num_symmetries, len(rows), np.uint8)
        packed, _, bucket = _core.encode_features(
            window.game, window.packed[rows], symmetry, window.num_buckets
        )
        return Batch(
            number=number,
            packed_NK=packed,
            block_bucket_n=bucket[:: block_size(len(rows))].astype(np.int64),
            search_value_N=window.search_value[rows],
            result_N=window.result[rows],
        )
