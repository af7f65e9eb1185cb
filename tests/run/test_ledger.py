import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import DamagedError
from zerofleet.run.ledger import NUM_CHECKSUMS, Ledger, Verdict
from zerofleet.run.ranges import RangeSet, ranges_of

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair)))
)


@settings(deadline=None)
@given(RANGES, st.integers(0, 70), st.integers(0, 8))
def test_ranges_are_a_set(ranges, first, length):
    found, naive = RangeSet(), set()
    for low, high in ranges:
        found.add(low, high)
        naive |= set(range(low, high + 1))
    assert {n for low, high in found for n in range(low, high + 1)} == naive
    assert len(found) == len(naive)
    assert found.highest == max(naive, default=None)
    assert found.overlaps(first, first + length) == bool(
        naive & set(range(first, first + length + 1))
    )
    pairs = list(found)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(pairs))
    assert RangeSet((low, high) for low, high in found.to_json()) == found


SHARDS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.integers(1, 9), st.sampled_from("xy"), st.sets(st.integers(0, 30))
    )
)


@settings(max_examples=200, deadline=None)
@given(SHARDS)
def test_nothing_counts_twice(shards):
    ledger, counted, games, positions = Ledger(), {}, set(), 0
    for worker, batch, content, numbers in shards:
        sha = sha256_hex(content.encode())
        verdict, why = ledger.judge(worker, batch, sha)
        if (worker, batch) not in counted:
            assert verdict is Verdict.NEW
        elif counted[worker, batch] == sha:
            assert verdict is Verdict.DUPLICATE
        else:
            assert verdict is Verdict.CONFLICT
            assert "two workers may use one id" in why
        fresh = not games & {(worker, n) for n in numbers}
        assert (ledger.judge_games(worker, numbers)[0] is Verdict.NEW) == fresh
        if verdict is Verdict.NEW and fresh:
            ledger.count(worker, batch, sha, numbers, len(numbers) * 3)
            counted[worker, batch] = sha
            games |= {(worker, n) for n in numbers}
            positions += len(numbers) * 3
        else:
            with pytest.raises(ValueError, match="counted already"):
                ledger.count(worker, batch, sha, numbers, 1)
        ledger = Ledger.from_json(json.loads(json.dumps(ledger.to_json())))
    assert ledger.num_batches == len(counted)
    assert ledger.num_games == len(games)
    assert ledger.num_positions == positions


def test_a_long_run_stays_small():
    ledger = Ledger()
    for batch in range(1, 2001):
        first = (batch - 1) * 10
        ledger.count("w", batch, sha256_hex(b"%d" % batch), range(first, first + 10), 100)
    document = ledger.to_json()["workers"]["w"]
    assert document["batches"] == [[1, 2000]]
    assert document["games"] == [[0, 19999]]
    assert len(document["checksums"]) == NUM_CHECKSUMS
    assert ledger.judge("w", 2000, sha256_hex(b"2000"))[0] is Verdict.DUPLICATE
    verdict, why = ledger.judge("w", 1, sha256_hex(b"1"))
    assert verdict is Verdict.CONFLICT
    assert "no longer kept" in why


def test_a_game_twice_in_one_shard():
    assert Ledger().judge_games("w", [3, 4, 3])[0] is Verdict.CONFLICT
    with pytest.raises(ValueError, match="number 3 occurs twice"):
        ranges_of([3, 4, 3])


@pytest.mark.parametrize(
    "document",
    [{}, {"format": 2}, {"format": 1}, {"format": 1, "workers": {"w": {"batches": [[2, 1]]}}}],
)
def test_what_is_no_ledger_is_refused(document):
    with pytest.raises(DamagedError, match=r"ledger\.json"):
        Ledger.from_json(document, "ledger.json")
