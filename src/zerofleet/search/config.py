"""Settings of the searches."""

from pydantic import Field

from zerofleet.run.frozen import FrozenModel


class AlphaBetaConfig(FrozenModel):
    """Alpha-beta over an NNUE net (docs/alphabeta.md)."""

    depth: int = Field(default=8, ge=1, le=100)
    """Plies searched before quiescence; a game near its end is searched to the end."""
    nodes: int = Field(default=0, ge=0)
    """Positions a search may enter, exact, so that games stay reproducible; 0: no limit. Whichever
    of depth and nodes comes first; one ply is always finished."""
    reductions: bool = True
    """Late-move reductions: moves late in the order are searched less deeply until they prove
    better than expected. Off: the value is exactly that of plain minimax."""
    quiescence: bool = True
    """Follow moves that win a small board or the game beyond the depth limit."""
    aspiration: int = Field(default=96, ge=0, le=30_000)
    """Half-width of the first window around the last iteration's score, in score units (512 are one
    logit of the win probability); 0: always full windows. Changes time, never the value of a search
    without reductions."""
    table_kib: int = Field(default=512, ge=1, le=1 << 20)
    """Size of a thread's transposition table, KiB, rounded down to a power of two. Cleared for
    every game, so bigger is not faster."""
