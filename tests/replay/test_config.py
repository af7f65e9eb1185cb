"""How large the window may be."""

from zerofleet.replay.config import ReplayConfig


def test_the_window_grows_with_the_run_up_to_its_bound():
    config = ReplayConfig(max_positions=1_000_000, max_share=0.5)
    sizes = [config.window_limit(n) for n in (0, 150_000, 400_000, 3_000_000)]
    assert sizes == [100_000, 100_000, 200_000, 1_000_000]


def test_a_small_bound_always_holds():
    assert ReplayConfig(max_positions=500).window_limit(10_000_000) == 500
