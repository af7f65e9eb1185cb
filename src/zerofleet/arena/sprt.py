"""Sequential probability ratio test of a match: play until it is decided which of two is true.

H0: the player is `elo0` stronger than its opponent; H1: it is `elo1` stronger. After each pair of
games (one opening, both colours) the log-likelihood ratio is compared with two bounds (Wald 1945).
The distribution of the five results of a pair is not known; its place is taken by the most likely
one under each hypothesis (generalised SPRT; Van den Bergh, "A Practical Introduction to the GSPRT",
"Comments on Normalized Elo", section 4.1). The numbers are those that fishtest publishes.

Legend: B leading dimensions, 5 results of a pair: 0, 1/2, 1, 3/2, 2 points.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zerofleet.arena.intervals import PAIR_SCORES, expected_score

Model = Literal["logistic", "normalized"]
Decision = Literal["H0", "H1"]
_Floats = NDArray[np.float64]

NORMALIZED_ELO = 800 / math.log(10)
"""Normalised Elo of a strength of one standard deviation of a game's result: it measures how many
games a difference takes to be seen, whatever the share of draws."""
_LEAST_COUNT = 1e-3
"""In place of a result that has not occurred, so that every distribution is possible."""
_SCORES = np.array(PAIR_SCORES)
_NUM_HALVINGS = 60
_NUM_ITERATIONS = 10


class SprtError(ValueError):
    """Bounds or error rates that make no test."""


@dataclass(frozen=True)
class Sprt:
    """A test of H0: elo0 against H1: elo1."""

    elo0: float
    elo1: float
    alpha: float = 0.05
    """Probability of H1 where elo0 is the truth."""
    beta: float = 0.05
    """Probability of H0 where elo1 is the truth."""
    model: Model = "logistic"
    """logistic: differences of ordinary Elo. normalized: of normalised Elo."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.elo0) and math.isfinite(self.elo1) and self.elo0 < self.elo1):
            raise SprtError(f"expected elo0 < elo1; came {self.elo0:g} and {self.elo1:g}")
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            raise SprtError(
                f"expected alpha and beta between 0 and 0.5; came {self.alpha:g} and {self.beta:g}"
            )
        if self.model not in get_args(Model):
            raise SprtError(
                f"unknown model {self.model!r}; expected {' or '.join(get_args(Model))}"
            )

    @property
    def lower(self) -> float:
        """H0 is accepted at this log-likelihood ratio and below."""
        return math.log(self.beta / (1 - self.alpha))

    @property
    def upper(self) -> float:
        """H1 is accepted at this log-likelihood ratio and above."""
        return math.log((1 - self.beta) / self.alpha)

    def llr(self, pairs_B5: ArrayLike) -> _Floats:
        """Returns the log-likelihood ratio of H1 to H0.

        Args:
          pairs_B5: counts of pairs by their points.
        Returns: float64 [B]; 0 without pairs.
        """
        counts = np.asarray(pairs_B5, np.float64)
        empty = counts.sum(-1) == 0
        counts = np.where(counts == 0, _LEAST_COUNT, counts)
        total = counts.sum(-1)
        seen = counts / total[..., None]
        fit: Callable[[_Floats, float], _Floats]
        if self.model == "logistic":
            fit, values = _most_likely_mean, [expected_score(e) for e in (self.elo0, self.elo1)]
        else:
            # The mean of a pair's games varies half as much as that of one game.
            fit = _most_likely_strength
            values = [math.sqrt(2) * e / NORMALIZED_ELO for e in (self.elo0, self.elo1)]
        p0, p1 = (fit(seen, value) for value in values)
        found = total * (seen * np.log(p1 / p0)).sum(-1)
        return np.where(empty, 0.0, found)

    def decide(self, pairs: Sequence[int]) -> Decision | None:
        """Returns the hypothesis that is accepted, or None: play on."""
        llr = float(self.llr(pairs))
        return "H1" if llr >= self.upper else "H0" if llr <= self.lower else None

    def __str__(self) -> str:
        what = "normalised Elo" if self.model == "normalized" else "Elo"
        return f"SPRT {self.elo0:g} against {self.elo1:g} {what}"


@dataclass(frozen=True)
class SprtResult:
    """Where a test stands."""

    sprt: Sprt
    llr: float
    decision: Decision | None

    def to_json(self) -> dict[str, Any]:
        """As `match.json` has it."""
        s = self.sprt
        return {
            "elo0": s.elo0,
            "elo1": s.elo1,
            "alpha": s.alpha,
            "beta": s.beta,
            "model": s.model,
            "llr": round(self.llr, 4),
            "lower": round(s.lower, 4),
            "upper": round(s.upper, 4),
            "decision": self.decision,
        }

    def __str__(self) -> str:
        verdict = {"H1": "H1 accepted", "H0": "H0 accepted", None: "not decided"}[self.decision]
        s = self.sprt
        return f"{s}: LLR {self.llr:.2f} ({s.lower:.2f}, {s.upper:.2f}), {verdict}"


def parse_sprt(
    text: str, *, alpha: float = 0.05, beta: float = 0.05, model: Model = "logistic"
) -> Sprt:
    """Reads `0,10`. Raises SprtError."""
    try:
        elo0, elo1 = (float(part) for part in text.split(","))
    except ValueError:
        raise SprtError(f"expected two Elo differences such as 0,10; came {text!r}") from None
    return Sprt(elo0, elo1, alpha, beta, model)


def _root(values_B5: _Floats, seen_B5: _Floats) -> _Floats:
    """Solves sum_i p_i a_i / (1 + x a_i) = 0, which falls from +inf to -inf between its poles.

    Returns: [B].
    """
    low = -1.0 / values_B5.max(-1)
    high = -1.0 / values_B5.min(-1)
    for _ in range(_NUM_HALVINGS):
        middle = (low + high) / 2
        f = (seen_B5 * values_B5 / (1 + middle[..., None] * values_B5)).sum(-1)
        low = np.where(f > 0, middle, low)
        high = np.where(f > 0, high, middle)
    return np.asarray((low + high) / 2)


def _most_likely_mean(seen_B5: _Floats, mean: float) -> _Floats:
    """The distribution with this mean that makes what was seen most likely."""
    values = np.broadcast_to(_SCORES - mean, seen_B5.shape)
    return np.asarray(seen_B5 / (1 + _root(values, seen_B5)[..., None] * values))


def _most_likely_strength(seen_B5: _Floats, strength: float) -> _Floats:
    """The same for (mean - 1/2) / standard deviation: iterated, each step with the moments before.

    The stationary points of the likelihood under this constraint are those under a linear one whose
    coefficients depend on mean and deviation.
    """
    found = np.full(seen_B5.shape, 0.2)
    for _ in range(_NUM_ITERATIONS):
        mean = (found * _SCORES).sum(-1)[..., None]
        deviation = np.sqrt((found * (_SCORES - mean) ** 2).sum(-1))[..., None]
        values = (
            _SCORES - 0.5 - strength * deviation * (1 + ((mean - _SCORES) / deviation) ** 2) / 2
        )
        new = np.asarray(seen_B5 / (1 + _root(values, seen_B5)[..., None] * values))
        if np.abs(new - found).max(initial=0.0) < 1e-9:
            return new
        found = new
    return found
