"""How fast a worker says it is."""

from types import SimpleNamespace

import pytest

from zerofleet.roles import worker_session
from zerofleet.roles.worker_session import RATE_SECONDS, WorkerSession


@pytest.fixture
def told(monkeypatch):
    """`told(at, games, seconds)`: the rates of games and positions that are shown at that time."""
    shown = {}
    beat = SimpleNamespace(update=lambda rates: shown.update(rates))
    session = WorkerSession(None, None, beat, "w", None, None)

    def tell(at, games, seconds, *, is_whole=True):
        monkeypatch.setattr(worker_session, "time", SimpleNamespace(monotonic=lambda: at))
        session.tell_rates(games, 30 * games, seconds, is_whole=is_whole)
        return shown["games_per_second"], shown["positions_per_second"]

    return tell


def test_one_shard_says_what_it_took(told):
    assert told(1000.0, 100, 20.0) == (5.0, 150.0)


def test_a_burst_is_as_fast_as_all_of_it(told):
    told(1000.0, 100, 20.0)
    assert told(1000.01, 100, 0.01) == (pytest.approx(10.0, abs=0.01), pytest.approx(300, abs=0.3))


def test_the_last_minute_counts(told):
    told(1000.0, 100, 20.0)
    assert told(1000.0 + RATE_SECONDS + 1, 61, RATE_SECONDS + 1) == (1.0, 30.0)


def test_a_shard_under_way_counts_once_however_often_it_is_told(told):
    told(1000.0, 100, 20.0)
    assert told(1002.0, 10, 2.0, is_whole=False) == (5.0, 150.0)
    assert told(1010.0, 50, 10.0, is_whole=False) == (5.0, 150.0)
    assert told(1020.0, 100, 20.0) == (5.0, 150.0)


def test_a_shard_of_minutes_is_told_while_it_is_played(told):
    for minute in range(1, 4):
        assert told(1000.0 + 60 * minute, 60 * minute, 60.0 * minute, is_whole=False)[0] == 1.0
