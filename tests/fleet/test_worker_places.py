"""What a fleet knows of its workers and says of them: devices, memory, rates, ways, phases."""

import json
import logging
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ssh_hosts import SshHost

from support import require_program
from zerofleet.cli.fleet_doctor import _memory, stages
from zerofleet.fleet import Fleet
from zerofleet.fleet import ssh_fleet as ssh_fleet_module
from zerofleet.fleet.examine import HostReport
from zerofleet.fleet.host_figures import HostFigures
from zerofleet.fleet.plan import begin_plan
from zerofleet.fleet.probe import HostFacts
from zerofleet.fleet.spec import WorkerSpec
from zerofleet.fleet.ssh_fleet import SshFleet
from zerofleet.fleet.status import collect
from zerofleet.fleet.worker_command import worker_argv, worker_env
from zerofleet.games.evaluation import random_evaluator
from zerofleet.roles.config import resolve
from zerofleet.roles.worker_memory import worker_memory_bytes
from zerofleet.run.documents import encode
from zerofleet.run.layout import TRAINER_LEASE, worker_lease_key
from zerofleet.run.lease import Lease, LeaseWatch
from zerofleet.run.store import DirectoryStore
from zerofleet.selfplay import Pool, run_pool

GIB = 1 << 30


def facts(**changes):
    found = {
        "python": (3, 11, 7),
        "executable": "/usr/bin/python3",
        "zerofleet": "0.1.0",
        "why": "",
        "free_bytes": 50 * GIB,
        "writable": True,
        "exists": "/home/zero",
        "cores": 8,
        "gpus": 2,
        "memory_bytes": 16 * GIB,
        "torch": {"torch": "2.13.0", "cuda": True},
    }
    return HostFacts(**{**found, **changes})


def test_a_worker_sees_the_gpu_of_its_entry_alone():
    spec = WorkerSpec(name="w3", host="gpu1", gpu_id=1, env={"CUDA_VISIBLE_DEVICES": "0,1"})
    assert worker_env(spec)["CUDA_VISIBLE_DEVICES"] == "1"
    words = worker_argv(spec, "python3", "/home/zero/run")
    assert words[words.index("--device") + 1] == "cuda"
    assert words[words.index("--worker-id") + 1] == "w3"
    assert words[words.index("--run-dir") + 1] == "/home/zero/run"
    anywhere = WorkerSpec(name="w4", host="gpu1")
    assert "CUDA_VISIBLE_DEVICES" not in worker_env(anywhere)
    words = worker_argv(anywhere, "python3", "/home/zero/run")
    assert words[words.index("--device") + 1] == "auto"


def test_a_gpu_that_is_not_there():
    def problem(gpus, gpu_id):
        return facts(gpus=gpus).problem(python="python3", version="0.1.0", gpu_id=gpu_id)

    assert problem(2, 1) == ""
    assert problem(2, 2) == "gpu_id 2: there is GPUs 0 to 1 there"
    assert problem(0, 0) == "gpu_id 0: there is no GPU there"


