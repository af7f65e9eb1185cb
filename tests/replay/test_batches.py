"""Batches: bits expanded, images, policies and masks, compared with the states themselves."""

import threading
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from sample_data import games, window
from zerofleet import _core, load_game
from zerofleet.games.evaluation import uniform_evaluator
from zerofleet.records import ShardMeta
from zerofleet.replay.batches import BatchSampler, SampleRows, draw
from zerofleet.replay.samples import SampleWindow, samples_of_shard
from zerofleet.replay.symmetries import symmetries_of
from zerofleet.selfplay import play_games

LINE = str(Path(__file__).parents[2] / "examples" / "custom_game.py") + ":Line"
VALUE = _core.PLY_VALUE_TARGET


def sampler(made, **options):
    arguments = {"batch_size": 32, "num_batches": 6, "seed": 1, "loop": 2} | options
    return BatchSampler(made, made.training_rows, **arguments)


def same(a: SampleRows, b: SampleRows) -> bool:
    def bytes_of(rows, name):
        return np.asarray(getattr(rows, name)).tobytes()

    return all(bytes_of(a, f.name) == bytes_of(b, f.name) for f in fields(a))


@pytest.mark.parametrize("name", ["connect_four", "go(size=5)", "twenty48(size=2)", "chess"])
def test_rows_are_images_of_the_states(name):
    num_games = 2 if name == "chess" else 20
    game, records = load_game(name), games(name, num_games)
    made = window(name, num_games)
    maps = symmetries_of(game)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(made))[:100]
    symmetry = rng.integers(0, len(maps), len(rows), np.uint8)
    batch = draw(made, rows, symmetries=maps, symmetry=symmetry, threads=2)
    states = {}
    for g in range(records.num_games):
        state = game.initial_state()
        for ply in range(records.game_start[g], records.game_start[g + 1]):
            if records.ply_flags[ply] & VALUE:
                states[len(states)] = (ply, state.copy())
            state.apply(int(records.action[ply]))
    for i, row in enumerate(rows):
        ply, state = states[int(row)]
        image = state.transformed(maps.numbers[symmetry[i]])
        np.testing.assert_array_equal(batch.planes_BHWC[i], image.observation().transpose(1, 2, 0))
        np.testing.assert_array_equal(batch.scalars_BS[i], image.scalars())
        assert np.flatnonzero(batch.legal_BA[i]).tolist() == image.legal_actions()
        policy = np.zeros(game.num_actions)
        entries = slice(*records.policy_start[ply : ply + 2])
        for action, p in zip(
            records.policy_action[entries], records.policy_prob[entries], strict=True
        ):
            policy[game.transform_action(int(action), maps.numbers[symmetry[i]])] = p
        np.testing.assert_allclose(batch.policy_BA[i], policy / policy.sum(), atol=1e-6)
    np.testing.assert_array_equal(batch.result_B, made.samples.result[rows])


def test_real_valued_planes():
    game = load_game(LINE)
    records = play_games(game, 4, evaluator=uniform_evaluator)
    meta = ShardMeta(game="x", model_version=1, worker_id="w", batch=0, run_seed=0)
    batch = samples_of_shard(meta, records, name="x", validation_share=0, game=game)
    made = SampleWindow.from_sources(game, [batch], max_positions=10_000)
    rows = draw(made, np.arange(len(made)))
    assert rows.planes_BHWC.dtype == np.float32
    np.testing.assert_array_equal(rows.planes_BHWC, batch.samples.planes.transpose(0, 2, 3, 1))


def test_a_sample_without_policy_has_none():
    made = window("connect_four")
    samples = made.samples
    without = replace(
        samples,
        policy_start=np.zeros(len(samples) + 1, np.int64),
        policy_action=samples.policy_action[:0],
        policy_prob=samples.policy_prob[:0],
    )
    batch = draw(replace(made, samples=without), np.arange(5))
    assert not batch.policy_BA.any()
    assert batch.legal_BA.any(axis=1).all()


def test_same_seed_same_batches_for_any_number_of_threads():
    made = window("connect_four")
    first = list(sampler(made))
    for other in (list(sampler(made, threads=3)), list(sampler(made, num_prefetch=1))):
        assert all(same(a, b) for a, b in zip(first, other, strict=True))
    again = sampler(made)
    assert all(same(a, b) for a, b in zip(list(again), list(again), strict=True))
    for other in (sampler(made, seed=2), sampler(made, loop=3)):
        assert not same(first[0], next(iter(other)))


def test_passes_draw_every_row_equally_often():
    made = window("connect_four", 10)
    count = len(made.training_rows)
    identifiers = np.arange(len(made), dtype=np.float32)
    marked = replace(made, samples=replace(made.samples, search_value=identifiers))
    drawn = np.concatenate(
        [b.search_value_B for b in sampler(marked, batch_size=7, num_batches=3 * count // 7 + 1)]
    ).astype(int)
    times = np.bincount(drawn, minlength=len(made))
    assert (times[made.validation_rows] == 0).all()
    assert set(times[made.training_rows].tolist()) <= {3, 4}
    assert sorted(drawn[:count].tolist()) == made.training_rows.tolist()


def test_symmetries_can_be_switched_off():
    made = window("go(size=5)")
    plain = list(sampler(made, symmetries=False))
    turned = list(sampler(made))
    rows = {p.planes_BHWC[i].tobytes() for p in plain for i in range(len(p))}
    known = {
        draw(made, made.training_rows).planes_BHWC[i].tobytes()
        for i in range(len(made.training_rows))
    }
    assert rows <= known
    assert not {p.planes_BHWC[i].tobytes() for p in turned for i in range(len(p))} <= known


def test_an_iterator_that_is_left_ends_its_thread():
    iterator = iter(sampler(window("connect_four"), num_batches=1000))
    next(iterator)
    iterator.close()
    assert not [t for t in threading.enumerate() if t.name == "sampler"]


def test_no_rows():
    made = window("connect_four")
    with pytest.raises(ValueError, match="no rows"):
        BatchSampler(made, made.training_rows[:0], batch_size=2, num_batches=1, seed=0, loop=0)


def test_rows_outside_the_window_are_errors():
    made = window("connect_four")
    for rows in ([len(made)], [-1]):
        with pytest.raises(ValueError, match=r"row 0: sample .* of "):
            draw(made, np.array(rows, np.int64))
    broken = replace(made.samples, legal_action=made.samples.legal_action + 3)
    with pytest.raises(ValueError, match=r"legal action \d; expected 0\.\.6"):
        draw(replace(made, samples=broken), np.arange(len(made)))
