"""Draws training batches from the window of samples.

Legend: B samples of a batch, C planes of H x W cells, S scalars, A actions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.replay.prefetch import prefetched
from zerofleet.replay.samples import SampleWindow
from zerofleet.replay.symmetries import Symmetries, identity, symmetries_of


@dataclass(frozen=True)
class SampleRows:
    """Samples as a step reads them; values are the mover's, in [-1, 1]."""

    planes_BHWC: npt.NDArray[Any]
    """u8, zeros and ones; f32 of games with real-valued observations. Channels come last, as
    convolutions on processors and tensor cores read them."""
    scalars_BS: npt.NDArray[np.float32]
    legal_BA: npt.NDArray[np.bool_]
    policy_BA: npt.NDArray[np.float32]
    """Sums to 1, or to 0 where no policy is known."""
    action_B: npt.NDArray[np.int64]
    """That was played."""
    action_prob_B: npt.NDArray[np.float32]
    """Its probability in the policy as it was recorded; 0 where that has no such entry."""
    search_value_B: npt.NDArray[np.float32]
    """NaN where there was no search."""
    result_B: npt.NDArray[np.float32]
    batch_samples: int
    """Samples of the whole batch, which these may be a rank's part of."""
    batch_policies: int
    """Those of the whole batch whose policy is known."""
    num_padding: int = 0
    """The last so many rows are there only to give all ranks equally many; they teach nothing."""

    def __len__(self) -> int:
        return len(self.result_B)


def draw(
    window: SampleWindow,
    rows: npt.NDArray[np.int64],
    *,
    symmetries: Symmetries | None = None,
    symmetry: npt.NDArray[np.uint8] | None = None,
    threads: int = 1,
    whole: npt.NDArray[np.int64] | None = None,
    num_padding: int = 0,
) -> SampleRows:
    """Returns the samples `rows` of the window, made by threads of the core.

    Args:
      symmetries, symmetry: u8 [B] which of the symmetries each is shown under; None: as it is.
      whole: rows of the batch these are a part of; None: they are the whole batch.
      num_padding: of the last rows.
    """
    maps = identity(window.game) if symmetries is None else symmetries
    samples = window.samples
    shown = np.zeros(len(rows), np.uint8) if symmetry is None else symmetry
    _, height, width = window.game.observation_shape
    planes, scalars, legal, policy = _core.draw_batch(
        planes=samples.planes,
        height=height,
        width=width,
        scalars=samples.scalars,
        legal_start=samples.legal_start,
        legal_action=samples.legal_action,
        policy_start=samples.policy_start,
        policy_action=samples.policy_action,
        policy_prob_bits=samples.policy_prob.view(np.uint16),
        cell_map=maps.cell_map,
        action_map=maps.action_map,
        rows=rows,
        symmetry=shown,
        threads=threads,
    )
    batch = rows if whole is None else whole
    start = samples.policy_start
    action_prob = samples.action_prob[rows]
    if num_padding:  # no policy, and no choice: neither loss nor entropy
        policy[-num_padding:] = 0
        legal[-num_padding:] = 0
        legal[-num_padding:, 0] = 1
        action_prob[-num_padding:] = 0
    return SampleRows(
        planes_BHWC=planes,
        scalars_BS=scalars,
        legal_BA=legal.view(np.bool_),
        policy_BA=policy,
        action_B=maps.action_map[shown, samples.action[rows]].astype(np.int64),
        action_prob_B=action_prob,
        search_value_B=samples.search_value[rows],
        result_B=samples.result[rows],
        batch_samples=len(batch),
        batch_policies=int(np.count_nonzero(start[batch + 1] > start[batch])),
        num_padding=num_padding,
    )


def rows_of_rank(num_rows: int, rank: int, num_ranks: int) -> tuple[int, int]:
    """Returns first and end of a rank's slice of a batch: sizes differ by at most one."""
    return rank * num_rows // num_ranks, (rank + 1) * num_rows // num_ranks


class BatchSampler:
    """Iterates over the batches of one loop of training; a thread prepares them ahead.

    Rows come in passes, each in a new random order, so that within a loop no sample is drawn twice
    more often than another. Batches depend only on (window, rows, batch size, seed, loop).

    Of several ranks each draws its slice of every batch: together they draw exactly what one
    process would, each sample once, whatever their number.
    """

    def __init__(
        self,
        window: SampleWindow,
        rows: npt.NDArray[np.int64],
        *,
        batch_size: int,
        num_batches: int | None,
        seed: int,
        loop: int,
        symmetries: bool = True,
        threads: int = 1,
        num_prefetch: int = 4,
        first_batch: int = 0,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        """Draws from `rows` of the window, at least one.

        Args:
          batch_size: of all ranks together.
          num_batches: to be made; None: those that are left of one pass, the last of them smaller.
          first_batch: number of the first one that is made: where a loop was left off.
          rank, num_ranks: whose slice of each batch is drawn.
          symmetries: show each sample under a symmetry of the game drawn anew each time.
          threads: of the core, for each batch.
          num_prefetch: batches made ahead.
        Raises: ValueError without rows.
        """
        if len(rows) == 0:
            raise ValueError("no rows to draw from")
        self._window = window
        self._rows = rows
        self._batch_size = batch_size
        self._is_one_pass = num_batches is None
        if num_batches is None:
            num_batches = max(0, -(-len(rows) // batch_size) - first_batch)
        self._num_batches = num_batches
        self._first_batch = first_batch
        self._rank, self._num_ranks = rank, num_ranks
        self._seed = [seed, loop]
        self._maps = symmetries_of(window.game) if symmetries else identity(window.game)
        self._threads = threads
        self._num_prefetch = num_prefetch

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[SampleRows]:
        return prefetched(self._batches(), self._num_prefetch)

    def _batches(self) -> Iterator[SampleRows]:
        rng = np.random.default_rng(self._seed)
        waiting = rng.permutation(self._rows)
        for number in range(self._first_batch + self._num_batches):
            while len(waiting) < self._batch_size and not self._is_one_pass:
                waiting = np.concatenate([waiting, rng.permutation(self._rows)])
            rows, waiting = waiting[: self._batch_size], waiting[self._batch_size :]
            symmetry = rng.integers(0, len(self._maps), len(rows), np.uint8)
            if number >= self._first_batch:
                yield self._draw(rows, symmetry)

    def _draw(self, rows: npt.NDArray[np.int64], symmetry: npt.NDArray[np.uint8]) -> SampleRows:
        """A rank's slice, filled up to the size of the largest."""
        first, end = rows_of_rank(len(rows), self._rank, self._num_ranks)
        own = np.arange(first, end)
        num_padding = -(-len(rows) // self._num_ranks) - len(own)
        own = np.concatenate([own, np.zeros(num_padding, np.int64)])
        return draw(
            self._window,
            rows[own],
            symmetries=self._maps,
            symmetry=symmetry[own],
            threads=self._threads,
            whole=rows,
            num_padding=num_padding,
        )
