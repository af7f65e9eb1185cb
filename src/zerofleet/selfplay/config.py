"""Settings of self-play."""

from pydantic import Field

from zerofleet.run.frozen import FrozenModel


class SelfplayConfig(FrozenModel):
    """How training games are played and recorded (docs/alphabeta.md)."""

    games_per_batch: int = Field(default=1000, ge=1)
    """Games in a shard. Larger: fewer files; smaller: the trainer hears sooner, less is lost when a
    worker dies."""
    num_random_plies: int = Field(default=8, ge=0)
    """Uniformly random plies at the start of each game. Their last positions are distinct
    (symmetries folded) within every 1,024 games; where a game has too few, some repeat."""
    temperature: float = Field(default=0.0, ge=0.0, le=100.0)
    """Moves are drawn with probability proportional to exp(score / (512 * temperature)), 512 score
    units being one logit of the win probability; 0: always the best move."""
    temperature_plies: int = Field(default=0, ge=0)
    """Plies after the random ones on which `temperature` applies. Such a ply searches every move
    with a full window, which takes several times as long."""
    adjudicate: bool = True
    """End a game once its result is forced: search has found it and it has been proven again from
    the rules alone. Off: every game is played to its end. Results are the same either way if both
    sides play the forced line out."""
    proof_nodes: int = Field(default=20_000, ge=0)
    """Positions one such proof may enter; a longer one is given up and the game goes on."""
