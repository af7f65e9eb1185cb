"""How fast a worker says it is."""

from types import SimpleNamespace

import pytest

from zerofleet.roles import worker as worker_module
from zerofleet.roles.worker import RATE_SECONDS, WorkerSession


@pytest.fixture
def told(monkeypatch):
    """`told(at, games, seconds)`: the rate after a shard is delivered at that time."""
    shown = {}
    beat = SimpleNamespace(update=lambda rates: shown.update(rates))
    session = WorkerSession(None, None, beat, "w", None, None)

    def deliver(at, games, seconds):
        monkeypatch.setattr(worker_module, "time", SimpleNamespace(monotonic=lambda: at))
        session.tell_rates(games, 30 * games, seconds)
        return shown["games_per_second"], shown["positions_per_second"]

    return deliver


def test_one_shard_says_what_it_took(told):
    assert told(1000.0, 100, 20.0) == (5.0, 150.0)


def test_a_burst_is_as_fast_as_all_of_it(told):
    told(1000.0, 100, 20.0)
    assert told(1000.01, 100, 0.01) == (pytest.approx(10.0, abs=0.01), pytest.approx(300, abs=0.3))


def test_the_last_minute_counts(told):
    told(1000.0, 100, 20.0)
    assert told(1000.0 + RATE_SECONDS + 1, 61, RATE_SECONDS + 1) == (1.0, 30.0)
