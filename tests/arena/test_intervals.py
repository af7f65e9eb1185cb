"""Score intervals have honest width, also at the ends."""

import math

import numpy as np
import pytest

from zerofleet.arena.intervals import (
    elo_from_score,
    expected_score,
    pair_interval,
)


def test_elo_and_score_are_inverse() -> None:
    for score in (0.1, 0.5, 0.64, 0.99):
        assert expected_score(elo_from_score(score)) == pytest.approx(score)
    assert elo_from_score(1.0) == math.inf
    assert elo_from_score(0.0) == -math.inf


@pytest.mark.parametrize("pairs", [(0, 0, 0, 0, 50), (0, 0, 50, 0, 0), (50, 0, 0, 0, 0)])
def test_one_sided_matches_have_width(pairs: tuple[int, ...]) -> None:
    interval = pair_interval(pairs)
    assert 0.01 < interval.high - interval.low < 0.1
    assert interval.low <= interval.value <= interval.high


@pytest.mark.parametrize(
    "shares",
    [(0.2, 0.1, 0.4, 0.1, 0.2), (0.0, 0.05, 0.3, 0.25, 0.4), (0.0, 0.01, 0.05, 0.04, 0.9)],
)
def test_pair_intervals_cover_the_truth(shares: tuple[float, ...]) -> None:
    rng = np.random.default_rng(3)
    truth = float(np.dot(shares, (0, 0.25, 0.5, 0.75, 1)))
    intervals = [pair_interval([int(n) for n in rng.multinomial(50, shares)]) for _ in range(2000)]
    covered = np.mean([i.low <= truth <= i.high for i in intervals])
    assert 0.93 <= covered <= 0.99


def test_bad_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="five counts"):
        pair_interval((1, 2, 3))
