"""A trainer on several ranks: the run is what it is with one; rank 0 alone has to do with it."""

import signal
import time

import pytest
import run_kit
from run_kit import wait_for
from synchronous import check_complete
from test_ranks import free_port

from zerofleet.nets.model_file import model_from_safetensors
from zerofleet.run.commit import read_latest
from zerofleet.run.layout import TRAINER_LEASE
from zerofleet.run.lease import read_lease
from zerofleet.run.stats import read_stats

BATCH = {"training.batch_size": 33, "pacing.max_loops": 2}  # not a multiple of the ranks


@pytest.fixture
def made(forge, tmp_path):
    runs = []

    def make(name):
        base = {**run_kit.TINY_TREES, **BATCH}
        runs.append(run_kit.Run(forge, tmp_path / name, base=base, recipe="tic_tac_toe"))
        return runs[-1]

    yield make
    for run in runs:
        run.end()


def start_ranks(run, num_ranks, *argv, faults=None, **settings):
    port = free_port()
    return [
        run.trainer(
            *argv,
            fault=(faults or {}).get(rank, ""),
            env={
                "RANK": str(rank),
                "WORLD_SIZE": str(num_ranks),
                "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": "1",
            },
            **settings,
        )
        for rank in range(num_ranks)
    ]


def weights_of(run, version):
    data = run.store.read(f"model/versions/{version:04d}.safetensors")
    return model_from_safetensors(data).state_dict()


def test_two_ranks_make_the_run_of_one(made):
    one, two = made("one"), made("two")
    trainers = [one.trainer()]
    one.worker()
    trainers += start_ranks(two, 2)
    two.worker()
    for trainer in trainers:
        assert trainer.wait() == 0, trainer.text()
    for run in (one, two):
        for role in run.roles:
            assert role.wait() == 0, role.text()
        check_complete(run, 2)
    assert not trainers[2].text()  # rank 0 alone prints
    # The same first net and games; what is learned from them differs by rounding.
    first, second = weights_of(one, 2), weights_of(two, 2)
    difference = max(float((first[n] - second[n]).abs().max()) for n in first)
    assert difference < 1e-4
    assert max(float((first[n] - weights_of(one, 1)[n]).abs().max()) for n in first) > 1e-3
    losses = [read_stats(run.store)[1]["losses"] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_a_rank_that_dies_ends_the_trainer_and_another_number_goes_on(made):
    run = made("run")
    first, dead = start_ranks(run, 2, faults={1: "training.after_step:3"})
    worker = run.worker()
    assert dead.wait() == -signal.SIGKILL
    started = time.monotonic()
    assert first.wait() == 1, first.text()
    assert time.monotonic() - started < 60
    assert "rank 1 is gone or hung" in first.text()
    assert read_latest(run.store).summary["iteration"] == 0  # the loop has not happened
    ranks = start_ranks(run, 3)
    for role in (*ranks, worker):
        assert role.wait() == 0, role.text()
    check_complete(run, 2)


def test_ranks_go_when_rank_0_does(made):
    run = made("run")
    first, second = start_ranks(run, 2)
    wait_for(lambda: read_latest(run.store) is not None, "the first net")
    assert read_lease(run.store, TRAINER_LEASE)["pid"] == first.pid
    for rank in (second, first):  # the second has nothing to say about it
        rank.signal(signal.SIGTERM)
    assert first.wait() == 0, first.text()
    assert second.wait() == 0, second.text()
    # Nobody is left waiting for one that is killed.
    first, second = start_ranks(run, 2)
    wait_for(lambda: read_lease(run.store, TRAINER_LEASE)["pid"] == first.pid, "the lease")
    wait_for(lambda: "resumed after loop" in first.text(), "rank 0 to go on")
    first.signal(signal.SIGKILL)
    assert second.wait() == 1, second.text()
    assert "rank 0, or its launcher, is gone" in second.text()


def test_nets_of_alpha_beta_want_one_device(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path)
    for rank in start_ranks(run, 2):
        assert rank.wait() in (1, 2)
    assert "so small that one trains it" in run.roles[0].text()
    assert not (run.directory / "config.json").exists()


@pytest.mark.long
def test_the_command_starts_the_ranks(made):
    run = made("run")
    sets = {**run.base, **run.settings}
    trainer = run.start(
        "trainer",
        f"--run-dir={run.directory}",
        f"--recipe={run.recipe}",
        "--gpus=cpu,cpu",
        *(f"--set={key}={value}" for key, value in sets.items()),
    )
    worker = run.worker()
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0, worker.text()
    check_complete(run, 2)
