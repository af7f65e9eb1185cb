"""The examples of docs/distributed.md with eight and sixteen ranks, here on processors."""

import pytest
from test_distributed import TORCHRUN, check_one_group, options, shards
from test_ranks import free_port

from zerofleet.run.commit import read_latest
from zerofleet.run.store import DirectoryStore

__all__ = ["shards"]  # a fixture

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
SECONDS = 1200.0
"""Each rank loads torch, and here they all do so on a few cores."""
ENV = {"OMP_NUM_THREADS": "1"}


def job_options(shards, save_dir, batch_size):
    words = [
        word
        for word in options(shards, save_dir, epochs=1)
        if not word.startswith("--batch-size") and "compute_dtype" not in word
    ]
    return [*words, f"--batch-size={batch_size}", "--timeout-seconds=600"]


def test_eight_ranks_of_one_node(run, shards, tmp_path):
    """The high-performance example: eight devices, a batch of all of them, mixed precision."""
    words = ["--gpus=8", "--mixed-precision", *job_options(shards, tmp_path / "job", 64)]
    job = run.start("launch", *words, env=ENV)
    assert job.wait(SECONDS) == 0, job.text()
    check_one_group(job.text(), tmp_path / "job", 8, "1 node")
    assert "Batch size per rank: 8, total: 64" in job.text()
    assert "mixed precision: " in job.text()


def test_eight_ranks_by_torchrun(run, shards, tmp_path):
    """Half of the batch, as where memory is short: the same samples in more steps."""
    words = [
        TORCHRUN,
        "--nproc_per_node=8",
        f"--master_port={free_port()}",
        "-m",
        "zerofleet.train",
    ]
    job = run.start(*words, *job_options(shards, tmp_path / "job", 32), env=ENV)
    assert job.wait(SECONDS) == 0, job.text()
    check_one_group(job.text(), tmp_path / "job", 8, "1 node")
    assert "Batch size per rank: 4, total: 32" in job.text()


def test_two_nodes_of_eight_ranks(run, shards, tmp_path):
    port = free_port()
    agents = [
        run.start(
            "launch", "--gpus=8", "--nodes=2", f"--node-rank={node}", "--master-addr=127.0.0.1",
            f"--master-port={port}", *job_options(shards, tmp_path / "job", 64), env=ENV,
        )
        for node in range(2)
    ]  # fmt: skip
    for agent in agents:
        assert agent.wait(SECONDS) == 0, agent.text()
    text = "".join(agent.text() for agent in agents)
    check_one_group(text, tmp_path / "job", 16, "2 nodes")
    assert "Batch size per rank: 4, total: 64" in text
    latest = read_latest(DirectoryStore(tmp_path / "job"))
    assert latest.summary["progress"]["epoch"] == 1
