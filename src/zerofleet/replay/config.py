"""What the trainer remembers."""

from typing import Literal

from pydantic import Field

from zerofleet.run.frozen import FrozenModel

FREE_POSITIONS = 100_000
"""A window may be this large from the start."""
_FIRST_SHARE = 0.4  # KataGo's beta: share of the new samples by which the window first grows


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


class SampleReplayConfig(FrozenModel):
    """The window of samples of nets with policy and value, and how often each is learned from.

    Two knobs: `growth` says how much of the past stays, `passes_per_sample` how hard it is learned.
    """

    growth: float = Field(default=0.75, gt=0, le=1)
    """After N samples of the run the window holds the newest of about N ** growth: 1 keeps a fixed
    share, less forgets the weak first versions sooner. KataGo's (Wu 2019, appendix C)."""
    passes_per_sample: float = Field(default=2.0, gt=0)
    """Times each new sample is drawn on average before training waits for more games; on processors
    not above 2, where a sample costs as much as 14 evaluations of self-play."""
    min_positions: int = Field(default=50_000, ge=1)
    """The window keeps everything up to here; where `growth` begins."""
    max_positions: int = Field(default=1_000_000, ge=1)
    """The window never holds more: a bound of memory (docs/learning.md gives bytes a sample)."""
    keep: Literal["window", "all"] = "window"
    """Shards in `consumed/`: delete those that left the window, or keep all."""

    def window_limit(self, num_positions: int) -> int:
        """Samples the window may hold after `num_positions` of the whole run.

        Source: Wu 2019 (KataGo), appendix C: c * (1 + 0.4 * ((N / c) ** growth - 1) / growth), of
          which the newest sample takes 0.4 at N = c.
        """
        start = self.min_positions
        if num_positions <= start:
            return min(start, self.max_positions)
        grown: float = (num_positions / start) ** self.growth
        limit = start * (1 + _FIRST_SHARE * (grown - 1) / self.growth)
        return min(self.max_positions, round(limit))

    def steps_due(self, num_positions: int, num_drawn: int, *, batch_size: int) -> int:
        """Steps that may be taken now.

        Args:
          num_positions: of the whole run so far, those kept for validation not counted.
          num_drawn: samples drawn in the whole run so far, in batches of any size.
        """
        return max(0, int((self.passes_per_sample * num_positions - num_drawn) / batch_size))
