"""Scores of a match with 95 % intervals, and what they are in Elo."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""

PAIR_SCORES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Mean score of a pair of games for each of the five (pentanomial) outcomes."""


def expected_score(difference_elo: float) -> float:
    """Returns the score in [0, 1] that the logistic Elo curve expects at this rating difference."""
    return 1.0 / (1.0 + math.pow(10.0, -difference_elo / 400.0))


def elo_from_score(score: float) -> float:
    """Returns the rating difference that this score in [0, 1] stands for; 0 and 1 are -inf, inf."""
    if score <= 0.0:
        return -math.inf
    if score >= 1.0:
        return math.inf
    return -400.0 * math.log10(1.0 / score - 1.0)


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; `low <= value <= high`."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"

    def as_elo(self) -> "Interval":
        """Returns the same statement about a score, as a rating difference; bounds may be inf."""
        return Interval(*(elo_from_score(s) for s in (self.value, self.low, self.high)))


def pair_interval(pairs: Sequence[int]) -> Interval:
    """Returns the mean score of a match of game pairs, with its 95 % interval.

    Two games of one opening are not independent (who stands better wins twice with swapped
    colours or both win once), so the variance is taken over pairs, as fishtest does. Two imaginary
    pairs, one won 2-0 and one lost 0-2, are added for centre and variance of the interval (Agresti
    and Coull 1998, "add two successes and two failures"), so that a perfect score or a match of
    draws alone has an interval of honest width; the value itself is the plain mean.

    Args:
      pairs: five counts of pairs by their points: 0, 1/2, 1, 3/2, 2.
    """
    if len(pairs) != 5 or min(pairs) < 0 or sum(pairs) == 0:
        raise ValueError(
            f"expected five counts of pairs (0, 1/2, 1, 3/2, 2 points), at least one pair in all; "
            f"came {list(pairs)}"
        )
    value = sum(n * s for n, s in zip(pairs, PAIR_SCORES, strict=True)) / sum(pairs)
    centre, error = _padded_mean(pairs)
    half = Z95 * error
    return Interval(value, min(value, max(0.0, centre - half)), max(value, min(1.0, centre + half)))


def pair_superiority(pairs: Sequence[int]) -> float:
    """Returns the likelihood in [0, 1] that the player of a match of game pairs is the stronger.

    The share of the normal distribution above one half, with mean and variance over pairs and the
    two imaginary pairs of `pair_interval`.

    Args:
      pairs: five counts of pairs by their points: 0, 1/2, 1, 3/2, 2.
    """
    mean, error = _padded_mean(pairs)
    return normal_cdf((mean - 0.5) / error)


def _padded_mean(pairs: Sequence[int]) -> tuple[float, float]:
    """Mean score and its standard error with two imaginary pairs, one won and one lost."""
    padded = [pairs[0] + 1, *pairs[1:4], pairs[4] + 1]
    total = sum(padded)
    mean = sum(n * s for n, s in zip(padded, PAIR_SCORES, strict=True)) / total
    variance = sum(n * (s - mean) ** 2 for n, s in zip(padded, PAIR_SCORES, strict=True)) / total
    return mean, math.sqrt(variance / total)


def normal_cdf(x: float) -> float:
    """Returns the probability that a standard normal variable is below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
