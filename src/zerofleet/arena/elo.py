"""Elo ratings of a whole pool of match results: Bradley-Terry by maximum likelihood, with errors.

Legend: N players, K the constant ln(10) / 400 that turns Elo into natural log odds.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zerofleet.arena.intervals import Z95, normal_cdf

LOG_ODDS_PER_ELO = math.log(10.0) / 400.0
_FloatArray = NDArray[np.float64]


class RatingError(ValueError):
    """The results do not determine the ratings asked for."""


@dataclass(frozen=True)
class PairingResult:
    """Games between two players, counted from the view of `player`."""

    player: str
    opponent: str
    wins: int
    draws: int
    losses: int

    @property
    def num_games(self) -> int:
        """All games of the pairing."""
        return self.wins + self.draws + self.losses

    @property
    def points(self) -> float:
        """Wins and half of the draws."""
        return self.wins + 0.5 * self.draws


@dataclass(frozen=True)
class Rating:
    """One player's Elo; `error` is the half width of its 95 % interval (1.96 standard errors)."""

    elo: float
    error: float

    def to_json(self) -> list[float]:
        """[Elo, error], as all files have it."""
        return [round(self.elo, 1), round(self.error, 1)]


@dataclass(frozen=True)
class Ratings:
    """Ratings of a pool relative to its anchor."""

    names: tuple[str, ...]
    elo: _FloatArray
    """float64 [N]."""
    covariance: _FloatArray
    """float64 [N, N] in Elo squared; the anchor's row and column are zero."""

    def _index(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            raise RatingError(
                f"no player {name!r} in the pool; it has: {', '.join(self.names)}"
            ) from None

    def __getitem__(self, name: str) -> Rating:
        i = self._index(name)
        return Rating(float(self.elo[i]), Z95 * math.sqrt(self.covariance[i, i]))

    def difference(self, player: str, opponent: str) -> Rating:
        """Returns how much stronger `player` is than `opponent`, with the error of the difference.

        Versions of a run share the error of their distance to the anchor, so a difference is known
        better than either rating.
        """
        i, j = self._index(player), self._index(opponent)
        c = self.covariance
        variance = max(0.0, float(c[i, i] + c[j, j] - 2.0 * c[i, j]))
        return Rating(float(self.elo[i] - self.elo[j]), Z95 * math.sqrt(variance))

    def superiority(self, player: str, opponent: str) -> float:
        """Returns the likelihood in [0, 1] that `player` is stronger than `opponent`."""
        d = self.difference(player, opponent)
        if d.error == 0.0:
            return 0.5 if d.elo == 0.0 else float(d.elo > 0.0)
        return normal_cdf(d.elo * Z95 / d.error)

    def as_dict(self) -> dict[str, Rating]:
        """Returns name -> rating in the order of the pool."""
        return {name: self[name] for name in self.names}


def fit_ratings(
    results: Iterable[PairingResult],
    *,
    anchor: str = "random",
    anchor_elo: float = 0.0,
    prior_sd_elo: float | None = 1000.0,
) -> Ratings:
    """Returns the ratings that make the results most likely, with their covariance.

    Model: a player `d` Elo stronger scores 1 / (1 + 10^(-d/400)); a draw is half a win and half a
    loss (Bradley and Terry 1952; the convention of Elo lists). Without draws the covariance is the
    inverse Fisher information; drawn games vary less than won and lost ones, and the sandwich form
    takes that into account: with draw share q a game's variance is p(1-p) - q/4.

    A player who won or lost every game has no finite maximum-likelihood rating, so each rating has
    a normal prior around the anchor. With the default of 1000 Elo a 100-0 score is rated about
    +1090 +- 730, 50 % of 100 games is moved by 0.1 %.

    Args:
      results: pairings in any order; the same one may come several times.
      anchor: the player whose rating is `anchor_elo`; its error is 0.
      prior_sd_elo: standard deviation of the prior; None for plain maximum likelihood.
    Raises: RatingError, naming players, if the anchor is missing, if a player has no chain of games
      to it, or (without prior) if some ratings would be infinite.
    """
    pool = [r for r in results if r.num_games > 0]
    _check_results(pool)
    names = tuple(dict.fromkeys(n for r in pool for n in (r.player, r.opponent)))
    if anchor not in names:
        raise RatingError(
            f"the anchor {anchor!r} played no game of this pool; it has: "
            f"{', '.join(names) or 'no games'}. Name one of them as the anchor"
        )
    index = {name: i for i, name in enumerate(names)}
    num_players = len(names)
    num_games = np.zeros((num_players, num_players))
    points = np.zeros((num_players, num_players))
    draws = np.zeros((num_players, num_players))
    for r in pool:
        i, j = index[r.player], index[r.opponent]
        for a, b, won in ((i, j, r.points), (j, i, r.num_games - r.points)):
            num_games[a, b] += r.num_games
            points[a, b] += won
            draws[a, b] += r.draws
    _check_connected(names, num_games, index[anchor])
    if prior_sd_elo is None:
        _check_finite(names, points)

    precision = 0.0 if prior_sd_elo is None else (prior_sd_elo * LOG_ODDS_PER_ELO) ** -2
    free = np.array([i for i in range(num_players) if i != index[anchor]], dtype=np.intp)
    theta = _maximise(num_games, points, free, precision)

    p = _sigmoid(theta[:, None] - theta[None, :])
    information = _laplacian(num_games * p * (1 - p), free, precision)
    # At most 2 min(p, 1-p) of the games can be drawn if the expected score is p; one imaginary game
    # without a draw keeps the variance of a pairing of draws alone above zero.
    with np.errstate(invalid="ignore"):
        share = np.where(num_games > 0, draws / (num_games + 1), 0.0)
    share = np.minimum(share, 2 * np.minimum(p, 1 - p) * num_games / (num_games + 1))
    variance = _laplacian(num_games * (p * (1 - p) - share / 4), free, precision)
    inverse = np.linalg.inv(information)
    covariance = np.zeros((num_players, num_players))
    covariance[np.ix_(free, free)] = inverse @ variance @ inverse
    return Ratings(names, anchor_elo + theta / LOG_ODDS_PER_ELO, covariance / LOG_ODDS_PER_ELO**2)


def _sigmoid(x: _FloatArray) -> _FloatArray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _laplacian(weights: _FloatArray, free: NDArray[np.intp], precision: float) -> _FloatArray:
    """Returns the weighted graph Laplacian over the free players, plus the prior's precision."""
    full = np.diag(weights.sum(axis=1) + precision) - weights
    return full[np.ix_(free, free)]


def _maximise(
    num_games: _FloatArray, points: _FloatArray, free: NDArray[np.intp], precision: float
) -> _FloatArray:
    """Returns log odds [N], 0 for the anchor: damped Newton on the concave log posterior."""
    theta = np.zeros(len(num_games))

    def objective(t: _FloatArray) -> float:
        # points * log p summed over both directions; log p = -log(1 + exp(-x)).
        loss = float((points * np.logaddexp(0.0, t[None, :] - t[:, None])).sum())
        return loss + 0.5 * precision * float((t[free] ** 2).sum())

    current = objective(theta)
    for _ in range(200):
        p = _sigmoid(theta[:, None] - theta[None, :])
        gradient = (num_games * p - points).sum(axis=1)[free] + precision * theta[free]
        step = np.linalg.solve(_laplacian(num_games * p * (1 - p), free, precision), gradient)
        scale = 1.0
        while True:
            proposal = theta.copy()
            proposal[free] -= scale * step
            value = objective(proposal)
            if value <= current + 1e-12 * abs(current) or scale < 1e-6:
                break
            scale *= 0.5
        theta, current = proposal, value
        if np.abs(scale * step).max(initial=0.0) < 1e-10:
            break
    return theta


def _check_results(pool: Sequence[PairingResult]) -> None:
    for r in pool:
        if min(r.wins, r.draws, r.losses) < 0:
            raise RatingError(f"expected counts of games; came {r}")
        if r.player == r.opponent:
            raise RatingError(f"{r.player!r} is paired with itself; two players need two names")


def _reachable(edges: NDArray[np.bool_], start: int) -> NDArray[np.bool_]:
    seen = np.zeros(len(edges), dtype=bool)
    seen[start] = True
    while True:
        grown = seen | edges[seen].any(axis=0)
        if (grown == seen).all():
            return seen
        seen = grown


def _check_connected(names: Sequence[str], num_games: _FloatArray, anchor: int) -> None:
    seen = _reachable(num_games > 0, anchor)
    if not seen.all():
        lost = ", ".join(n for n, s in zip(names, seen, strict=True) if not s)
        raise RatingError(
            f"no chain of games leads from the anchor {names[anchor]!r} to: {lost}; "
            f"let one of them play a rated player"
        )


def _check_finite(names: Sequence[str], points: _FloatArray) -> None:
    """Ford's condition: each player must have scored, through others, against each other one."""
    scored = points > 0
    for edges, what in ((scored, "never lost a point to"), (scored.T, "never scored against")):
        seen = _reachable(edges, 0)
        if not seen.all():
            outside = ", ".join(n for n, s in zip(names, seen, strict=True) if not s)
            inside = ", ".join(n for n, s in zip(names, seen, strict=True) if s)
            raise RatingError(
                f"without a prior these ratings are infinite: {outside} {what} {inside}; "
                f"pass prior_sd_elo"
            )
