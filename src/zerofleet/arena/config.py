"""How each new version of a run is rated."""

from pydantic import Field, field_validator

from zerofleet.run.frozen import FrozenModel


class ArenaConfig(FrozenModel):
    """Matches that new model versions play."""

    eval_games: int = Field(default=100, ge=0)
    """Games against each opponent; even, since every opening is played with both colours; 0
    switches rating off. Games for one player: games of the new version."""
    every: int = Field(default=1, ge=1)
    """Versions from one rating to the next; that of `pacing.max_loops` is always rated. More leaves
    more of the processors to self-play where loops are short: a rating is a process that loads
    everything anew."""
    final_games: int = Field(default=200, ge=0)
    """Games against each fixed opponent when `zerofleet train` ends, kept as the rating of the last
    version; even; 0: the last rating is shown instead."""
    depth: int = Field(default=2, ge=1, le=64)
    """Plies the network searches in these games (alpha-beta). Shallow, so that the network is rated
    and not the search, and so that hundreds of games take seconds."""
    num_simulations: int = Field(default=16, ge=0, le=10_000_000)
    """Simulations of each of its moves in these games, if the network is searched by trees; 0: its
    most probable move."""
    opponents: tuple[str, ...] = ()
    """Fixed opponents, in the short texts of `load_player`. The first is the anchor of the Elo
    scale (rated 0). Empty: those that fit the game; random, greedy, minimax:2 and minimax:4 where
    there is a hand-written evaluation, random and expectimax:1 where one player has a score to
    look at, else random and mcts:100."""
    num_previous: int = Field(default=2, ge=0)
    """Earlier versions to play, counted back in powers of two: 1, 2, 4, ... ago among those that
    were rated. Games of two players."""
    opening_plies: int = Field(default=4, ge=0)
    """Random plies before the players take over; longer openings fill up where a game has too few
    distinct ones of this length. Games of two players."""
    gate_games: int = Field(default=0, ge=0)
    """Games that the net of a loop plays against the published version before it may take its
    place; even; 0: every net is published. With `gate_sprt`: at most so many."""
    gate_score: float = Field(default=0.55, gt=0, le=1)
    """Share of the points it needs (Silver et al. 2017: 0.55)."""
    gate_sprt: tuple[float, float] | None = None
    """Instead of a share: Elo differences of a sequential test, [0, 20]; the net is published if
    the second one is accepted, with 5 % for either error."""
    seed: int = Field(default=0, ge=0)
    """Seed of openings and of ties between equal moves. The same seed and versions give the same
    games."""

    def is_due(self, iteration: int, max_loops: int) -> bool:
        """Whether the version of this iteration (0: the first version) is rated."""
        return self.eval_games > 0 and (iteration % self.every == 0 or iteration == max_loops)

    @field_validator("eval_games", "final_games", "gate_games")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(
                f"expected an even number of games (every opening is played with both colours); "
                f"came {value}, try {value + 1}"
            )
        return value

    @field_validator("opponents")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"expected different opponents; came {list(value)}")
        return value
