"""Shapes of the nets. No torch here: workers read these too."""

from pydantic import Field

from zerofleet.run.frozen import FrozenModel


class NnueConfig(FrozenModel):
    """Sizes of the efficiently updatable net (docs/nnue.md draws it)."""

    num_accumulators: int = Field(default=256, ge=32, le=2048, multiple_of=32)
    """Accumulator cells of each side's view (A)."""
    num_hidden1: int = Field(default=32, ge=4, le=128, multiple_of=4)
    """Units of the first int8 layer (H1), which reads both views."""
    num_hidden2: int = Field(default=32, ge=4, le=128, multiple_of=4)
    """Units of the second int8 layer (H2)."""
    num_buckets: int = Field(default=4, ge=1, le=16)
    """Layer stacks (B); the number of pieces on the board chooses one."""
