"""The seam between search and nets: leaves go out as one batch, priors and values come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core


@dataclass(frozen=True)
class LeafBatch:
    """Positions to be evaluated. B rows, L legal actions in all of them together."""

    planes: NDArray[Any]
    """uint8 [B, C, ceil(H * W / 8)]: cell i of a plane, row-major, is bit i % 8 of byte i / 8.
    Games with real-valued observations: float32 [B, C, H, W]."""
    scalars: NDArray[np.float32]
    """float32 [B, S]."""
    legal_start: NDArray[np.int64]
    """int64 [B + 1]: row b has `legal_action[legal_start[b]:legal_start[b + 1]]`."""
    legal_action: NDArray[np.int32]
    """int32 [L], in the game's own order within a row."""

    def __len__(self) -> int:
        return len(self.legal_start) - 1

    @classmethod
    def concatenated(cls, parts: Sequence["LeafBatch"]) -> "LeafBatch":
        """The rows of all parts, at least one of them, one after the other."""
        counts = np.concatenate([np.diff(part.legal_start) for part in parts])
        starts = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=starts[1:])
        return cls(
            np.concatenate([part.planes for part in parts]),
            np.concatenate([part.scalars for part in parts]),
            starts,
            np.concatenate([part.legal_action for part in parts]),
        )


@dataclass(frozen=True)
class Evaluation:
    """What a net thinks of a batch."""

    prior: NDArray[np.float32]
    """float32 [L]: probabilities of the legal actions, in their order; each row sums to 1."""
    value: NDArray[np.float32]
    """float32 [B], mover's view, in [-1, 1]."""
    wdl: NDArray[np.float32] | None = None
    """float32 [B, 3]: probabilities of win, draw and loss of the mover, where the net has them."""


class Evaluator(Protocol):
    """A net, or what stands for one. Each row's answer is a function of that row alone."""

    def __call__(self, batch: LeafBatch, /) -> Evaluation:
        """Evaluates all rows."""


def uniform_evaluator(batch: LeafBatch, /) -> Evaluation:
    """Knows nothing: equal priors and value 0. Search then finds what the rules alone decide."""
    counts = np.diff(batch.legal_start)
    prior = np.repeat((1.0 / counts).astype(np.float32), counts)
    return Evaluation(prior, np.zeros(len(batch), np.float32))


def random_evaluator(batch: LeafBatch, /) -> Evaluation:
    """Sharp random priors and values in (-0.6, 0.6), a function of each row alone.

    Search trees become as deep as those of a trained net: for benchmarks and tests.
    """
    return Evaluation(
        *_core.fake_net(batch.planes, batch.scalars, batch.legal_start, batch.legal_action)
    )
