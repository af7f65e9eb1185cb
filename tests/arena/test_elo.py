"""Ratings agree with an independent implementation and cover simulated truths."""

import itertools
import math

import choix
import numpy as np
import pytest

from zerofleet.arena.elo import LOG_ODDS_PER_ELO, PairingResult, RatingError, fit_ratings
from zerofleet.arena.intervals import expected_score


def simulate(
    truth: dict[str, float], num_games: int, draw_share: float, rng: np.random.Generator
) -> list[PairingResult]:
    """Plays a round robin; `draw_share` of the largest share of draws the score allows."""
    results = []
    for a, b in itertools.combinations(truth, 2):
        p = expected_score(truth[a] - truth[b])
        draw = draw_share * 2 * min(p, 1 - p)
        wins, draws, losses = rng.multinomial(num_games, [p - draw / 2, draw, 1 - p - draw / 2])
        results.append(PairingResult(a, b, int(wins), int(draws), int(losses)))
    return results


def test_two_players_give_the_elo_of_the_score() -> None:
    ratings = fit_ratings([PairingResult("net", "random", 75, 0, 25)], prior_sd_elo=None)
    assert ratings["net"].elo == pytest.approx(400 * math.log10(3), abs=1e-6)
    assert ratings["random"].elo == 0.0
    assert ratings["random"].error == 0.0
    # Fisher information of 100 games at p = 3/4, in Elo.
    standard_error = 1 / math.sqrt(100 * 0.75 * 0.25) / LOG_ODDS_PER_ELO
    assert ratings["net"].error == pytest.approx(1.96 * standard_error, rel=1e-3)


def test_draws_count_half_and_make_the_error_smaller() -> None:
    decided = fit_ratings([PairingResult("net", "random", 60, 0, 40)])
    drawn = fit_ratings([PairingResult("net", "random", 20, 80, 0)])
    assert drawn["net"].elo == pytest.approx(decided["net"].elo)
    assert 0 < drawn["net"].error < 0.6 * decided["net"].error


def test_equals_choix_on_the_same_games() -> None:
    rng = np.random.default_rng(5)
    truth = {"random": 0.0, "a": 150.0, "b": -80.0, "c": 320.0, "d": 240.0}
    results = simulate(truth, 60, 0.4, rng)
    names = list(truth)
    games = []  # a draw is one half of a win each way, so every win is entered twice
    for r in results:
        i, j = names.index(r.player), names.index(r.opponent)
        games += [(i, j)] * (2 * r.wins + r.draws) + [(j, i)] * (2 * r.losses + r.draws)
    theirs = choix.ilsr_pairwise(len(names), games, max_iter=1000, tol=1e-12)
    theirs = (theirs - theirs[0]) / LOG_ODDS_PER_ELO
    ours = fit_ratings(results, prior_sd_elo=None)
    assert [ours[n].elo for n in names] == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("draw_share", [0.0, 0.5])
def test_intervals_cover_the_truth(draw_share: float) -> None:
    truth = {"random": 0.0, "a": 120.0, "b": 260.0, "c": 300.0, "d": 430.0}
    rng = np.random.default_rng(11)
    inside = total = 0
    for _ in range(250):
        ratings = fit_ratings(simulate(truth, 100, draw_share, rng))
        for name in ("a", "b", "c", "d"):
            rating = ratings[name]
            inside += abs(rating.elo - truth[name]) <= rating.error
            total += 1
        d = ratings.difference("d", "c")
        inside += abs(d.elo - 130.0) <= d.error
        total += 1
    assert 0.925 <= inside / total <= 0.975


@pytest.mark.long
@pytest.mark.parametrize("draw_share", [0.0, 0.3, 0.7])
def test_intervals_cover_the_truth_in_95_percent_of_1000_trials(draw_share: float) -> None:
    rng = np.random.default_rng(17)
    inside = []
    for _ in range(1000):
        truth = {"random": 0.0} | {f"p{i}": float(rng.uniform(0, 500)) for i in range(5)}
        ratings = fit_ratings(simulate(truth, 100, draw_share, rng))
        inside += [abs(ratings[n].elo - truth[n]) <= ratings[n].error for n in list(truth)[1:]]
    assert 0.93 <= np.mean(inside) <= 0.97


def test_a_perfect_score_is_finite_and_uncertain() -> None:
    ratings = fit_ratings([PairingResult("net", "random", 100, 0, 0)])
    assert 900 < ratings["net"].elo < 1300
    assert ratings["net"].error > 400
    with pytest.raises(RatingError, match=r"infinite.*prior_sd_elo"):
        fit_ratings([PairingResult("net", "random", 100, 0, 0)], prior_sd_elo=None)


def test_the_prior_hardly_moves_a_well_known_rating() -> None:
    chain = [PairingResult(f"p{i + 1}", f"p{i}", 75, 0, 25) for i in range(8)]
    free = fit_ratings(chain, anchor="p0", prior_sd_elo=None)
    prior = fit_ratings(chain, anchor="p0")
    assert free["p8"].elo == pytest.approx(8 * 400 * math.log10(3), abs=1e-4)
    assert abs(prior["p8"].elo - free["p8"].elo) < 0.6 * free["p8"].error


def test_order_of_results_and_side_of_the_count_do_not_matter() -> None:
    results = simulate({"random": 0.0, "a": 100.0, "b": 200.0}, 50, 0.3, np.random.default_rng(2))
    turned = [PairingResult(r.opponent, r.player, r.losses, r.draws, r.wins) for r in results[::-1]]
    one, two = fit_ratings(results), fit_ratings(turned)
    for name in ("a", "b"):
        assert one[name].elo == pytest.approx(two[name].elo, abs=1e-6)
        assert one[name].error == pytest.approx(two[name].error, abs=1e-6)


def test_superiority() -> None:
    ratings = fit_ratings(
        [PairingResult("a", "random", 60, 0, 40), PairingResult("b", "random", 60, 0, 40)]
    )
    assert ratings.superiority("a", "b") == pytest.approx(0.5, abs=1e-6)
    assert ratings.superiority("a", "random") == pytest.approx(0.977, abs=0.005)
    assert ratings.superiority("random", "a") == pytest.approx(0.023, abs=0.005)


def test_errors_name_the_players() -> None:
    with pytest.raises(RatingError, match=r"anchor 'random' played no game.*it has: a, b"):
        fit_ratings([PairingResult("a", "b", 1, 0, 1)])
    with pytest.raises(RatingError, match=r"no chain of games.*to: c, d"):
        fit_ratings([PairingResult("a", "random", 1, 0, 1), PairingResult("c", "d", 1, 0, 1)])
    with pytest.raises(RatingError, match=r"paired with itself"):
        fit_ratings([PairingResult("random", "random", 1, 0, 1)])
    with pytest.raises(RatingError, match=r"no player 'x'"):
        fit_ratings([PairingResult("a", "random", 1, 0, 1)])["x"]
