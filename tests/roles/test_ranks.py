"""Ranks that train together do what one process does; what they check about one another."""

import json
import socket

import pytest
import ranks_kit
import torch

from zerofleet.training import launch
from zerofleet.training.errors import TrainingError
from zerofleet.training.group import GroupError, Place, RankGroup, choose_backend
from zerofleet.training.policy_value_checkpoint import (
    policy_value_learner_to_bytes,
    restore_policy_value_learner,
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def start_ranks(run, num_ranks, script, *argv, **env):
    port = free_port()
    return [
        run.start(
            script,
            *argv,
            env={
                "RANK": str(rank),
                "WORLD_SIZE": str(num_ranks),
                "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": "1",
                **env,
            },
        )
        for rank in range(num_ranks)
    ]


@pytest.fixture(scope="module")
def alone():
    """The same trainings by one process."""
    torch.set_num_threads(1)
    window = ranks_kit.data()
    results = {}
    for case in ranks_kit.CASES:
        made = ranks_kit.learner(case)
        result = made.train_loop(window, 1, num_steps=ranks_kit.NUM_STEPS)
        results[case] = (ranks_kit.state(made), result)
    return results


def test_two_ranks_are_as_good_as_one(run, alone, tmp_path):
    script = ranks_kit.__file__.replace("ranks_kit", "ranks_job")
    ranks = start_ranks(run, 2, script, tmp_path)
    for rank in ranks:
        assert rank.wait() == 0, rank.text()
    seen = [json.loads((tmp_path / f"seen-{n}.json").read_text()) for n in range(2)]
    together = {case: torch.load(tmp_path / f"{case}.pt") for case in ranks_kit.CASES}
    for n, one in enumerate(seen):
        assert (one["group"], one["rank"], one["backend"]) == ("2 ranks on 1 node", n, "gloo")
        assert (one["sum"], one["largest"], one["json"]) == (3.0, 10, {"a": [1, "b"]})
        assert one["arrays"]
        for case, (_, result) in alone.items():
            # Losses are means over both ranks, and each sample is drawn by one of them.
            losses = [result.train.policy, result.train.value, result.train.policy_entropy]
            accuracy = 0.05 if case == "norm" else 1e-5
            assert one[case]["losses"] == pytest.approx(losses, abs=accuracy)
            assert one[case]["validation"] == pytest.approx(result.validation.total, abs=accuracy)
            assert one[case]["samples"] == result.num_samples == 50 * 33
            assert one[case]["equal"]
    difference = {
        case: ranks_kit.largest_difference(alone[case][0], together[case])
        for case in ranks_kit.CASES
    }
    assert difference["float64"] < 1e-10
    assert difference["float32"] < 1e-5
    # One rank had too little memory: its part in several, the other's too, the same gradient.
    assert difference["memory"] < 1e-10
    assert [one["memory"]["micro_batch"] for one in seen] == [4, 4]
    assert seen[0]["memory"]["asked"] == [3, 4, 17]
    assert seen[1]["memory"]["asked"] == [3, 4, 6, 17]
    said = ranks[0].text() + ranks[1].text()
    assert said.count("out of memory with 17 samples at once on rank 1: from here on 4") == 1
    # On processors batch norm looks at each rank's part, so it differs from one process.
    assert 1e-6 < difference["norm"] < 0.2
    for one in seen:
        assert "step 50: the weights of rank 1 are not those" in one["mismatch"]
        assert "policy.bias" in one["mismatch"]
        assert one["slowest"] == 0
        assert one["imbalance"] > 0.2


def test_out_of_memory_alone(alone, caplog):
    made = ranks_kit.learner("float64")
    asked = []
    ranks_kit.limit_memory(made, 10, asked)
    result = made.train_loop(ranks_kit.data(), 1, num_steps=ranks_kit.NUM_STEPS)
    assert made.gradients.micro_batch == 8
    assert max(asked[3:]) <= 8
    assert result.train.total == pytest.approx(alone["float64"][1].train.total, abs=1e-6)
    assert ranks_kit.largest_difference(ranks_kit.state(made), alone["float64"][0]) < 1e-10
    assert caplog.text.count("out of memory with 33 samples at once: from here on 8") == 1
    # A run remembers it.
    restored = ranks_kit.learner("float64")
    restore_policy_value_learner(restored, policy_value_learner_to_bytes(made))
    assert restored.gradients.micro_batch == 8


def test_not_even_one_sample_fits():
    made = ranks_kit.learner("float64")
    ranks_kit.limit_memory(made, 0)
    with pytest.raises(TrainingError, match="out of memory with a single sample at a time: take"):
        made.train_loop(ranks_kit.data(), 1, num_steps=2)


def test_other_errors_are_not_taken_for_memory():
    made = ranks_kit.learner("float64")
    made.model.forward = lambda *_: torch.zeros(2, 3) @ torch.zeros(2, 3)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        made.train_loop(ranks_kit.data(), 1, num_steps=2)


TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node0",
    "MASTER_PORT": "4711",
}


def test_a_place_among_the_ranks():
    assert Place.from_environment(environment={}) == Place()
    assert Place.from_environment(environment=TORCHRUN) == Place(3, 4, 1, 2, "node0", 4711)
    assert Place.from_environment(environment=TORCHRUN, world_size=4, rank=3).rank == 3
    by_hand = Place.from_environment(environment={}, rank=1, world_size=2, master_port=99)
    assert by_hand == Place(1, 2, 1, 2, "127.0.0.1", 99)


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ({"world_size": 8}, TORCHRUN, "--world-size 8, but the launcher says WORLD_SIZE=4"),
        ({"rank": 1}, {}, "--rank is given, --world-size is not"),
        ({"rank": 2, "world_size": 2}, {}, "rank 2 of 2: expected a rank from 0 to 1"),
        ({}, TORCHRUN | {"RANK": "one"}, "RANK=one in the environment: expected a number"),
    ],
)
def test_a_place_that_cannot_be(options, environment, message):
    with pytest.raises(GroupError, match=message):
        Place.from_environment(environment=environment, **options)


def test_backends():
    cpu = torch.device("cpu")
    assert choose_backend(None, cpu) == choose_backend("gloo", cpu) == "gloo"
    with pytest.raises(GroupError, match="it connects GPUs, and this rank computes on the proc"):
        choose_backend("nccl", cpu)
    with pytest.raises(GroupError, match="--backend mpi: expected nccl or gloo"):
        choose_backend("mpi", cpu)


@pytest.mark.parametrize(("gpus", "ranks"), [(0, 1), (1, 1), (3, 3)])
def test_a_node_has_as_many_ranks_as_gpus(monkeypatch, gpus, ranks):
    monkeypatch.setattr(launch, "usable_gpus", lambda: gpus)
    assert launch.default_ranks() == ranks


def test_a_taken_port_is_named():
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(GroupError, match=rf"port {port} of this host is taken by another prog"):
            RankGroup.join(Place(0, 2, 0, 2, "127.0.0.1", port), device="cpu", timeout_seconds=5)


def test_nobody_at_the_address():
    port = free_port()
    with pytest.raises(GroupError, match=rf"rank 1 of 2 cannot reach 127.0.0.1:{port} within 1 s"):
        RankGroup.join(Place(1, 2, 1, 2, "127.0.0.1", port), device="cpu", timeout_seconds=1)
