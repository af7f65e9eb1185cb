import pytest

from zerofleet.training.config import TrainingConfig
from zerofleet.training.schedule import learning_rate

CONFIG = TrainingConfig(learning_rate=1e-3, warmup_share=0.1, final_learning_rate_share=0.05)


def test_rises_then_falls_to_the_share():
    rates = [learning_rate(CONFIG, step, 200) for step in range(200)]
    assert rates[0] == pytest.approx(1e-3 / 20)
    assert max(rates) == rates[19] == pytest.approx(1e-3)
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[-1] == pytest.approx(5e-5)
    # Half way through the cosine it is half way between the ends.
    assert rates[20 + 90] == pytest.approx((1e-3 + 5e-5) / 2, rel=0.02)


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_few_steps_are_no_problem(num_steps):
    rates = [learning_rate(CONFIG, step, num_steps) for step in range(num_steps)]
    assert all(0 < rate <= 1e-3 for rate in rates)
