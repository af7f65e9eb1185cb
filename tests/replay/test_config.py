"""How large the window may be."""

import pytest

from zerofleet.replay.config import ReplayConfig, SampleReplayConfig


def test_the_window_grows_with_the_run_up_to_its_bound():
    config = ReplayConfig(max_positions=1_000_000, max_share=0.5)
    sizes = [config.window_limit(n) for n in (0, 150_000, 400_000, 3_000_000)]
    assert sizes == [100_000, 100_000, 200_000, 1_000_000]


def test_a_small_bound_always_holds():
    assert ReplayConfig(max_positions=500).window_limit(10_000_000) == 500


def test_the_window_of_samples_follows_katagos_rule():
    """c = 250,000 and 241 million samples gave a window of about 22 million (Wu 2019)."""
    config = SampleReplayConfig(min_positions=250_000, max_positions=100_000_000)
    assert config.window_limit(0) == config.window_limit(250_000) == 250_000
    assert config.window_limit(241_000_000) == pytest.approx(22_000_000, rel=0.06)
    assert config.model_copy(update={"max_positions": 10**6}).window_limit(10**9) == 10**6
    # At first it grows by 0.4 of what comes in, whatever the power.
    for growth in (0.3, 1.0):
        config = SampleReplayConfig(min_positions=100_000, growth=growth)
        assert config.window_limit(101_000) == pytest.approx(100_400, abs=3)


def test_passes_per_sample_bound_the_steps():
    config = SampleReplayConfig(passes_per_sample=2)
    assert config.steps_due(10_000, 0, batch_size=512) == 39
    assert config.steps_due(10_000, 30 * 512, batch_size=512) == 9
    assert config.steps_due(10_000, 50 * 512, batch_size=512) == 0
    assert config.steps_due(10_000, 30 * 512, batch_size=64) == 72  # smaller batches from now on
    # However the samples come in, no step is lost or taken twice.
    taken = 0
    for num_positions in range(100, 10_001, 300):
        taken += config.steps_due(num_positions, taken * 512, batch_size=512)
    assert taken == 39
