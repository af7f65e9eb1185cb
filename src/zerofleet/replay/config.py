"""What the trainer remembers."""

from typing import Literal

from pydantic import Field

from zerofleet.run.frozen import FrozenModel

FREE_POSITIONS = 100_000
"""A window may be this large from the start."""


class ReplayConfig(FrozenModel):
    """The window of positions."""

    max_positions: int = Field(default=2_000_000, ge=1)
    """The newest positions that are kept; the oldest are dropped first."""
    max_share: float = Field(default=0.5, gt=0, le=1)
    """Share of all positions of the run so far that the window may hold, so that it grows with the
    run and the games of the first, weak versions leave it soon. 100,000 positions it may always
    hold."""
    keep: Literal["window", "all"] = "window"
    """Shards in `consumed/`: delete those that left the window, or keep all."""

    def window_limit(self, num_positions: int) -> int:
        """Positions the window may hold after `num_positions` of the whole run."""
        grown = max(FREE_POSITIONS, round(self.max_share * num_positions))
        return min(self.max_positions, grown)
