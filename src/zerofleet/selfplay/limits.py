"""Settings that are refused for one game and not for another, told before anybody plays."""

import bisect
from typing import Any

from zerofleet import _core
from zerofleet.search.alphabeta import alphabeta_spec
from zerofleet.search.config import AlphaBetaConfig, MctsConfig
from zerofleet.selfplay.config import PlayConfig, SelfplayConfig
from zerofleet.selfplay.pool import Pool

_MOST_CACHE_MIB = 1024
"""More than any game needs at least."""


def check_tree_settings(game: Any, search: MctsConfig, play: PlayConfig) -> None:
    """Raises ValueError, naming the key, for settings with which a pool cannot play the game.

    Args:
      game: as `load_game` returns it.
    """
    one = play.model_copy(update={"num_parallel_games": 1})

    def try_cache(mib: int) -> None:
        Pool(game, search.model_copy(update={"cache_mib": mib}), one)

    def fits(mib: int) -> bool:
        try:
            try_cache(mib)
        except ValueError:
            return False
        return True

    _with_keys(lambda: try_cache(0), search, play)
    mib = min(search.cache_mib, _MOST_CACHE_MIB)  # the memory itself is the worker's part
    if fits(mib):
        return
    sizes = range(mib, _MOST_CACHE_MIB)
    least = sizes[bisect.bisect_left(sizes, True, key=fits)]
    raise ValueError(
        f"search.cache_mib: {game.spec} needs at least {least}, got {search.cache_mib}; or 0 for "
        "no evaluation cache"
    )


def check_alphabeta_settings(game: Any, search: AlphaBetaConfig, play: SelfplayConfig) -> None:
    """The same for a game that alpha-beta plays.

    Args:
      game: as `load_game` returns it, or its name with its options.
    """

    def try_none() -> None:
        _core.generate_games(
            alphabeta_spec(game),
            None,
            seed=0,
            first_game=0,
            num_games=0,
            **search.model_dump(),
            **play.model_dump(exclude={"games_per_batch"}),
        )

    _with_keys(try_none, search, play)


def _with_keys(attempt: Any, search: Any, play: Any) -> None:
    """The core names a setting first in what it says, without its section."""
    try:
        attempt()
    except ValueError as error:
        text = str(error)
        name = text.partition(" ")[0]
        for section, config in (("search", search), ("selfplay", play)):
            if name in type(config).model_fields:
                raise ValueError(f"{section}.{text}") from None
        raise
