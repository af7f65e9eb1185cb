"""Shares by weight and by measured speed, in simulated iterations."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerofleet.roles.deal import Dealer, DealRule, Speeds, _level
from zerofleet.roles.dealing import read_rule
from zerofleet.roles.tree_play import _Hand
from zerofleet.run.shares import DealtRange, Share, WorkerShare
from zerofleet.run.store import DirectoryStore

TICK = 0.25


def numbers_of(share, worker):
    dealt = share.workers.get(worker)
    return [] if dealt is None else [n for r in dealt.ranges for n in range(r.first, r.last + 1)]


def play(iteration, num_games, speeds, rule, measured):
    """Workers of these speeds play an iteration: games of each, and when each was done."""
    now = [0.0]
    dealer = Dealer(
        Share(iteration, iteration, num_games), rule=rule, speeds=measured, clock=lambda: now[0]
    )
    open_games, played = set(range(num_games)), dict.fromkeys(speeds, 0)
    done, owed = dict.fromkeys(speeds, 0.0), dict.fromkeys(speeds, 0.0)
    live = {name: f"session of {name}" for name in speeds}
    while open_games:
        dealer.deal(open_games, live)
        for name, speed in speeds.items():
            hand = [n for n in numbers_of(dealer.share, name) if n in open_games]
            owed[name] = owed[name] + speed * TICK if hand else 0.0
            for number in hand[: int(owed[name])]:
                open_games.discard(number)
                played[name] += 1
                owed[name] -= 1
                done[name] = now[0]
        now[0] += TICK
        assert now[0] < 1e5
    dealer.close()
    return played, done


def test_weight_two_gets_twice_the_games():
    rule = DealRule("weight", {"a": 1.0, "b": 2.0})
    # Equally fast: b takes twice as long, and a does not take its games over meanwhile.
    played, _ = play(1, 3000, {"a": 10.0, "b": 10.0}, rule, Speeds())
    assert played["b"] / played["a"] == pytest.approx(2.0, rel=0.05)
    # As fast as its weight says.
    played, done = play(1, 3000, {"a": 10.0, "b": 20.0}, rule, Speeds())
    assert played["b"] / played["a"] == pytest.approx(2.0, rel=0.05)
    assert done["a"] == pytest.approx(done["b"], rel=0.05)


def test_a_heavy_worker_that_stands_still_is_helped():
    rule = DealRule("weight", {"a": 1.0, "b": 2.0})
    played, _ = play(1, 300, {"a": 10.0, "b": 0.5}, rule, Speeds())
    assert played["a"] > 150


def test_by_speed_all_finish_together():
    measured, rule = Speeds(), DealRule("speed")
    speeds = {"a": 4.0, "b": 11.0, "c": 17.0}
    for iteration in range(1, 7):
        played, done = play(iteration, 1500, speeds, rule, measured)
    assert min(done.values()) == pytest.approx(max(done.values()), rel=0.05)
    for name, speed in speeds.items():
        assert played[name] == pytest.approx(1500 * speed / 32.0, rel=0.05)
    # One becomes slower: shares follow.
    speeds["c"] = 5.0
    for iteration in range(7, 13):
        played, done = play(iteration, 1500, speeds, rule, measured)
    assert min(done.values()) == pytest.approx(max(done.values()), rel=0.05)


def test_evenly_speed_does_not_count():
    measured = Speeds()
    measured.tell("b", 100, 1.0)
    played, _ = play(1, 1000, {"a": 10.0, "b": 10.0}, DealRule(), measured)
    assert played == {"a": 500, "b": 500}


@settings(deadline=None)
@given(
    have=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), min_size=1),
    more=st.integers(0, 500),
    data=st.data(),
)
def test_levelling(have, more, data):
    weights = {name: data.draw(st.sampled_from([0.02, 0.5, 1.0, 2.0, 7.3])) for name in have}
    given_ = _level(have, more, weights)
    assert sum(given_.values()) == more
    assert min(given_.values()) >= 0
    # Whoever got a game is not loaded more than the others, but for that one game.
    for name, games in given_.items():
        if games:
            load = (have[name] + games - 1) / weights[name]
            assert all(load <= (have[o] + given_[o] + 1) / weights[o] + 1e-6 for o in have)


def test_the_rule_is_that_of_the_fleet(tmp_path):
    store = DirectoryStore(tmp_path)
    assert read_rule(store) == DealRule()
    store.put("fleet/weights.json", b'{"format": 1, "deal": "weight", "weights": {"a": 2.0}}')
    assert read_rule(store) == DealRule("weight", {"a": 2.0})
    for broken in (b"{", b'{"deal": "weight", "weights": {"a": -1}}', b'{"deal": "speed"}'):
        store.put("fleet/weights.json", broken)
        assert read_rule(store) == DealRule()


def test_a_game_that_is_under_way_is_not_begun_again():
    """It was dealt to somebody else, who failed, and so to this worker a second time."""

    def share(*ranges):
        dealt = tuple(DealtRange(*numbers) for numbers in ranges)
        return Share(1, 1, 10, max(r for _, _, r in ranges), {"w": WorkerShare("s", dealt)})

    hand = _Hand(share((0, 3, 1)))
    assert hand.update(hand.share, "w", "s")
    assert list(hand.take(3)) == [(0, 3)]
    again = share((0, 0, 1), (2, 2, 3), (3, 3, 3), (3, 3, 1))
    assert hand.update(again, "w", "s")
    assert list(hand.take(9)) == [(3, 1)], "once"
    hand.delivered([0, 1, 2, 3])
    assert not hand.update(again, "w", "s"), "what was under way is what was asked for"
    assert hand.update(share((2, 2, 4)), "w", "s"), "it did not arrive"
    assert list(hand.take(9)) == [(2, 1)]
