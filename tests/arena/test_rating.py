"""Ratings rise with skill, can be repeated, and their pool is JSON."""

import json
from collections.abc import Sequence

import pytest
from sometimes import Sometimes

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.rating import (
    VersionRating,
    anchor_of,
    measure_version,
    pool_of,
    previous_versions,
    rate_run,
    rate_version,
)
from zerofleet.arena.stats import GameStats, IterationStats, find_match
from zerofleet.games import load_game
from zerofleet.run.stats import refitted
from zerofleet.run.words import version_name

GAME = load_game("tic_tac_toe")
FIXED = {"random": 0.0, "half": 0.5, "full": 1.0}
CONFIG = ArenaConfig(eval_games=60, opponents=tuple(FIXED), num_previous=2, opening_plies=2, seed=1)


def rate(version: int, entries: Sequence[IterationStats], **changes) -> VersionRating:
    return rate_version(
        GAME,
        version,
        load_version=lambda v: Sometimes(version_name(v), min(1.0, 0.25 * (v - 1))),
        load_fixed=lambda text: Sometimes(text, FIXED[text]),
        known_versions=range(1, version + 1),
        entries=entries,
        config=CONFIG,
        **changes,
    )


def entry_of(rating: VersionRating) -> IterationStats:
    return IterationStats(
        iteration=rating.version,
        model_version=rating.version,
        game_stats=GameStats(
            matches=list(rating.matches), reference_matches=list(rating.reference_matches)
        ),
        elo=rating.elo,
    )


@pytest.fixture(scope="module")
def run() -> list[IterationStats]:
    entries: list[IterationStats] = []
    for version in range(1, 6):
        entries.append(entry_of(rate(version, entries)))
    return entries


def test_ratings_rise_with_skill(run: list[IterationStats]) -> None:
    assert anchor_of(run) == "random"
    ratings = rate_run(run, anchor="random")
    elos = [ratings[version_name(v)].elo for v in range(1, 6)]
    assert elos[0] < elos[2] < elos[4]
    assert ratings.superiority("v0005", "v0001") > 0.99
    assert ratings["random"].elo == 0.0
    # v0001 is the random player under another name, v0005 is "full".
    assert abs(ratings["v0001"].elo) < 1.5 * ratings["v0001"].error
    same = ratings.difference("v0005", "full")
    assert abs(same.elo) < 1.5 * same.error


def test_afterwards_a_version_has_one_elo_wherever_it_is_shown(run: list[IterationStats]) -> None:
    """The rating that the newest entry has of it is that of a fit of all results together."""
    together = rate_run(run, anchor="random")
    shown = refitted([*map(dict, run), {"iteration": 6, "model_version": 6}])
    for entry in shown[:5]:
        elo = together[version_name(entry["model_version"])]
        assert [entry["elo"]["rating"], entry["elo"]["error"]] == elo.to_json()
    assert shown[5] == {"iteration": 6, "model_version": 6}
    assert shown[0]["elo"]["rating"] != run[0]["elo"]["rating"]  # what was known at first
    for odd in ("x", {"ratings": 3}, {"ratings": {"v0001": None}}):
        assert refitted([{"model_version": 1, "elo": odd}]) == [{"model_version": 1, "elo": odd}]


def test_the_zero_of_the_scale_is_the_first_opponent_of_the_run() -> None:
    ratings = {"v0001": [10.0, 20.0], "greedy": [0.0, 0.0], "random": [-300.0, 30.0]}
    entries: list[IterationStats] = [{"elo": {"ratings": ratings}}, {"iteration": 2}]
    assert anchor_of(entries) == "greedy"
    assert anchor_of([]) == "random"


def test_entries_hold_the_pool_as_json(run: list[IterationStats]) -> None:
    again = json.loads(json.dumps(run))
    assert pool_of(again) == pool_of(run)
    # 3 fixed each, previous versions 0+1+2+2+2, and 3 pairings among the fixed.
    assert len(pool_of(run)) == 5 * 3 + 7 + 3
    assert [len(e["game_stats"]["reference_matches"]) for e in run] == [3, 0, 0, 0, 0]
    match = find_match(run[4], "random")
    assert match is not None
    assert match["player"] == "v0005"
    assert match["wins"] + match["draws"] + match["losses"] == match["games"] == 60
    assert match["low"] <= match["score"] <= match["high"]
    assert find_match(run[4], "nobody") is None


def test_elo_of_an_entry(run: list[IterationStats]) -> None:
    elo = run[4]["elo"]
    assert elo["ratings"]["v0005"] == [elo["rating"], elo["error"]]
    assert elo["error"] > 0
    assert 0 <= elo["superiority"] <= 1
    assert "gain" not in run[0]["elo"]


def test_a_rating_can_be_repeated(run: list[IterationStats]) -> None:
    once = rate(5, run[:4])
    assert entry_of(once) == run[4]
    # Also when the run's statistics already hold it, as after a crash between two files.
    assert rate(5, run).elo == once.elo


def test_previous_versions_go_back_in_powers_of_two() -> None:
    assert previous_versions(10, range(1, 20), 4) == [9, 8, 6, 2]
    assert previous_versions(3, range(1, 4), 4) == [2, 1]
    assert previous_versions(1, range(1, 4), 4) == []
    assert previous_versions(10, [1, 5, 9], 3) == [9, 5]


def test_the_last_matches_add_to_the_rating_there_is(run):
    """More games against fixed opponents take the place of fewer; the other matches count on."""

    def measured(entries, num_games):
        return measure_version(
            GAME,
            5,
            Sometimes("v0005", 1.0),
            load_fixed=lambda text: Sometimes(text, FIXED[text]),
            entries=entries,
            config=CONFIG.model_copy(update={"final_games": num_games}),
        )

    more = measured(run, 80)
    games = {m["opponent"]: m["games"] for m in more.matches}
    assert games == {"random": 80, "half": 80, "full": 80, "v0004": 60, "v0003": 60}
    assert more.elo["error"] < run[-1]["elo"]["error"]
    assert [len(r.games) for r in more.results] == [80, 80, 80]
    assert not more.reference_matches
    assert measured(run, 20).matches == tuple(run[-1]["game_stats"]["matches"])
    # A run that has rated nothing: the opponents play each other for the scale.
    alone = measured([], 20)
    assert len(alone.reference_matches) == 3
    assert "gain" not in alone.elo


def test_a_small_game_is_rated_in_as_many_games_as_it_has_openings_for() -> None:
    rating = measure_version(
        GAME,
        5,
        Sometimes("v0005", 1.0),
        load_fixed=lambda text: Sometimes(text, FIXED[text]),
        entries=[],
        config=CONFIG.model_copy(update={"final_games": 1000, "opening_plies": 7}),
    )
    games = {m["opponent"]: m["games"] for m in rating.matches}
    assert games.keys() == FIXED.keys()
    assert all(20 < number < 1000 and number % 2 == 0 for number in games.values())
    lines = [tuple(g.actions[:7]) for g in rating.results[0].games]
    assert len(set(lines)) == len(lines) // 2
