"""The documented example of `training_stats.json` is what the code writes and reads."""

import json
import re
from pathlib import Path

import pytest

from zerofleet.arena import stats
from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.intervals import pair_interval
from zerofleet.arena.lines import trainer_line
from zerofleet.arena.rating import pool_of

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "arena.md"


@pytest.fixture(scope="module")
def example() -> stats.IterationStats:
    match = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def test_the_page_has_exactly_the_keys_of_the_types(example: stats.IterationStats) -> None:
    def keys(kind: type) -> set[str]:
        return set(kind.__annotations__)

    named = set(re.findall(r"`(?:losses|game_stats)?\.?(\w+)`", PAGE.read_text()))
    quoted = re.findall(r"`([^`\n]+)`", (DOCS / "metrics.md").read_text())
    metrics = set(re.findall(r"\w+", " ".join(quoted)))
    assert set(example) <= keys(stats.IterationStats) <= set(example) | metrics
    assert keys(stats.GateStats) - keys(stats.MatchStats) <= metrics
    for section, kind in (("losses", stats.LossStats), ("game_stats", stats.GameStats)):
        assert set(example[section]) <= keys(kind)  # type: ignore[literal-required]
        assert keys(kind) <= set(example[section]) | named | metrics  # type: ignore[literal-required]
    assert set(example["elo"]) == keys(stats.EloStats)
    (match,) = example["game_stats"]["matches"]
    assert set(match) == keys(stats.MatchStats) - {"problems"}


def test_the_example_is_consistent(example: stats.IterationStats) -> None:
    match = stats.find_match(example, "minimax:2")
    assert match is not None
    interval = pair_interval(match["pairs"])
    assert [match["score"], match["low"], match["high"]] == pytest.approx(
        [interval.value, interval.low, interval.high], abs=1e-4
    )
    (pairing,) = pool_of([example])
    assert pairing.num_games == match["games"] == 2 * sum(match["pairs"])
    assert pairing.points / pairing.num_games == match["score"]
    assert trainer_line(example, max_loops=10, opponents=["minimax:2"]) in PAGE.read_text().replace(
        "vs_rnd 98.0% ", ""
    )


def test_a_version_that_a_gate_kept_is_rated_once() -> None:
    def entry(iteration: int, version: int, **more: object) -> stats.IterationStats:
        return {"iteration": iteration, "model_version": version, **more}  # type: ignore[typeddict-item]

    arena = ArenaConfig(every=2)
    refused = {"accepted": False}
    rated = {"elo": {"rating": 1.0}}
    entries = [entry(0, 1, **rated), entry(1, 2), entry(2, 3, **rated)]
    assert stats.unrated_entry(entries, arena, 9) is None
    assert stats.unrated_entry([*entries, entry(4, 3, gate=refused)], arena, 9) is None
    newer = entry(4, 4, gate={"accepted": True})
    assert stats.unrated_entry([*entries, newer], arena, 9) is newer
    kept = entry(4, 2, gate=refused)  # of loop 1, which was not due
    assert stats.unrated_entry([*entries[:2], kept], arena, 9) is kept
    assert stats.playing_version(newer) == 3
    assert stats.playing_version(kept) == 2
