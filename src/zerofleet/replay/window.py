"""The window: the newest positions of the run, packed, with what is needed to learn from them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.games import load_game

SEED_VERSION = 0
"""Model version of positions that did not come from a worker."""


@dataclass(frozen=True)
class PositionBatch:
    """Positions of one source, oldest first: a shard, or a file of seed data.

    Legend: N positions, P bytes of a packed position. Values are the mover's, in [-1, 1].
    """

    source: str
    """Name of the shard or file."""
    model_version: int
    """Version that played them; 0 for seed data."""
    packed: npt.NDArray[np.uint8]
    """[N, P]."""
    search_value: npt.NDArray[np.float32]
    """[N]; NaN where there was no search."""
    result: npt.NDArray[np.float32]
    """[N]."""
    is_validation: npt.NDArray[np.bool_]
    """[N]; whole games at a time (replay/split.py)."""

    def __len__(self) -> int:
        return len(self.packed)


@dataclass(frozen=True)
class SourceInWindow:
    """What is left of one source."""

    name: str
    model_version: int
    num_positions: int
    """Newest positions of the source still in the window."""


def newest_sources(
    old: Sequence[SourceInWindow], new: Sequence[SourceInWindow], max_positions: int
) -> tuple[tuple[SourceInWindow, ...], int]:
    """Appends sources and drops the oldest positions beyond `max_positions`.

    Returns: what is left, and how many positions of old and new together were dropped: that many
      rows go from the front.
    Raises: ValueError naming a source that is there already.
    """
    sources = [*old, *new]
    counts = Counter(source.name for source in sources)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise ValueError(f"already in the window: {', '.join(twice)}")
    num_dropped = max(0, sum(s.num_positions for s in sources) - max_positions)
    left, excess = [], num_dropped
    for source in sources:
        dropped = min(excess, source.num_positions)
        excess -= dropped
        if source.num_positions > dropped:
            left.append(replace(source, num_positions=source.num_positions - dropped))
    return tuple(left), num_dropped


@dataclass(frozen=True)
class Window:
    """Immutable: `extended` returns the next one. Oldest positions first.

    Rebuilding after a crash: `Window.from_sources` over the same sources in the same order gives
    the same window, as only whole positions at the old end are ever dropped.
    """

    game: str
    max_positions: int
    packed: npt.NDArray[np.uint8]
    search_value: npt.NDArray[np.float32]
    result: npt.NDArray[np.float32]
    is_validation: npt.NDArray[np.bool_]
    bucket: npt.NDArray[np.uint8]
    """[N] layer stack of each position."""
    num_buckets: int
    """Layer stacks of the net that learns from it."""
    sources: tuple[SourceInWindow, ...]
    """Oldest first; their counts sum to the number of positions."""

    @classmethod
    def empty(cls, game: str, *, max_positions: int, num_buckets: int = 4) -> "Window":
        """Returns a window without positions."""
        packed_bytes = load_game(game).packed_bytes
        return cls(
            game=game,
            max_positions=max_positions,
            packed=np.zeros((0, packed_bytes), np.uint8),
            search_value=np.zeros(0, np.float32),
            result=np.zeros(0, np.float32),
            is_validation=np.zeros(0, np.bool_),
            bucket=np.zeros(0, np.uint8),
            num_buckets=num_buckets,
            sources=(),
        )

    @classmethod
    def from_sources(
        cls,
        game: str,
        batches: Iterable[PositionBatch],
        *,
        max_positions: int,
        num_buckets: int = 4,
    ) -> "Window":
        """Returns the window after these sources, oldest first."""
        window = cls.empty(game, max_positions=max_positions, num_buckets=num_buckets)
        return window.extended(list(batches))

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def num_symmetries(self) -> int:
        """Symmetries of the game's board, the identity included."""
        return int(load_game(self.game).symmetries)

    @property
    def training_rows(self) -> npt.NDArray[np.int64]:
        """Rows i64 to learn from."""
        return np.flatnonzero(~self.is_validation)

    @property
    def validation_rows(self) -> npt.NDArray[np.int64]:
        """Rows i64 kept out of training."""
        return np.flatnonzero(self.is_validation)

    def extended(self, batches: Sequence[PositionBatch]) -> "Window":
        """Returns the window with newer positions, the oldest dropped beyond `max_positions`."""
        new = [SourceInWindow(b.source, b.model_version, len(b)) for b in batches]
        sources, first = newest_sources(self.sources, new, self.max_positions)
        buckets = [self._buckets(batch.packed) for batch in batches]

        def join(old: npt.NDArray[np.generic], new: list[npt.NDArray[np.generic]]) -> object:
            return np.concatenate([old, *new])[first:]

        return Window(
            game=self.game,
            max_positions=self.max_positions,
            packed=join(self.packed, [b.packed for b in batches]),  # type: ignore[arg-type]
            search_value=join(self.search_value, [b.search_value for b in batches]),  # type: ignore[arg-type]
            result=join(self.result, [b.result for b in batches]),  # type: ignore[arg-type]
            is_validation=join(self.is_validation, [b.is_validation for b in batches]),  # type: ignore[arg-type]
            bucket=join(self.bucket, buckets),  # type: ignore[arg-type]
            num_buckets=self.num_buckets,
            sources=sources,
        )

    def _buckets(self, packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        identity = np.zeros(len(packed), np.uint8)
        return _core.encode_features(self.game, packed, identity, self.num_buckets)[2]
