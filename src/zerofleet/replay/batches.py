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

    def __len__(self) -> int:
        return len(self.result_B)


def draw(
    window: SampleWindow,
    rows: npt.NDArray[np.int64],
    *,
    symmetries: Symmetries | None = None,
    symmetry: npt.NDArray[np.uint8] | None = None,
    threads: int = 1,
) -> SampleRows:
    """Returns the samples `rows` of the window, made by threads of the core.

    Args:
      symmetries, symmetry: u8 [B] which of the symmetries each is shown under; None: as it is.
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
    return SampleRows(
        planes_BHWC=planes,
        scalars_BS=scalars,
        legal_BA=legal.view(np.bool_),
        policy_BA=policy,
        action_B=maps.action_map[shown, samples.action[rows]].astype(np.int64),
        action_prob_B=samples.action_prob[rows],
        search_value_B=samples.search_value[rows],
        result_B=samples.result[rows],
    )


class BatchSampler:
    """Iterates over the batches of one loop of training; a thread prepares them ahead.

    Rows come in passes, each in a new random order, so that within a loop no sample is drawn twice
    more often than another. Batches depend only on (window, rows, batch size, seed, loop).
    """

    def __init__(
        self,
        window: SampleWindow,
        rows: npt.NDArray[np.int64],
        *,
        batch_size: int,
        num_batches: int,
        seed: int,
        loop: int,
        symmetries: bool = True,
        threads: int = 1,
        num_prefetch: int = 4,
    ) -> None:
        """Draws from `rows` of the window, at least one.

        Args:
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
        self._num_batches = num_batches
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
        waiting = np.zeros(0, np.int64)
        for _ in range(self._num_batches):
            while len(waiting) < self._batch_size:
                waiting = np.concatenate([waiting, rng.permutation(self._rows)])
            rows, waiting = waiting[: self._batch_size], waiting[self._batch_size :]
            symmetry = rng.integers(0, len(self._maps), len(rows), np.uint8)
            yield draw(
                self._window,
                rows,
                symmetries=self._maps,
                symmetry=symmetry,
                threads=self._threads,
            )
