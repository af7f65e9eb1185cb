"""Synchronous runs of tree search: exactly the games that were asked for, whatever happens."""

import signal

import numpy as np
import pytest
import run_kit
from run_kit import wait_for
from synchronous import NUM_GAMES, check_complete

from support import PATIENCE, require
from zerofleet.nets.processor import has_int8
from zerofleet.records.read import decode_shard
from zerofleet.run.layout import CONSUMED, DATA
from zerofleet.run.rejected import read_rejected
from zerofleet.run.shares import read_share
from zerofleet.run.stats import read_stats


@pytest.fixture
def tree_run(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path, base=run_kit.TINY_TREES, recipe="tic_tac_toe")
    yield run
    run.end()


def play(run, num_workers, **settings):
    trainer = run.trainer(f"--num-workers={num_workers}", **settings)
    workers = [run.worker(f"w{n}") for n in range(num_workers)]
    return trainer, workers


def test_same_seed_same_games_with_one_two_and_three_workers(forge, tmp_path):
    num_loops, found = 2, []
    for num_workers in (1, 2, 3):
        run = run_kit.Run(
            forge, tmp_path / str(num_workers), base=run_kit.TINY_TREES, recipe="tic_tac_toe"
        )
        try:
            trainer, workers = play(run, num_workers, pacing__max_loops=num_loops)
            assert trainer.wait() == 0, trainer.text()
            assert [w.wait() for w in workers] == [0] * num_workers
            found.append(check_complete(run, num_loops))
            models = [
                run.store.read(f"model/versions/{version:04d}.safetensors")
                for version in range(1, num_loops + 2)
            ]
            assert len(set(models)) == num_loops + 1
            found[-1]["models"] = models
        finally:
            run.end()
    assert found[0] == found[1] == found[2]


def test_workers_compute_in_the_precision_that_is_asked_for(tree_run):
    """With every version of the net, not the first alone."""
    require("openvino")
    trainer, (worker,) = play(tree_run, 1, pacing__max_loops=2, selfplay__precision="int8")
    assert (trainer.wait(), worker.wait()) == (0, 0), trainer.text() + worker.text()
    check_complete(tree_run, 2)
    backends = {
        decode_shard(tree_run.store.read(CONSUMED + name), name=name)[0].evaluator_backend
        for name in tree_run.names(CONSUMED)
    }
    assert backends == {"openvino-int8"} if has_int8() else "openvino-int8" not in backends


def test_the_games_of_a_killed_worker_are_dealt_again(tree_run):
    trainer, (first, second) = play(tree_run, 2, pacing__games_per_iteration=NUM_GAMES)
    wait_for(lambda: read_share(tree_run.store, 1) is not None, "the first deal")
    second.signal(signal.SIGKILL)
    assert second.wait() == -9
    assert trainer.wait() == 0, trainer.text()
    assert first.wait() == 0
    check_complete(tree_run, 3)
    again = tree_run.worker("w1")  # the same id comes back to a run that is over: it ends
    assert again.wait() == 0


def test_a_worker_that_is_told_to_stop_delivers_the_games_it_has_finished(tree_run):
    """Though the last file is not full."""
    tree_run.settings |= {"selfplay.games_per_batch": 500}
    trainer = tree_run.trainer(pacing__games_per_iteration=50_000)
    worker = tree_run.worker("w0")
    tree_run.wait_for_shards()
    assert worker.stop() == 0
    assert trainer.stop() == 0
    games = [
        decode_shard(tree_run.store.read(DATA + name), name=name)[1].num_games
        for name in sorted(tree_run.names(DATA))
    ]
    assert set(games[:-1]) <= {500}
    assert 0 < games[-1] < 500
    assert f"{sum(games):,} games played" in worker.text()
    assert tree_run.audit().num_games_pending == sum(games)


def test_the_games_of_a_frozen_worker_are_dealt_again(tree_run):
    trainer, (first, second) = play(
        tree_run, 2, search__num_simulations=32, fleet__dead_after_seconds=8 * PATIENCE
    )
    wait_for(lambda: read_share(tree_run.store, 1) is not None, "the first deal")
    second.signal(signal.SIGSTOP)
    wait_for(lambda: tree_run.iteration() >= 1, "the first iteration without it")
    second.signal(signal.SIGCONT)
    assert trainer.wait() == 0, trainer.text()
    assert first.wait() == 0
    # It goes on, or it was suspended while it wrote its lease and stops by itself.
    assert second.wait() == 0 or "was suspended" in second.text()
    check_complete(tree_run, 3)


