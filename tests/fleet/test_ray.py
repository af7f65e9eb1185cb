"""The run directory as an actor, workers as actors: a cluster of two nodes, one of which dies."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ray_cluster import TwoNodes, wait_for

from support import PATIENCE, require
from zerofleet.fleet.ray import ClusterSize, WorkerService, deliver_left_behind, kept_game_file
from zerofleet.parallel.clusters import Cluster
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import CONSUMED, WORKERS
from zerofleet.run.place import Place, state_directory
from zerofleet.run.ray_store import RayStore, StoreAddress, connect, end_service, start_service
from zerofleet.run.series import read_series
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore, iterate

sys.path.insert(0, str(Path(__file__).parent.parent / "run"))
from store_conformance import StoreConformance

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def nodes():
    nodes = TwoNodes()
    yield nodes
    require("ray").shutdown()
    nodes.end()


@pytest.fixture(scope="module")
def service(nodes, tmp_path_factory):
    directory = tmp_path_factory.mktemp("ray") / "run"
    directory.mkdir()
    ray = connect(nodes.address)
    start_service(ray, "store-conformance", directory)
    yield directory
    end_service(ray, "store-conformance")


@pytest.mark.long
class TestRayStore(StoreConformance):
    @pytest.fixture
    def store(self, nodes, service):
        store = RayStore(f"rayactor://{nodes.address}/store-conformance")
        for entry in list(iterate(store, "")):
            store.delete(entry.key)
        return store

    def test_it_is_the_directory(self, store, service):
        store.put("data/a", b"1")
        assert DirectoryStore(service).read("data/a") == b"1"

    def test_an_actor_that_dies_comes_back_and_calls_go_on(self, store, nodes):
        ray = connect(nodes.address)
        done, failed = threading.Event(), []

        def use(number):
            count = 0
            while not done.is_set():
                key = f"data/{number}-{count}"
                if (
                    not store.put_if_absent(key, b"%d" % number)
                    or store.read(key) != b"%d" % number
                ):
                    failed.append(key)
                count += 1

        threads = [threading.Thread(target=use, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            actor = ray.get_actor("store-conformance", namespace="zerofleet")
            before = len(store.list("data/").entries)
            ray.kill(actor, no_restart=False)
            wait_for(lambda n=before: len(store.list("data/").entries) > n, "calls that go on")
        done.set()
        for thread in threads:
            thread.join()
        assert failed == []

    def test_a_second_session_on_a_directory_is_refused(self, nodes, service):
        with pytest.raises(StoreError, match="another session has this directory"):
            start_service(connect(nodes.address), "store-conformance", service)

    def test_an_actor_that_is_not_there(self, nodes):
        store = RayStore(f"rayactor://{nodes.address}/store-none", patience_seconds=0.2)
        with pytest.raises(StoreError, match="is the command that trains still running"):
            store.read("a")


SETTINGS = {
    "net.num_accumulators": 32,
    "net.num_hidden1": 4,
    "net.num_hidden2": 4,
    "net.num_buckets": 1,
    "training.compile": "false",
    "training.min_steps": 1,
    "training.train_epochs": 1,
    "search.depth": 4,
    "search.table_kib": 16,
    "selfplay.games_per_batch": 20,
    "pacing.min_new_positions": 2000,
    "pacing.poll_seconds": 0.2,
    "fleet.heartbeat_seconds": 0.5,
    "fleet.dead_after_seconds": 10 * PATIENCE,
    "replay.keep": "all",
    "arena.eval_games": 0,
}


def shards_of(store, worker):
    return [e.key for e in iterate(store, CONSUMED) if f"_{worker}_" in e.key]


@pytest.mark.long
def test_a_node_dies_while_it_plays_and_the_run_completes(nodes, tmp_path):
    directory = tmp_path / "run"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "zerofleet", "train", "ultimate_ttt"),
            *("--run-dir", str(directory), "--device", "cpu", "--max-loops", "6"),
            *("--fleet", f"ray://{nodes.address}", "--workers", "2"),
            *(f"--set={key}={value}" for key, value in SETTINGS.items()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "OMP_NUM_THREADS": "1"},
    )
    store = DirectoryStore(directory)
    try:
        wait_for(
            lambda: (
                process.poll() is not None
                or all(shards_of(store, worker) for worker in ("ray-0", "ray-1"))
            ),
            "both workers to play",
        )
        assert process.poll() is None, process.stdout.read()
        loops = len(read_stats(store))
        before = {w: json.loads(store.read(f"{WORKERS}{w}.json")) for w in ("ray-0", "ray-1")}
        killed = nodes.kill_node()
        assert {lease["pid"] for lease in before.values()} <= set(
            killed
        )  # they really played there
        nodes.add_node()
        output, _ = process.communicate(timeout=500)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    stats = read_stats(store)
    assert [entry["iteration"] for entry in stats] == list(range(7))
    assert len(stats) > loops
    report = audit(store, shard_account)
    assert report.is_sound, report.text()
    # Both came back, each as itself: another session, and numbers that go on.
    for worker, lease in before.items():
        after = json.loads(store.read(f"{WORKERS}{worker}.json"))
        assert after["session"] != lease["session"]
        assert after["next_batch"] > lease["next_batch"]
    # Every game that a worker says it delivered is counted or waits; consumed/ holds what counts.
    contents = [shard_account(store.read(e.key)) for e in iterate(store, CONSUMED)]
    assert report.num_games_counted == sum(len(c.game_numbers) for c in contents)
    for worker in before:
        noted = read_series(directory / "logs", f"worker_{worker}")
        delivered = {e["name"] for e in noted if e["kind"] == "batch"}
        there = {e.key.rpartition("/")[2] for p in (CONSUMED, "data/") for e in iterate(store, p)}
        assert delivered
        assert delivered <= there


@pytest.mark.long
def test_a_game_of_ones_own_goes_along(nodes, tmp_path):
    """The workers play the file they were sent, not one at the same path on their node."""
    file = tmp_path / "here" / "custom_game.py"
    file.parent.mkdir()
    file.write_bytes((ROOT / "examples" / "custom_game.py").read_bytes())
    directory = tmp_path / "run"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "zerofleet", "train", f"{file}:Line"),
            *("--run-dir", str(directory), "--device", "cpu", "--max-loops", "2"),
            *("--fleet", f"ray://{nodes.address}", "--workers", "2", "--simulations", "4"),
            *("--games-per-iteration", "20", "--blocks", "1", "--filters", "8"),
            *("--set", "arena.eval_games=0", "--set", "training.compile=false"),
        ],
        capture_output=True,
        text=True,
        timeout=300 * PATIENCE,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [entry["games"] for entry in read_stats(DirectoryStore(directory))] == [0, 20, 20]
    said = "".join(log.read_text() for log in directory.rglob("*.log"))
    assert "sha256" not in said  # nobody was refused


def test_what_fleet_names():
    assert Cluster.parse("ray") == Cluster("ray", None)
    assert Cluster.parse("ray://10.0.0.1:6379") == Cluster("ray", "10.0.0.1:6379")
    assert Cluster.parse("fleet.yaml") is None
    assert Cluster.parse("ray.yaml") is None
    for text in ("ray://", "ray://head", "ray://head:port"):
        with pytest.raises(ValueError, match=r"expected ray, or ray://HOST:PORT"):
            Cluster.parse(text)


def test_room_is_counted_node_by_node():
    size = ClusterSize(cpus=(4, 7, 0), gpus=(0, 2, 0))
    assert size.room(2, 0) == 5
    assert size.room(1, 0.5) == 4
    assert size.room(4, 1) == 1
    assert size.room(8, 0) == 0


def test_addresses_of_a_store():
    address = StoreAddress.parse("rayactor://10.0.0.1:6379/store-1f")
    assert (address.cluster, address.actor) == ("10.0.0.1:6379", "store-1f")
    assert str(address) == "rayactor://10.0.0.1:6379/store-1f"
    for text in ("rayactor://h:1", "rayactor:///a", "rayactor://h:1/a/b", "s3://h/a"):
        with pytest.raises(ValueError, match="expected rayactor://HOST:PORT/ACTOR"):
            StoreAddress.parse(text)


def train(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "zerofleet", "train", "ultimate_ttt", *arguments],
        capture_output=True,
        text=True,
        timeout=120 * PATIENCE,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fleet", "ray://head"], "expected ray, or ray://HOST:PORT"),
        (["--fleet", "ray", "--workers", "0"], "nobody would play"),
        (["--gpus-per-worker", "1"], "has no meaning without --fleet ray"),
    ],
)
def test_mistakes_are_said_in_a_line(arguments, message, tmp_path):
    done = train("--run-dir", str(tmp_path / "run"), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_what_a_worker_left_in_a_spool_is_delivered_by_the_next_one_there(tmp_path, monkeypatch):
    """A worker that Ray starts on another node does not see the spool of its last one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = Place(str(tmp_path / "run"))
    for worker in ("ray-0", "ray-7"):
        directory = state_directory() / "spool" / place.token / worker
        directory.mkdir(parents=True)
        (directory / f"v0001_{worker}_0003.npz").write_bytes(worker.encode())
    place.store().put("data/v0001_ray-7_0003.npz", b"ray-7")  # delivered, and then it died
    deliver_left_behind(place)
    assert place.store().list("data/").keys == tuple(
        f"data/v0001_{worker}_0003.npz" for worker in ("ray-0", "ray-7")
    )
    assert not list((tmp_path / "state").rglob("*.npz"))


def test_a_game_file_is_kept_under_its_bytes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first, changed = kept_game_file("line.py", b"one"), kept_game_file("line.py", b"two")
    assert (first.name, first.read_bytes(), changed.read_bytes()) == ("line.py", b"one", b"two")
    assert kept_game_file("line.py", b"one") == first
    assert first.parent != changed.parent


def test_a_node_with_another_zerofleet_is_refused():
    status, said = WorkerService().run("ray-0", ("worker",), {}, "run", "0.0.0")
    assert status == 2  # a usage error, so nobody tries again
    assert "the trainer has 0.0.0: install the same on every node" in said
