"""Shards become samples; the window keeps the newest."""

from dataclasses import fields

import numpy as np
import pytest

from sample_data import games, meta_of, samples, window
from zerofleet import _core, load_game
from zerofleet.records import ShardError
from zerofleet.replay.samples import Samples, SampleWindow, samples_of_shard
from zerofleet.replay.split import validation_games

VALUE = _core.PLY_VALUE_TARGET
NAMES = ["connect_four", "twenty48(size=2)", "go(size=5)"]


def same(a: Samples, b: Samples) -> bool:
    return all(
        getattr(a, f.name).dtype == getattr(b, f.name).dtype
        and getattr(a, f.name).shape == getattr(b, f.name).shape
        and getattr(a, f.name).tobytes() == getattr(b, f.name).tobytes()
        for f in fields(Samples)
    )


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_the_plies_of_the_shard(name):
    records, batch = games(name), samples(name)
    rules, found = load_game(name), batch.samples
    plies = np.flatnonzero(records.ply_flags & VALUE)
    assert len(found) == len(plies) > 50
    kept = validation_games("w1", records.game_number, share=0.2)
    for row, ply in enumerate(plies):
        game = int(np.searchsorted(records.game_start, ply, side="right")) - 1
        entries = slice(*records.policy_start[ply : ply + 2])
        mine = slice(*found.policy_start[row : row + 2])
        assert found.policy_action[mine].tolist() == records.policy_action[entries].tolist()
        assert found.policy_prob[mine].tolist() == records.policy_prob[entries].tolist()
        assert found.search_value[row] == records.search_value[ply]
        assert found.is_validation[row] == kept[game]
        if rules.num_players == 1:
            expected = np.float32(rules.search_value(float(records.returns[game, 0])))
            assert found.result[row] == expected
    if rules.num_players == 2:
        # The mover's view: colours alternate from the first ply of each game.
        first = records.game_start[np.searchsorted(records.game_start, plies, side="right") - 1]
        game = np.searchsorted(records.game_start, plies, side="right") - 1
        np.testing.assert_array_equal(found.result, records.returns[game, (plies - first) % 2])
        assert {-1, 1} <= set(found.result.tolist())


def test_untrained_versions_teach_results_and_what_is_proven():
    records = games("connect_four")
    found = samples_of_shard(
        meta_of("connect_four"), records, name="x", validation_share=0.0, untrained_version=1
    ).samples
    plies = np.flatnonzero(records.ply_flags & VALUE)
    original = records.search_value[plies]
    np.testing.assert_array_equal(np.isnan(found.search_value), np.abs(original) != 1)


def test_a_shard_that_does_not_replay_is_refused():
    records = games("connect_four")
    action = records.action.copy()
    action[5] = 7
    from dataclasses import replace

    with pytest.raises(ShardError, match=r"bad\.npz: does not replay: game 0, ply 5: illegal"):
        samples_of_shard(
            meta_of("connect_four"),
            replace(records, action=action),
            name="bad.npz",
            validation_share=0,
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_window_grown_step_by_step_is_the_window_made_at_once(name):
    batches = [samples(name, 12, first_game=first) for first in (0, 100, 200)]
    total = sum(len(batch) for batch in batches)
    whole = Samples.concatenated([batch.samples for batch in batches])
    for limit in (total + 5, total, total - 1, len(batches[2]) + 3, len(batches[2]) - 7, 1):
        at_once = SampleWindow.from_sources(name, batches, max_positions=limit)
        grown = SampleWindow.empty(name, max_positions=limit)
        for batch in batches:
            grown = grown.extended([batch])
        assert len(at_once) == min(limit, total) == sum(s.num_positions for s in at_once.sources)
        assert same(at_once.samples, grown.samples)
        assert at_once.sources == grown.sources
        assert same(at_once.samples, Samples.concatenated([whole], skip=total - len(at_once)))
    assert [source.name for source in at_once.sources] == ["games_200"]


def test_the_same_source_twice_is_an_error():
    with pytest.raises(ValueError, match="already in the window: games_0"):
        window("connect_four").extended([samples("connect_four")])


def test_threads_change_nothing():
    assert same(
        samples("connect_four", 600).samples, samples("connect_four", 600, threads=3).samples
    )


def test_rows_are_split_by_game():
    made = window("connect_four", 300)
    rows = np.sort(np.concatenate([made.training_rows, made.validation_rows]))
    np.testing.assert_array_equal(rows, np.arange(len(made)))
    assert 0.1 < len(made.validation_rows) / len(made) < 0.3