@pytest.mark.parametrize(
    "fault",
    [
        "trainer.after_deal",
        "trainer.after_validate:3",
        "commit.before_latest:2",
        "commit.after_latest:2",
        # The crash campaign kills a trainer of the same code there.
        *(
            pytest.param(fault, marks=pytest.mark.long)
            for fault in ("trainer.before_train", "trainer.before_move:3", "publish.after_file:2")
        ),
    ],
)
def test_a_killed_trainer_goes_on_with_the_same_games(tree_run, fault):
    workers = [tree_run.worker(f"w{n}") for n in range(2)]
    trainer = tree_run.trainer("--num-workers=2", fault=fault)
    assert trainer.wait() == -9
    trainer = tree_run.trainer("--num-workers=2")
    assert trainer.wait() == 0, trainer.text()
    assert [w.wait() for w in workers] == [0, 0]
    check_complete(tree_run, 3)


@pytest.mark.parametrize("fault", ["worker.before_submit:2", "worker.after_submit:2"])
def test_a_worker_that_dies_and_comes_back_loses_nothing(tree_run, fault):
    trainer = tree_run.trainer()
    dying = tree_run.worker("w0", fault=fault)
    assert dying.wait() == -9
    back = tree_run.worker("w0")
    assert trainer.wait() == 0, trainer.text()
    assert back.wait() == 0
    check_complete(tree_run, 3)


def test_the_games_of_a_damaged_shard_are_dealt_and_played_again(tree_run):
    trainer = tree_run.trainer(fault="trainer.after_deal:1:freeze")
    worker = tree_run.worker("w0")
    wait_for(lambda: len(tree_run.names(DATA)) == NUM_GAMES // 5, "all games of the iteration")
    name = sorted(tree_run.names(DATA))[3]
    data = tree_run.store.read(DATA + name)
    tree_run.store.put(DATA + name, data[: len(data) // 2])
    trainer.signal(signal.SIGKILL)
    assert trainer.wait() == -9
    trainer = tree_run.trainer()
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0
    assert list(read_rejected(tree_run.store)) == [name]
    check_complete(tree_run, 3)


def test_games_of_another_iteration_are_refused(tree_run):
    trainer, (first,) = play(tree_run, 1, pacing__max_loops=1)
    assert trainer.wait() == 0, trainer.text()
    assert first.wait() == 0  # before the next trainer clears STOP
    check_complete(tree_run, 1)
    name = sorted(tree_run.names(CONSUMED))[0]
    data = tree_run.store.read(CONSUMED + name)
    again = name.replace("_0001.npz", "_7777.npz")
    meta, games = decode_shard(data, name=name)
    from zerofleet.records.write import encode_shard

    meta = meta.model_copy(update={"batch": 7777})
    tree_run.store.put(DATA + again, encode_shard(meta, games))
    trainer = tree_run.trainer(pacing__max_loops=2)
    wait_for(lambda: read_rejected(tree_run.store), "the late shard to be refused")
    worker = tree_run.worker("w0")
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0
    assert "late: all games of iteration 1" in read_rejected(tree_run.store)[again]
    check_complete(tree_run, 2)


def test_a_run_keeps_its_game(tree_run):
    trainer, _ = play(tree_run, 1, pacing__max_loops=1)
    assert trainer.wait() == 0, trainer.text()
    tree_run.recipe = "connect_four"
    other = tree_run.trainer()
    assert other.wait() == 2
    assert "is a run of tic_tac_toe; the recipe connect_four is for connect_four" in other.text()


def test_asynchronous_runs_learn_when_there_is_enough(tree_run):
    trainer, (worker,) = play(
        tree_run, 1, pacing__games_per_iteration=0, pacing__min_new_positions=60
    )
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0
    entries = [entry for entry in read_stats(tree_run.store) if entry["iteration"] > 0]
    assert len(entries) == 3
    assert all(entry["positions"] >= 60 for entry in entries)
    assert all(np.isfinite(entry["losses"]["policy"]) for entry in entries)
    report = tree_run.audit()
    assert report.num_games_counted == sum(entry["games"] for entry in entries)
