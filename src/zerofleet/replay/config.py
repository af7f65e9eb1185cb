"""What the trainer remembers."""

from typing import Literal

from pydantic import Field

from zerofleet.run.frozen import FrozenModel


class ReplayConfig(FrozenModel):
    """The window of positions."""

    max_positions: int = Field(default=2_000_000, ge=1)
    """The newest positions that are kept; the oldest are dropped first."""
    keep: Literal["window", "all"] = "window"
    """Shards in `consumed/`: delete those that left the window, or keep all."""