def test_what_the_doctor_says_of_a_host():
    report = HostReport("w1", "zero@gpu1", facts=facts())
    assert report.lines() == [
        "Python 3.11.7, zerofleet 0.1.0, 8 cores, 2 GPUs, 16 GiB memory, 50.0 GiB free at "
        "/home/zero",
        "torch 2.13.0, torch.cuda.is_available(): yes",
    ]
    config = resolve({"game": {"name": "chess"}, "net": {"kind": "resnet"}}, None, {})
    (line,) = _memory(report, config)
    bound = worker_memory_bytes(config, 8) / GIB
    assert line == f"memory: a worker of 8 threads takes at most {bound:.1f} GiB"
    (line,) = _memory(HostReport("w1", "x", facts=facts(memory_bytes=GIB // 2)), config)
    assert "more than the host has: fewer selfplay.num_parallel_games" in line


@pytest.mark.parametrize("game", ["connect_four", "chess"])
def test_a_worker_takes_no_more_memory_than_is_said(game):
    """What is said beforehand is not below the pool's own bound, and that not below its use."""
    keys = {"search.num_simulations": 40, "selfplay.num_parallel_games": 16, "search.cache_mib": 2}
    config = resolve({"game": {"name": game}, "net": {"kind": "resnet"}}, None, keys)
    pool = Pool(
        game, config.search, config.selfplay.model_copy(update={"max_plies": 30}), threads=1
    )
    pool.add_games(0, 16)
    run_pool(pool, random_evaluator)
    memory = pool.memory()
    assert 0 < memory.nodes <= memory.nodes_limit
    assert memory.nodes_limit <= worker_memory_bytes(config, 1)
    assert worker_memory_bytes(config, 4) > worker_memory_bytes(config, 1)


def lease_of(store, worker, **changes):
    Lease.acquire(store, worker_lease_key(worker)).beat(**changes)


def fleet_status(store, **links):
    hosts = {
        name: {
            "where": "zero@gpu1",
            "reason": "",
            "is_syncing": False,
            "is_refused": False,
            "link": "connected",
            "worker": "running",
            "model_version": 3,
            **link,
        }
        for name, link in links.items()
    }
    document = {
        "format": 1,
        "is_up": True,
        "problem": "",
        "model_sync_seconds": 12.3,
        "network_bytes_per_minute": 45_600_000,
        "workers": hosts,
    }
    store.put("fleet/status.json", encode(document))
    Lease.acquire(store, "fleet/main.json").beat(state="active")


def test_a_worker_whose_process_the_main_node_sees_is_confirmed(store):
    for worker in "ab":
        lease_of(store, worker, state="active")
        key = worker_lease_key(worker)
        store.put(key, encode({**json.loads(store.read(key)), "boot_id": "of another host"}))
    fleet_status(store, a={}, b={"link": "waiting"})
    status = collect(store, LeaseWatch())
    assert [worker.confirmed for worker in status.workers] == [True, False]
    lines = [line.split() for line in status.text().splitlines() if "🟢" in line]
    assert [(words[0], "(unconfirmed)" in words) for words in lines] == [("a", False), ("b", True)]


def test_stages_of_a_run_and_their_rates(store):
    """Where games are slow: each stage has its rate, each worker that lags its reason."""
    for worker, rate in (("a", 30.0), ("b", 6.5)):
        lease_of(store, worker, state="active", rates={"games_per_second": rate})
    fleet_status(store, a={}, b={"model_version": 1, "reason": "the disk is full there"})
    store.put("model/version.txt", b"3\n")
    store.put("data/v0003_a_0001.npz", bytes(3 << 19))
    store.put("rejected/x.npz.reason.txt", b"why")
    entry = {"model_version": 3, "games": 100, "positions": 5000, "losses": {}}
    entries = [{**entry, "iteration": n, "seconds": 20.0 * n} for n in (1, 2)]
    store.put("training_stats.json", encode(entries))
    status = collect(store, LeaseWatch())
    assert list(stages(status)) == [
        "self-play   36.5 games/s of 2 workers",
        "    a: games per second 30",
        "    b: games per second 6.5",
        "transfer    45.6 MB/min, newest network 12.3 s on its way",
        "    b: has version 1 of 3",
        "    b: the disk is full there",
        "intake      1 file (1.5 MiB) waiting for the trainer; 1 refused",
        "training    30.0 s a loop, of the last 2",
    ]
    text = status.text()
    for line in ("Games/second: 36.5", "Model sync time: 12.3s", "Network usage: 45.6 MB/min"):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("collecting", "self-play"),
        ("training", "training"),
        ("rating", "arena"),
        ("arena", "arena"),
    ],
)
def test_phases_as_people_read_them(store, written, shown):
    entry = {"iteration": 6, "model_version": 7, "games": 10, "positions": 50, "losses": {}}
    store.put("training_stats.json", encode([entry]))
    Lease.acquire(store, TRAINER_LEASE).beat(state="active", progress={"phase": written})
    status = collect(store, LeaseWatch())
    assert (status.phase, status.iteration) == (shown, 7)
    assert f"Phase          {shown}, iteration 7" in status.text().splitlines()
    store.put("config.json", encode({"pacing": {"games_per_iteration": 0}}))
    text = collect(store, LeaseWatch()).text()
    assert f"Phase          {shown}, loop 7" in text.splitlines()


def test_looking_at_a_fleet_changes_nothing(tmp_path):
    fleet = Fleet(tmp_path / "nowhere")
    assert not fleet.is_up
    assert fleet.status().workers == ()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def group(tmp_path):
    """A main node of a fleet without hosts."""
    (tmp_path / "run" / "logs").mkdir(parents=True)
    (tmp_path / "fleet.yaml").write_text("workers: []\n")
    begin_plan(DirectoryStore(tmp_path / "run"), tmp_path / "fleet.yaml")
    group = SshFleet(tmp_path / "run", on_event=lambda event: None)
    yield group
    group._hosts.clear()
    group.close()


def test_the_slowest_way_of_the_newest_network_counts(group, tmp_path):
    for name, seconds in (("a", 1.5), ("b", 7.25)):
        spec = WorkerSpec(name=name, host=name, workdir="w")
        child = SimpleNamespace(state="running", num_starts=1)
        group._hosts[name] = SimpleNamespace(
            spec=spec, child=child, figures=HostFigures(model_seconds=seconds), is_over=True
        )
    group._write_status(now=True)
    assert json.loads((tmp_path / "run/fleet/status.json").read_text())["workers"].keys() == {
        "a",
        "b",
    }
    assert Fleet(tmp_path / "run").status().model_sync_seconds == 7.25


def test_the_main_log_is_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr(ssh_fleet_module, "LOG_BYTES", 500)
    (tmp_path / "logs").mkdir()
    log = ssh_fleet_module._open_log(tmp_path)
    for number in range(100):
        log.info("[a] event %d", number)
    for handler in log.handlers:
        handler.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert files[0].name == "distributed_training.log"
    assert len(files) == 1 + ssh_fleet_module.LOG_FILES
    assert all(file.stat().st_size <= 500 for file in files)
    assert "event 99" in files[0].read_text()
    assert isinstance(log, logging.Logger)


def test_watching_over_ssh_in_one_line(tmp_path):
    """ssh HOST "zerofleet watch RUN --simple", over a real OpenSSH server."""
    ssh = require_program("ssh")
    run = tmp_path / "run"
    run.mkdir()
    entry = {"iteration": 1, "model_version": 2, "games": 100, "positions": 5000, "losses": {}}
    (run / "config.json").write_text(json.dumps({"game": {"name": "chess"}}))
    (run / "training_stats.json").write_bytes(encode([entry]))
    Lease.acquire(Fleet(run)._store, TRAINER_LEASE).release()
    with SshHost(tmp_path / "host") as host:
        known = tmp_path / "known_hosts"
        known.write_text(host.known_hosts_line())
        options = [f"UserKnownHostsFile={known}", "IdentitiesOnly=yes", "BatchMode=yes"]
        done = subprocess.run(
            [
                *(ssh, "-F", "none", "-p", str(host.port), "-i", str(host.home / "user_key")),
                *(word for option in options for word in ("-o", option)),
                host.address,
                f"{sys.executable} -m zerofleet watch {run} --simple",
            ],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert re.match(r"Loop 1(/\d+)?  collected 5,000 positions", first), first
    assert last == "trainer stopped"
