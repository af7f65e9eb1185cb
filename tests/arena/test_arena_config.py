"""The arena's configuration refuses what cannot be played."""

import pytest
from pydantic import ValidationError

from zerofleet.arena.config import ArenaConfig


def test_defaults() -> None:
    config = ArenaConfig()
    assert config.eval_games == 100
    assert config.opponents == ()  # those that fit the game


def test_an_odd_number_of_games_is_refused_with_the_nearest_even_one() -> None:
    with pytest.raises(ValidationError, match="came 99, try 100"):
        ArenaConfig(eval_games=99)


def test_opponents_are_distinct() -> None:
    with pytest.raises(ValidationError, match="different opponents; came"):
        ArenaConfig(opponents=("random", "random"))


def test_every_so_many_versions_are_rated_and_the_last() -> None:
    config = ArenaConfig(every=5)
    assert [i for i in range(13) if config.is_due(i, max_loops=12)] == [0, 5, 10, 12]
    assert not any(ArenaConfig(eval_games=0).is_due(i, max_loops=12) for i in range(13))
