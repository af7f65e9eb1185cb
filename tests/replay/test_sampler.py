import threading
import time

import numpy as np
import pytest

from learning_data import GAME, window
from zerofleet import _core
from zerofleet.replay.sampler import (
    MIN_BLOCK_SIZE,
    EpochSampler,
    choose_batch_size,
    epoch_plan,
)


def test_an_epoch_shows_every_position_about_once():
    rng = np.random.default_rng(0)
    bucket = rng.choice(4, 50_000, p=[0.4, 0.3, 0.299, 0.001]).astype(np.uint8)
    plan = epoch_plan(bucket, rng, batch_size=1024)
    counts = np.bincount(np.concatenate(plan), minlength=len(bucket))
    assert counts.max() <= 2
    # Lost: less than a batch at the end, and buckets with less than half a block.
    assert (counts == 0).sum() <= 1024 + 4 * MIN_BLOCK_SIZE
    assert all(len(rows) == 1024 for rows in plan)


def test_blocks_are_of_one_bucket_and_batches_have_every_bucket():
    rng = np.random.default_rng(1)
    bucket = rng.choice(4, 60_000, p=[0.5, 0.3, 0.15, 0.05]).astype(np.uint8)
    for rows in epoch_plan(bucket, rng, batch_size=4096):
        blocks = bucket[rows].reshape(-1, MIN_BLOCK_SIZE)
        assert (blocks == blocks[:, :1]).all()
        share = np.bincount(blocks[:, 0], minlength=4) / len(blocks)
        np.testing.assert_allclose(share, [0.5, 0.3, 0.15, 0.05], atol=0.07)


def epoch(number, *, seed=1):
    made = window()
    return list(EpochSampler(made, made.training_rows, batch_size=512, seed=seed, epoch=number))


def test_same_seed_and_epoch_same_batches():
    first, again, other = epoch(3), epoch(3), epoch(4)
    assert len(first) == len(again) == len(other) > 1
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.packed_NK, b.packed_NK)
        np.testing.assert_array_equal(a.search_value_N, b.search_value_N)
    assert not np.array_equal(first[0].packed_NK, other[0].packed_NK)


def test_validation_positions_are_never_drawn():
    made = window()
    kept = set(made.validation_rows)
    sampler = EpochSampler(made, made.training_rows, batch_size=512, seed=0, epoch=0)
    assert not kept & set(np.concatenate(sampler._plan))


def test_all_symmetries_are_drawn_and_keep_the_bucket():
    made = window()
    row = made.training_rows[np.argmax(made.bucket[made.training_rows] == 2)]
    rows = np.full(2 * MIN_BLOCK_SIZE, row)
    (batch,) = EpochSampler(made, rows, batch_size=2 * MIN_BLOCK_SIZE, seed=0, epoch=0)
    images = _core.encode_features(
        GAME, np.repeat(made.packed[row : row + 1], 8, axis=0), np.arange(8, dtype=np.uint8)
    )[0]
    drawn = {bytes(features) for features in batch.packed_NK}
    assert drawn == {bytes(features) for features in images}
    assert set(batch.block_bucket_n) == {made.bucket[row]}


def test_errors_of_the_thread_reach_the_trainer():
    made = window()
    sampler = EpochSampler(made, made.training_rows, batch_size=512, seed=0, epoch=0)
    sampler._plan[1] = np.array([len(made)])
    with pytest.raises(IndexError):
        list(sampler)


def test_stopping_early_ends_the_thread():
    made = window()
    for _ in EpochSampler(made, made.training_rows, batch_size=128, seed=0, epoch=0):
        break
    deadline = time.monotonic() + 5
    while any(t.name == "sampler" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("num_positions", "expected"),
    [(2_000_000, 16_384), (400_000, 8192), (100_000, 2048), (20_000, 1024), (2000, 256), (9, 128)],
)
def test_small_windows_get_small_batches(num_positions, expected):
    size = choose_batch_size(num_positions, epochs=10, largest=16_384, min_steps=400)
    assert size == expected
