"""The sequential test gives the numbers that fishtest publishes, and errs as rarely as it says."""

import math

import numpy as np
import pytest

from zerofleet.arena.intervals import PAIR_SCORES, expected_score
from zerofleet.arena.sprt import Sprt, SprtError, SprtResult, parse_sprt

# What https://tests.stockfishchess.org printed, as quoted in Stockfish's pull requests of that
# number: bounds in {} are logistic, those in <> normalised Elo.
PUBLISHED = [
    (3209, "logistic", -0.25, 1.25, [253, 4282, 17604, 4431, 286], 2.94),
    (3209, "logistic", 0.25, 1.25, [58, 3302, 33130, 3518, 84], 2.97),
    (3098, "logistic", -0.25, 1.25, [491, 7345, 29693, 7670, 465], 2.96),
    (3098, "logistic", 0.25, 1.25, [53, 2220, 21459, 2445, 47], 2.97),
    (2920, "logistic", -0.50, 1.50, [665, 4806, 9333, 4893, 747], 2.95),
    (2920, "logistic", 0.25, 1.75, [328, 4564, 15580, 4789, 371], 2.98),
    (2951, "logistic", -0.50, 1.50, [59, 754, 2467, 865, 75], 2.95),
    (2493, "logistic", -1.00, 3.00, [424, 2948, 5832, 3045, 460], 2.94),
    (2493, "logistic", 0.00, 2.00, [1284, 17437, 55536, 18085, 1292], 2.94),
    (3331, "logistic", -0.25, 1.25, [115, 2196, 11328, 2317, 136], 2.94),
    (3331, "logistic", 0.25, 1.25, [14, 1030, 14318, 1163, 19], 2.93),
    (3515, "normalized", -2.50, 0.50, [238, 5274, 26761, 5326, 237], 2.94),
    (4194, "normalized", 0.00, 2.00, [371, 10263, 24989, 10642, 379], 2.95),
    (4194, "normalized", 0.50, 2.50, [47, 8181, 25234, 8575, 47], 2.94),
    (5712, "normalized", 0.00, 2.00, [831, 31795, 68460, 32448, 834], 2.93),
    (6019, "normalized", 0.00, 2.00, [320, 12431, 27275, 12858, 316], 2.95),
    (6019, "normalized", 0.50, 2.50, [197, 45541, 117722, 46579, 228], 2.96),
    (6285, "normalized", -1.75, 0.25, [289, 26459, 62934, 26379, 331], 2.94),
    (6285, "normalized", -1.75, 0.25, [118, 38575, 109888, 38432, 122], 2.95),
]


@pytest.mark.parametrize(("_pull", "model", "elo0", "elo1", "pairs", "llr"), PUBLISHED)
def test_published_values(_pull, model, elo0, elo1, pairs, llr):
    found = float(Sprt(elo0, elo1, model=model).llr(pairs))
    assert round(found, 2) == llr


def test_bounds_are_those_of_wald():
    sprt = Sprt(0, 10)
    assert (round(sprt.lower, 2), round(sprt.upper, 2)) == (-2.94, 2.94)
    assert Sprt(0, 10, alpha=0.01, beta=0.1).upper == pytest.approx(math.log(90))


def test_many_results_at_once_are_the_same_as_one_by_one():
    rng = np.random.default_rng(1)
    many = rng.integers(0, 30, (50, 5))
    for model in ("logistic", "normalized"):
        sprt = Sprt(-5, 15, model=model)
        found = sprt.llr(many)
        assert np.allclose(found, [sprt.llr(pairs) for pairs in many], atol=1e-6)
    assert Sprt(0, 10).llr([0, 0, 0, 0, 0]) == 0


def test_swapping_the_players_changes_the_sign():
    pairs = [3, 10, 40, 22, 9]
    assert float(Sprt(-10, 10).llr(pairs)) == pytest.approx(-float(Sprt(-10, 10).llr(pairs[::-1])))
    assert float(Sprt(-10, 10).llr(pairs)) > 0


def test_a_decision_is_made_and_told():
    sprt = Sprt(0, 100)
    assert sprt.decide([0, 0, 5, 0, 0]) is None
    assert sprt.decide([0, 5, 10, 30, 30]) == "H1"
    assert sprt.decide([30, 30, 10, 5, 0]) == "H0"
    told = SprtResult(sprt, 3.2, "H1")
    assert str(told) == "SPRT 0 against 100 Elo: LLR 3.20 (-2.94, 2.94), H1 accepted"
    assert told.to_json()["decision"] == "H1"


@pytest.mark.parametrize(
    ("text", "what"),
    [("1", "two Elo"), ("a,b", "two Elo"), ("5,5", "elo0 < elo1"), ("nan,1", "elo0 < elo1")],
)
def test_mistakes_are_told(text, what):
    with pytest.raises(SprtError, match=what):
        parse_sprt(text)
    with pytest.raises(SprtError, match="alpha and beta"):
        Sprt(0, 1, alpha=0.7)
    with pytest.raises(SprtError, match="unknown model"):
        Sprt(0, 1, model="bayes")  # type: ignore[arg-type]


def tilted(shape, mean):
    """The distribution with this mean that is nearest to `shape` (exponential tilting)."""
    scores = np.array(PAIR_SCORES)
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        p = shape * np.exp(middle * scores)
        p /= p.sum()
        low, high = (middle, high) if (p * scores).sum() < mean else (low, middle)
    return p


def share_of_h1(sprt, truth, *, trials, seed, step=4):
    """Simulates the test many times; looks after every `step` pairs, which changes little."""
    rng = np.random.default_rng(seed)
    pairs = np.zeros((trials, 5))
    decided = np.zeros(trials, int)  # 1: H1, -1: H0
    active = np.arange(trials)
    while len(active):
        pairs[active] += rng.multinomial(step, truth, len(active))
        llr = sprt.llr(pairs[active])
        decided[active[llr >= sprt.upper]] = 1
        decided[active[llr <= sprt.lower]] = -1
        active = active[decided[active] == 0]
    return (decided == 1).mean()


@pytest.mark.long
@pytest.mark.parametrize("shape", [[1, 8, 30, 8, 1], [4, 10, 12, 10, 4]])
def test_error_rates_are_nominal(shape):
    """Within one point of 5 % on both sides, over 10,000 trials each."""
    sprt = Sprt(0, 15)
    shape = np.array(shape, float)
    null, alternative = (tilted(shape, expected_score(elo)) for elo in (0, 15))
    alpha = share_of_h1(sprt, null, trials=10_000, seed=1)
    beta = 1 - share_of_h1(sprt, alternative, trials=10_000, seed=2)
    print(f"alpha {alpha:.4f}, beta {beta:.4f}")
    assert abs(alpha - 0.05) < 0.01
    assert abs(beta - 0.05) < 0.01


def test_error_rates_are_about_nominal():
    """The same with so few trials that it takes a second."""
    sprt = Sprt(0, 60)
    shape = np.array([4, 10, 12, 10, 4], float)
    null, alternative = (tilted(shape, expected_score(elo)) for elo in (0, 60))
    assert share_of_h1(sprt, null, trials=400, seed=1, step=8) < 0.09
    assert share_of_h1(sprt, alternative, trials=400, seed=2, step=8) > 0.91
