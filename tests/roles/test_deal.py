"""Dealing: even, again after deaths and delays, and every game in exactly one hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerofleet.roles.deal import Dealer
from zerofleet.run.errors import DamagedError
from zerofleet.run.shares import Share, newest_share, prune_shares, read_share, write_share
from zerofleet.run.store import DirectoryStore


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def numbers_of(share, worker):
    return [n for r in share.workers[worker].ranges for n in range(r.first, r.last + 1)]


def fresh(num_games=800):
    clock = Clock()
    return Dealer(Share(7, 7, num_games), clock=clock), clock


def test_the_first_deal_is_even_and_ascending():
    dealer, _ = fresh(801)
    assert dealer.deal(range(801), {"a": "s1", "b": "s2"}) == []
    assert dealer.share.revision == 1
    assert numbers_of(dealer.share, "a") == list(range(401))
    assert numbers_of(dealer.share, "b") == list(range(401, 801))


def test_nothing_changes_while_everybody_plays():
    dealer, clock = fresh()
    live = {"a": "s1", "b": "s2"}
    dealer.deal(range(800), live)
    clock.now = 1000.0
    assert dealer.deal(range(200, 800), live) == []
    assert dealer.share.revision == 1


def test_the_games_of_a_dead_worker_are_dealt_again():
    dealer, _ = fresh()
    dealer.deal(range(800), {"a": "s1", "b": "s2", "c": "s3"})
    open_games = [n for n in range(800) if n % 2]
    notes = dealer.deal(open_games, {"a": "s1", "c": "s3"})
    assert notes == ["dealt again: 134 games of b, which is gone"]
    assert sorted(numbers_of(dealer.share, "a") + numbers_of(dealer.share, "c")) == open_games
    assert "b" not in dealer.share.workers


def test_a_worker_that_could_say_why_it_failed_is_quoted():
    dealer, _ = fresh(10)
    dealer.deal(range(10), {"a": "s1", "b": "s2"})
    errors = {"b": "ValueError: x\n  raised by your play"}
    assert dealer.deal(range(10), {"a": "s1"}, {}, errors) == [
        "dealt again: 5 games of b, which failed (ValueError: x)"
    ]


def test_a_new_session_gets_its_games_anew():
    dealer, _ = fresh(10)
    dealer.deal(range(10), {"a": "s1"})
    assert dealer.deal(range(4, 10), {"a": "s2"}) == ["dealt again: 6 games of a, which began anew"]
    share = dealer.share.workers["a"]
    assert (share.session, share.ranges[0].revision) == ("s2", 2)
    assert numbers_of(dealer.share, "a") == [4, 5, 6, 7, 8, 9]


def test_an_idle_worker_helps_one_that_is_much_slower_only():
    dealer, clock = fresh(200)
    live = {"a": "s1", "b": "s2"}
    dealer.deal(range(200), live)
    clock.now = 60.0
    left = range(120, 200)  # a is done, b has 80 to go
    assert dealer.deal(left, live) == []
    clock.now = 89.0
    assert dealer.deal(left, live) == []
    clock.now = 91.0
    assert dealer.deal(left, live) == ["a takes 40 games over from b, which is slower"]
    assert numbers_of(dealer.share, "a") == list(range(160, 200))
    assert numbers_of(dealer.share, "b") == list(range(120, 160))


def test_what_was_delivered_and_did_not_arrive_is_dealt_again():
    dealer, _ = fresh(20)
    live = {"a": "s1", "b": "s2"}
    dealer.deal(range(20), live)
    assert dealer.deal([3, 4, 15], live, {"a": 0}) == []
    assert dealer.deal([3, 4, 15], live, {"a": 1}) == ["2 games of a did not arrive; dealt again"]
    assert [r.revision for r in dealer.share.workers["a"].ranges] == [2]
    assert sorted(numbers_of(dealer.share, "a") + numbers_of(dealer.share, "b")) == [3, 4, 15]
    assert dealer.deal([3, 4, 15], live, {"a": 1}) == []  # the worker has not seen this one yet


def test_a_late_worker_takes_its_part_at_once():
    dealer, clock = fresh(200)
    dealer.deal(range(200), {"a": "s1"})
    clock.now = 1.0
    dealer.deal(range(200), {"a": "s1", "b": "s2"})
    assert numbers_of(dealer.share, "b") == list(range(100, 200))


def test_a_restarted_trainer_leaves_what_is_being_played():
    dealer, clock = fresh(100)
    live = {"a": "s1", "b": "s2"}
    dealer.deal(range(100), live)
    again = Dealer(dealer.share, clock=clock)
    assert again.deal(range(10, 100), live) == []
    assert again.share == dealer.share


def test_without_workers_nothing_is_dealt_until_one_comes():
    dealer, _ = fresh(10)
    dealer.deal(range(10), {})
    assert dealer.share.revision == 0
    dealer.deal(range(10), {"a": "s1"})
    assert numbers_of(dealer.share, "a") == list(range(10))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_open_game_is_in_exactly_one_hand(data):
    num_games = data.draw(st.integers(1, 60))
    dealer, clock = fresh(num_games)
    open_games = set(range(num_games))
    sessions = {}
    for _ in range(data.draw(st.integers(1, 12))):
        clock.now += data.draw(st.sampled_from([0.1, 5.0, 100.0]))
        for name in "abc":
            fate = data.draw(st.sampled_from(["same", "same", "gone", "new"]))
            if fate == "gone":
                sessions.pop(name, None)
            elif fate == "new":
                sessions[name] = f"{name}{clock.now}"
        revision = dealer.share.revision
        before = dealer.share
        dealer.deal(sorted(open_games), sessions)
        assert dealer.share.revision in (revision, revision + 1)
        assert (dealer.share == before) == (dealer.share.revision == revision)
        held = [n for w in dealer.share.workers for n in numbers_of(dealer.share, w)]
        assert len(held) == len(set(held))
        if sessions:
            assert set(held) >= open_games
            assert {
                w: s.session for w, s in dealer.share.workers.items()
            }.items() <= sessions.items()
        open_games -= set(data.draw(st.lists(st.integers(0, num_games - 1), max_size=20)))


def test_shares_are_written_read_and_pruned(tmp_path):
    store = DirectoryStore(tmp_path)
    assert newest_share(store) is None
    for iteration in (1, 2, 10):
        dealer = Dealer(Share(iteration, iteration, 5))
        dealer.deal(range(5), {"a": "s"})
        write_share(store, dealer.share)
        assert read_share(store, iteration) == dealer.share
    assert newest_share(store).iteration == 10
    prune_shares(store, 10)
    assert [e.key for e in store.list("shares/").entries] == ["shares/iter_00010.json"]


def test_a_damaged_share_is_named(tmp_path):
    store = DirectoryStore(tmp_path)
    store.put("shares/iter_00003.json", b'{"format": 1, "iteration": 3}\n')
    with pytest.raises(DamagedError, match=r"shares/iter_00003\.json: not a share"):
        read_share(store, 3)
