"""Settings of self-play."""

from typing import Any, Literal

from pydantic import Field

from zerofleet.nets.config import Precision
from zerofleet.run.frozen import MAX_INT, FrozenModel
from zerofleet.search.config import AlphaBetaConfig, MctsConfig


class SelfplayConfig(FrozenModel):
    """How training games are played and recorded (docs/alphabeta.md)."""

    games_per_batch: int = Field(default=1000, ge=1, le=1_000_000)
    """Games in a shard. Larger: fewer files; smaller: the trainer hears sooner, less is lost when a
    worker dies."""
    num_random_plies: int = Field(default=8, ge=0, le=MAX_INT)
    """Uniformly random plies at the start of each game. Their last positions are distinct
    (symmetries folded) within every 1,024 games; where a game has too few, some repeat."""
    temperature: float = Field(default=0.0, ge=0.0, le=100.0)
    """Moves are drawn with probability proportional to exp(score / (512 * temperature)), 512 score
    units being one logit of the win probability; 0: always the best move."""
    temperature_plies: int = Field(default=0, ge=0, le=MAX_INT)
    """Plies after the random ones on which `temperature` applies. Such a ply searches every move
    with a full window, which takes several times as long."""
    adjudicate: bool = True
    """End a game once its result is forced: search has found it and it has been proven again from
    the rules alone. Off: every game is played to its end. Results are the same either way if both
    sides play the forced line out."""
    proof_nodes: int = Field(default=20_000, ge=0, le=10**15)
    """Positions one such proof may enter; a longer one is given up and the game goes on."""

    def recorded(self, search: AlphaBetaConfig) -> dict[str, Any]:
        """How games are searched and played, as their shards say it."""
        play = self.model_dump(mode="json", exclude={"games_per_batch"})
        return {**search.model_dump(mode="json"), **play}


class PlayConfig(FrozenModel):
    """How games of tree search are played and recorded (docs/self_play.md)."""

    games_per_batch: int = Field(default=100, ge=1, le=1_000_000)
    """Games in a shard. Larger: fewer files; smaller: the trainer hears sooner, less is lost when a
    worker dies."""
    num_parallel_games: int = Field(default=1024, ge=1, le=1_000_000)
    """Games at once in a pool, both halves together; with `leaves_per_round` of the search it sets
    the batch of the net. Never changes a game."""
    precision: Precision = "auto"
    """In what the workers' processors compute the net: bf16, f32, or int8, which is the fastest and
    the coarsest and needs OpenVINO (docs/nets.md says when to use it); auto: bf16 where the
    processor has it, else f32. int8 is auto on processors without VNNI. GPUs compute in bf16,
    whatever it is. Ratings, matches and engines: auto."""
    num_random_plies: int = Field(default=0, ge=0, le=MAX_INT)
    """Uniformly random moves at the start of each game; tree search has noise and temperature
    instead. An opening in which the game ends is drawn again."""
    temperature: float = Field(default=1.0, ge=0.0, le=100.0)
    """In the opening a move is drawn with probability proportional to policy ** (1 / temperature);
    the policy is that of the search, pruned visits or completed Q-values; 0: always the best."""
    temperature_plies: int = Field(default=30, ge=0, le=MAX_INT)
    """The players' moves of that opening, after the random ones; then the best is played (Silver et
    al. 2017: 30 in Go; 2018: all of chess), or what `final_temperature` says. With Gumbel the best
    is drawn by its noise."""
    final_temperature: float = Field(default=0.0, ge=0.0, le=100.0)
    """Temperature after that opening."""
    temperature_decay: Literal["step", "linear"] = "step"
    """How it gets there: at once, or evenly from the first move of the opening on."""
    resign_below: float = Field(default=-1.0, ge=-1.0, le=0.0)
    """A player resigns when both the search value and the value of the move played are below this,
    mover's view (Silver et al. 2017, Methods); -1: nobody does. Off in games of one player."""
    resign_moves: int = Field(default=3, ge=1, le=MAX_INT)
    """Moves in a row on which that must hold."""
    resign_play_on: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of the games that are played to their end all the same, drawn for each game: the share
    of those the resigner would not have lost is the false-positive rate (Silver et al. 2017: 0.1,
    and below 5 %)."""
    max_plies: int = Field(default=0, ge=0, le=MAX_INT)
    """A game this long, chance outcomes included, is stopped: a draw (see `length_result`), or the
    score reached in games of one player; 0: as long as the rules allow."""
    length_result: Literal["draw", "board_value"] = "draw"
    """What a game that `max_plies` stops counts. board_value: a win for the side ahead by at least
    one logit of the value that `greedy` sees (in chess three pawns), else a draw. Young nets seldom
    finish games and learn little from draws. In chess, Othello and Go."""

    def core_options(self) -> dict[str, Any]:
        """What the core takes as settings of play."""
        return self.model_dump(exclude={"games_per_batch", "num_parallel_games", "precision"})

    def recorded(self, search: MctsConfig) -> dict[str, Any]:
        """How games are searched and played, as their shards say it."""
        return {"search": search.model_dump(), "play": self.core_options()}
