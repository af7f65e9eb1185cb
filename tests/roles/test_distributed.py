"""Jobs of several ranks, however they are started: one group, one writer, nothing lost."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
import torch
from run_kit import PATIENCE_SECONDS, wait_for
from test_ranks import free_port

from sample_data import games, meta_of
from support import PATIENCE
from zerofleet.nets.model_file import model_from_safetensors
from zerofleet.records.write import encode_shard
from zerofleet.run.commit import read_checkpoints, read_latest
from zerofleet.run.layout import TRAINER_LEASE
from zerofleet.run.lease import read_lease
from zerofleet.run.models import fetch_model, read_version
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore

HERE = Path(__file__).parent
TRAIN = str(HERE / "train_main.py")
TORCHRUN = str(HERE / "torchrun_main.py")
SETTINGS = {
    "net.kind": "mlp",
    "net.num_layers": 1,
    "net.num_units": 16,
    "training.compile": "false",
    "training.compute_dtype": "float64",
    "training.optimizer": "sgd",
    "training.warmup_steps": 5,
    "fleet.heartbeat_seconds": 0.5,
}
STEP = re.compile(r"epoch (\d+)/\d+, step (\d+)/(\d+): loss (\d+\.\d+)")


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """A folder of shards, one of them damaged, one of another game."""
    folder = tmp_path_factory.mktemp("shards")
    for batch in range(3):
        meta = meta_of("connect_four", batch=batch)
        data = encode_shard(meta, games("connect_four", 15, first_game=15 * batch))
        (folder / f"v0001_w1_{batch:04d}.npz").write_bytes(data)
    (folder / "v0001_w1_0007.npz").write_bytes(data[:-700])
    other = encode_shard(meta_of("tic_tac_toe"), games("tic_tac_toe", 5))
    (folder / "v0001_w2_0000.npz").write_bytes(other)
    return folder


def options(shards, save_dir, *, epochs=3, **settings):
    keys = {**SETTINGS, **settings}
    return [
        "--recipe=connect_four",
        f"--data={shards}",
        f"--save-dir={save_dir}",
        "--device=cpu",
        "--batch-size=31",
        "--learning-rate=0.05",
        f"--epochs={epochs}",
        *(f"--set={key}={value}" for key, value in keys.items()),
    ]


def start_by_hand(run, num_ranks, argv, faults=()):
    port = free_port()
    return [
        run.start(
            TRAIN,
            f"--world-size={num_ranks}",
            f"--rank={rank}",
            f"--master-port={port}",
            *argv,
            fault=faults[rank] if faults else "",
            env={"OMP_NUM_THREADS": "1"},
        )
        for rank in range(num_ranks)
    ]


def test_a_log_that_cannot_be_written_ends_no_job(run, shards, tmp_path):
    log = tmp_path / "job" / "logs" / "distributed_training.log"
    log.parent.mkdir(parents=True)
    log.symlink_to("/dev/full")
    (job,) = start_by_hand(run, 1, options(shards, tmp_path / "job", epochs=1))
    assert job.wait() == 0, job.text()
    assert "done: 1 epoch\n" in job.text()


def test_why_a_job_failed_is_in_its_lease_and_in_one_line(run, shards, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "v0001_w1_0007.npz").write_bytes((shards / "v0001_w1_0007.npz").read_bytes())
    (job,) = start_by_hand(run, 1, options(bad, tmp_path / "job"))
    assert job.wait() == 2
    lease = read_lease(DirectoryStore(tmp_path / "job"), TRAINER_LEASE)
    assert lease["state"] == "stopped"
    assert "1 file, none of which could be used" in lease["error"]
    # Not by us, and nobody's mistake in our code.
    (tmp_path / "blocked" / "logs" / "distributed_training.log").mkdir(parents=True)
    (job,) = start_by_hand(run, 1, options(shards, tmp_path / "blocked"))
    assert job.wait() == 1
    assert "distributed_training.log: Is a directory" in job.text().splitlines()[-1]


def losses_of(*texts):
    """What each step of each epoch said last."""
    found = {}
    for text in texts:
        for epoch, step, _, loss in STEP.findall(text):
            found[int(epoch), int(step)] = float(loss)
    return found


def learner_of(save_dir):
    store = DirectoryStore(save_dir)
    path = save_dir / read_latest(store).files["learner.pt"].key
    return torch.load(path, weights_only=True)


def test_a_killed_job_goes_on_with_other_numbers_of_ranks(run, shards, tmp_path):
    (whole,) = start_by_hand(run, 1, options(shards, tmp_path / "whole"))
    assert whole.wait() == 0, whole.text()
    assert "process group: 1 rank on 1 node" in whole.text()
    num_steps = int(STEP.search(whole.text())[3])
    assert num_steps >= 8

    # Rank 1 of 2 dies after the seventh step of the first epoch; every second one is saved.
    save_dir = tmp_path / "parts"
    argv = [*options(shards, save_dir), "--checkpoint-steps=2"]
    first, dead = start_by_hand(run, 2, argv, ["", "training.after_step:7"])
    assert dead.wait() == -signal.SIGKILL
    started = time.monotonic()
    assert first.wait() == 1, first.text()
    assert time.monotonic() - started < 60
    assert "rank 0 of 2 waits for others: rank 1 is gone or hung" in first.text()
    assert "process group: 2 ranks on 1 node" in first.text()
    assert "Batch size per rank: 15 or 16, total: 31" in first.text()
    assert not dead.text()  # rank 0 alone prints
    run_store = DirectoryStore(save_dir)
    assert read_latest(run_store).summary["progress"]["step"] == 6

    three = start_by_hand(run, 3, [*options(shards, save_dir, epochs=2), "--resume"])
    for rank in three:
        assert rank.wait() == 0, rank.text()
    assert "goes on from epoch 1, step 6 of epoch 1" in three[0].text()
    assert "Batch size per rank: 10 or 11, total: 31" in three[0].text()
    assert read_version(run_store) == 2
    (last,) = start_by_hand(run, 1, options(shards, save_dir))
    assert last.wait() == 0, last.text()

    expected = losses_of(whole.text())
    assert sorted(expected) == [(e, s) for e in (1, 2, 3) for s in range(1, num_steps + 1)]
    found = losses_of(first.text(), three[0].text(), last.text())
    assert found == pytest.approx(expected, abs=2e-4)
    # Every step of the three parts was counted once, and the net is what it would have been.
    a, b = learner_of(tmp_path / "whole"), learner_of(save_dir)
    samples = int(re.search(r"([\d,]+) to train on", whole.text())[1].replace(",", ""))
    assert a["num_samples"] == b["num_samples"] == 3 * samples
    for name, weights in a["average"].items():
        torch.testing.assert_close(b["average"][name], weights, rtol=0, atol=1e-9)
    assert [entry["positions"] for entry in read_stats(run_store)] == [samples] * 3
    averages = r"epoch 1/\d: average loss (\d\.\d+)"
    assert float(re.search(averages, three[0].text())[1]) == pytest.approx(
        float(re.search(averages, whole.text())[1]), abs=2e-4
    )

    # What people and players get.
    path = save_dir / "Mlp_1x16_distributed.pt"
    assert f"saved {path}" in last.text()
    opened = torch.load(path, weights_only=True)
    model = model_from_safetensors(fetch_model(run_store).data)
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, opened["state"][name])
    assert "2 skipped" in last.text()
    assert "v0001_w2_0000.npz" in last.text()
    assert (save_dir / "logs" / "distributed_training.log").read_text().count("goes on from") == 2


def test_a_rank_that_hangs_ends_the_job(run, shards, tmp_path):
    argv = [*options(shards, tmp_path / "job"), f"--timeout-seconds={6 * PATIENCE}"]
    first, frozen = start_by_hand(run, 2, argv, ["", "training.after_step:3:freeze"])
    assert first.wait() == 1, first.text()
    assert "rank 0 of 2 waits for others: rank 1 is gone or hung" in first.text()
    frozen.signal(signal.SIGKILL)


@pytest.mark.long
def test_launch_starts_a_group_again(run, shards, tmp_path):
    save_dir = tmp_path / "job"
    argv = options(shards, save_dir, epochs=1_000_000)
    launcher = run.start(
        "launch",
        "--gpus=2",
        "--max-restarts=1",
        "--timeout-seconds=60",
        *argv,
        env={"OMP_NUM_THREADS": "1"},
    )
    launcher.wait_for_text("epoch 2/")
    (victim,) = [pid for pid in descendants(launcher.pid) if rank_of(pid) == "1"]
    os.kill(victim, signal.SIGKILL)
    started = time.monotonic()
    launcher.wait_for_text("goes on from epoch")
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert launcher.text().count("process group: 2 ranks on 1 node") == 2
    first = launcher.text().index("goes on from epoch")
    wait_for(lambda: "average loss" in launcher.text()[first:], "the next epoch")
    assert launcher.stop() == 128 + signal.SIGTERM
    assert "stopped; start it again to go on" in launcher.text()
    kept = read_checkpoints(DirectoryStore(save_dir))
    assert kept[-1].summary["progress"]["epoch"] >= 1


def descendants(pid):
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def rank_of(pid):
    env = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next((e[5:].decode() for e in env if e.startswith(b"RANK=")), None)


def seen_by(node, argv):
    """Node 0 alone has to see the games."""
    hidden = ["--data=/nowhere" if word.startswith("--data=") else word for word in argv]
    return argv if node == 0 else hidden


def agents_by_torchrun(run, nodes, port, argv):
    return [
        run.start(
            TORCHRUN, f"--nnodes={nodes}", f"--node_rank={node}", "--nproc_per_node=1",
            "--master_addr=127.0.0.1", f"--master_port={port}", "-m", "zerofleet.train",
            *seen_by(node, argv),
        )
        for node in range(nodes)
    ]  # fmt: skip


def agents_by_launch(run, nodes, port, argv):
    return [
        run.start(
            "launch", "--gpus=1", f"--nodes={nodes}", f"--node-rank={node}",
            "--master-addr=127.0.0.1", f"--master-port={port}", *seen_by(node, argv),
        )
        for node in range(nodes)
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("nodes", [2, 3])
@pytest.mark.parametrize("start", [agents_by_torchrun, agents_by_launch])
def test_nodes_make_one_group(run, shards, tmp_path, start, nodes):
    agents = start(run, nodes, free_port(), options(shards, tmp_path / "job", epochs=1))
    for agent in agents:
        assert agent.wait() == 0, agent.text()
    text = "".join(agent.text() for agent in agents)
    check_one_group(text, tmp_path / "job", nodes, f"{nodes} nodes")


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        [TORCHRUN, "--nproc_per_node=2", "--master_port=PORT", "-m", "zerofleet.train"],
        [TORCHRUN, "--standalone", "--nproc_per_node=2", "-m", "zerofleet.train"],
        [TRAIN, "--world-size=2"],
        ["launch", "--gpus=2", "--master-port=PORT"],
    ],
)
def test_ranks_of_one_host_make_one_group(run, shards, tmp_path, words):
    words = [word.replace("PORT", str(free_port())) for word in words]
    job = run.start(*words, *options(shards, tmp_path / "job", epochs=1))
    assert job.wait() == 0, job.text()
    check_one_group(job.text(), tmp_path / "job", 2, "1 node")


def check_one_group(text, save_dir, num_ranks, where):
    """One group of so many ranks, of which one writes: every step is told and saved once."""
    groups = re.findall(r"process group: .*", text)
    assert groups == [f"process group: {num_ranks} ranks on {where}"]
    steps = [match[:2] for match in STEP.findall(text)]
    assert len(steps) == len(set(steps)) == int(STEP.search(text)[3])
    assert text.count("saved ") == len(read_checkpoints(DirectoryStore(save_dir))) == 1


@pytest.mark.long
def test_the_exit_status_of_the_job_is_the_launchers(run, tmp_path):
    job = run.start("launch", "--gpus=1", f"--data={tmp_path / 'no'}", f"--save-dir={tmp_path}")
    assert job.wait() == 2, job.text()
    assert f"--data {tmp_path / 'no'}: no such run directory, folder or file" in job.text()


def test_mistakes_are_told_before_anything_starts(run, tmp_path):
    here = f"--data={tmp_path}"
    for words, status, text in (
        (["launch"], 2, "--data is missing"),
        (["launch", "--gpu", "2"], 1, "Unknown option: --gpu"),
        ([TRAIN, "--data=x", "--dist-url=tcp://a:1"], 2, "Unknown option: --dist-url"),
        ([TRAIN, "--data=x", "--nodes=2"], 2, "Unknown option: --nodes"),
        (["launch", "--nodes=2", "--node-rank=2", "--data=x"], 1, "--node-rank 2: the job has 2"),
        ([TRAIN, "--data=x", "--rank=1"], 1, "--rank is given, --world-size is not"),
        ([TRAIN, here, "--recipe=ultimate_ttt"], 2, "its net is an NNUE"),
        ([TRAIN, here, "--resume", f"--save-dir={tmp_path}"], 2, "there is no checkpoint in"),
        ([TRAIN, "--data=x"], 2, "--data x: no such run directory, folder or file"),
        ([TRAIN, "--data=x", "--batch-size=0"], 2, "Must be >= 1"),
    ):
        job = run.start(*words)
        assert job.wait() == status, (words, job.text())
        assert text in job.text()
