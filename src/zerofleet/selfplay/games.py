"""Training games by alpha-beta: one call plays a batch in the core, on all threads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.search.config import AlphaBetaConfig
from zerofleet.selfplay.config import SelfplayConfig


@dataclass(frozen=True)
class GeneratedGames:
    """A batch of finished games and what it cost."""

    arrays: dict[str, NDArray[np.generic]]
    """The arrays of a shard but `meta` (docs/formats.md), games in order of their number."""
    games: int
    plies: int
    quiet: int
    """Plies flagged quiet: what the trainer learns from."""
    nodes: int
    """Positions entered by search."""
    evaluations: int
    seconds: float


def generate_games(
    game: str,
    network: _core.NnueNetwork | None,
    search: AlphaBetaConfig,
    selfplay: SelfplayConfig,
    *,
    seed: int,
    first_game: int,
    num_games: int,
    threads: int = 1,
    progress: _core.GamesProgress | None = None,
) -> GeneratedGames:
    """Plays games `first_game` .. `first_game + num_games - 1`; the GIL is released meanwhile.

    A game depends on network, settings, seed and its number alone, never on threads, on the batch
    it is part of or on the processor.

    Args:
      network: None for the hand-written heuristic.
      seed: 0 .. 2**64 - 1, of the run and worker.
      progress: counters to read from another thread. After `progress.request_stop()` games under
        way are dropped and only the finished ones come back, perhaps with gaps in their numbers.
    Raises: ValueError for an unknown game, a setting out of range, a network of another game.
    """
    result = _core.generate_games(
        game,
        network,
        seed=seed,
        first_game=first_game,
        num_games=num_games,
        threads=threads,
        progress=progress,
        **search.model_dump(),
        **selfplay.model_dump(exclude={"games_per_batch"}),
    )
    return GeneratedGames(**result)
