"""Worker and trainer by the protocol: who may run, who stops when, and what each shard says."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import run_kit

from support import PATIENCE, read_only, require_program
from zerofleet import _core
from zerofleet.fleet.rsync import RsyncMirror
from zerofleet.records.read import decode_shard
from zerofleet.roles.config import AlphaBetaRunConfig, FleetConfig, GameConfig
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import CONSUMED, DATA
from zerofleet.run.lease import read_lease
from zerofleet.run.models import fetch_model, read_manifest
from zerofleet.run.stats import read_stats
from zerofleet.run.stop import request_stop, stop_requested
from zerofleet.selfplay.seeds import worker_seed

LONG_BATCH = "--games-per-batch=1000000"


def read_shards(run):
    """(meta, games) of every shard, by name."""
    found = {}
    for prefix in (DATA, CONSUMED):
        for name in run.names(prefix):
            found[name] = decode_shard(run.store.read(prefix + name), name=name)
    return found


def publish_one(run, **settings):
    """A trainer that has published version 1 and waits for games."""
    trainer = run.trainer(**settings)
    run.wait_for_loop(0)
    run_kit.wait_for(lambda: (run.directory / "model/version.txt").exists(), "model version 1")
    return trainer


def test_a_second_live_worker_of_one_id_is_refused(run):
    publish_one(run, pacing__min_new_positions=10**9)
    first = run.worker("twin")
    run.wait_for_shards()
    second = run.worker("twin")
    assert second.wait() == 1
    (line,) = second.text().splitlines()[-1:]
    assert f"process {first.pid} on host {socket.gethostname()}" in line
    assert "use another --worker-id" in line
    assert "Traceback" not in second.text()
    assert first.stop() == 0
    # Stopped, its id is free at once.
    third = run.worker("twin")
    third.wait_for_text("Batch 1")
    assert third.stop() == 0
    run.audit()


def test_a_second_trainer_is_refused(run):
    first = publish_one(run)
    second = run.trainer()
    assert second.wait() == 1
    assert f"trainer.json: held by process {first.pid} on host" in second.text()
    assert "Traceback" not in second.text()
    assert first.poll() is None


def test_stop_of_an_earlier_run_is_cleared_and_a_new_one_saves_the_last_batch(run):
    trainer = run.trainer()
    run.wait_for_loop(0)
    assert trainer.stop() == 0
    request_stop(run.store, "an earlier run")
    trainer = run.trainer(pacing__min_new_positions=10**9)
    run_kit.wait_for(lambda: not stop_requested(run.store), "the trainer to clear STOP")
    worker = run.worker("w0", LONG_BATCH)
    wait_until_playing(run, "w0")
    (run.directory / "STOP").touch()
    assert worker.wait() == 0
    assert "stopped: STOP" in worker.text()
    ((_, games),) = read_shards(run).values()
    assert 0 < games.num_games < 1_000_000
    assert trainer.wait() == 0  # a person's STOP ends the trainer as well
    assert run.audit().num_games_pending == games.num_games


def wait_until_playing(run, worker):
    def has_games():
        lease = read_lease(run.store, f"workers/{worker}.json")
        return lease is not None and lease["rates"].get("games_per_second", 0) > 0

    run_kit.wait_for(has_games, "finished games")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_saves_the_finished_games(run, number):
    publish_one(run, pacing__min_new_positions=10**9)
    worker = run.worker("w0", LONG_BATCH)
    wait_until_playing(run, "w0")
    worker.signal(number)
    assert worker.wait() == 0
    assert "stopped: signal" in worker.text()
    ((_, games),) = read_shards(run).values()
    assert f"{games.num_games:,} games played" in worker.text()
    # The next start goes on above every number that was reserved.
    again = run.worker("w0")
    run.wait_for_shards(3)
    assert again.stop() == 0
    run.audit()


def test_a_new_model_plays_the_next_batch_and_restarts_go_on(run):
    # A loop takes more games than come while the one before it is trained.
    run.settings |= {"replay.keep": "all", "search.depth": 3, "pacing.min_new_positions": 1500}
    trainer, worker = run.trainer(pacing__max_loops=2), run.worker("w0")
    assert worker.wait() == 0
    assert trainer.wait() == 0
    assert run.iteration() == 2
    said = (run.directory / "status.txt").read_text()
    assert "Trainer        ⚪ Stopped" in said
    # The run is done: the same command ends at once. One loop more is one loop.
    assert run.trainer(pacing__max_loops=2).wait() == 0
    assert run.iteration() == 2
    trainer, worker = run.resume(3)
    assert (trainer.wait(), worker.wait()) == (0, 0)
    assert "resumed after loop 2" in trainer.text()
    assert [entry["iteration"] for entry in read_stats(run.store)] == [0, 1, 2, 3]
    shards = read_shards(run)
    versions = {meta.model_version for meta, _ in shards.values()}
    assert len(versions) >= 2
    published = read_manifest(run.store)["versions"]
    numbers = [n for _, games in shards.values() for n in games.game_number]
    assert len(set(numbers)) == len(numbers)
    for version in versions:
        name, (meta, games) = next(
            (name, shard) for name, shard in shards.items() if shard[0].model_version == version
        )
        assert name.startswith(f"v{version:04d}_")
        assert meta.model_sha256 == published[str(version)]["files"]["nnue"]["sha256"]
        # The model of that version, asked again, plays these very games.
        model = fetch_model(run.store, version)
        again = _core.generate_games(
            meta.game,
            _core.NnueNetwork(model.data),
            seed=worker_seed(meta.run_seed, meta.worker_id),
            first_game=int(games.game_number[0]),
            num_games=games.num_games,
            threads=2,
            **meta.search,
        )["arrays"]
        for key in ("action", "search_value", "ply_flags", "returns"):
            np.testing.assert_array_equal(again[key], getattr(games, key))
    run.audit()


def test_workers_with_different_settings_share_a_trainer(run):
    run.settings |= {"replay.keep": "all"}
    trainer = publish_one(run, pacing__max_loops=4)
    workers = [
        run.worker("quick", "--threads=1", "--games-per-batch=5", "--depth=1"),
        run.worker("deep", "--threads=2", "--games-per-batch=20", "--depth=3"),
    ]
    assert trainer.wait() == 0
    assert [worker.wait() for worker in workers] == [0, 0]
    shards = read_shards(run)
    found = {(m.worker_id, m.search["depth"], m.host["threads"]) for m, _ in shards.values()}
    assert found == {("quick", 1, 1), ("deep", 3, 2)}
    sizes = {"quick": 5, "deep": 20}
    full = {"quick": 0, "deep": 0}
    for meta, games in shards.values():  # at the end of the run a file may be smaller
        assert games.num_games <= sizes[meta.worker_id]
        full[meta.worker_id] += games.num_games == sizes[meta.worker_id]
    assert len(shards) - sum(full.values()) <= len(sizes)
    run.audit()


def test_a_run_can_refuse_workers_with_a_depth_of_their_own(run):
    publish_one(run, pacing__min_new_positions=10**9, fleet__allow_worker_depth="false")
    deep = run.worker("deep", "--depth=3")
    assert deep.wait() == 2
    assert "--depth 3: this run's workers all search to its depth, 2" in deep.text()
    assert "leave --depth out" in deep.text()
    assert "Traceback" not in deep.text()
    assert read_lease(run.store, "workers/deep.json")["state"] == "stopped"
    same = run.worker("same", "--depth=2")
    same.wait_for_text("Batch 1")
    assert same.stop() == 0


def test_a_worker_beats_at_the_pace_of_the_run(run):
    """It takes its lease before there is a configuration, and follows the one that comes."""

    def counter():
        lease = read_lease(run.store, "workers/early.json")
        return lease["counter"] if lease is not None else 0

    run.directory.mkdir()
    worker = run.worker("early")
    worker.wait_for_text("waiting for the trainer to publish a model")
    before = counter()
    config = AlphaBetaRunConfig(
        game=GameConfig(name="ultimate_ttt"),
        fleet=FleetConfig(heartbeat_seconds=0.05, dead_after_seconds=30),
    )
    run.store.put("config.json", config.to_json())
    # Without it: one for each look at the directory and one every two seconds, 90 in a minute.
    run_kit.wait_for(lambda: counter() > before + 100, "beats at the new pace")
    assert worker.stop() == 0


WITHOUT_TORCH = textwrap.dedent(
    """
    import sys

    class NoTorch:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "torch":
                raise ImportError(f"{name} is blocked")

    sys.meta_path.insert(0, NoTorch())
    sys.argv = ["zerofleet", *sys.argv[1:]]
    from zerofleet.cli import main
    main()
    """
)


def test_a_worker_needs_no_torch(run):
    publish_one(run, pacing__min_new_positions=10**9)
    process = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_TORCH, "worker", "--shared-dir", str(run.directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        run.wait_for_shards(2)
        process.terminate()
        output, _ = process.communicate(timeout=run_kit.PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, output
    # Its default id is the host's name and a number.
    assert {meta.worker_id for meta, _ in read_shards(run).values()} != set()
    assert "stopped: signal" in output


def test_workers_wait_while_too_much_is_pending(run):
    run.settings |= {"pacing.max_pending_bytes": 1 << 20, "search.depth": 1}
    trainer = publish_one(run, pacing__min_new_positions=10**9)
    worker = run.worker("w0", "--games-per-batch=2000")
    worker.wait_for_text("MiB are pending in data/")
    number = len(run.names(DATA))
    assert read_lease(run.store, "workers/w0.json")["state"] in ("waiting", "active")
    assert len(run.names(DATA)) == number
    # The trainer learns; the worker goes on.
    assert trainer.stop() == 0
    trainer = run.trainer(pacing__max_loops=10_000)
    run_kit.wait_for(lambda: worker.text().count("Batch") > number, "the worker to go on")
    assert (worker.stop(), trainer.stop()) == (0, 0)
    run.audit()


def test_a_worker_keeps_its_games_while_the_store_is_away(run):
    trainer = publish_one(run)
    assert trainer.stop() == 0
    watcher = run_kit.Watcher(run)
    watcher.start()
    worker = run.worker("w0")
    run.wait_for_shards(1)
    with read_only(run.directory / "data"):
        worker.wait_for_text("kept on this host")

        def spooled():
            return list((run.home / "state").rglob("*.npz"))

        run_kit.wait_for(lambda: len(spooled()) >= 2, "two shards in the spool")
        lease = run_kit.wait_for(
            lambda: (found := read_lease(run.store, "workers/w0.json"))["error"] and found,
            "the lease to say why",
        )
        assert lease["state"] == "waiting"
        assert "mounted read-only" in lease["error"]
    run_kit.wait_for(lambda: not spooled(), "the spool to be delivered")
    assert worker.stop() == 0
    names = run.names(DATA)
    assert len(names) >= 3
    assert len(names) == worker.text().count("Batch ")
    assert run.trainer(pacing__max_loops=1).wait() == 0
    run.audit(watcher.delivered())


def test_a_deleted_lease_forgets_nothing_that_waits_in_the_spool(run):
    """Its next start must not use the numbers of games that are not delivered yet."""
    trainer = publish_one(run, pacing__min_new_positions=10**9)
    watcher = run_kit.Watcher(run)
    watcher.start()
    # The first file that it creates is its lease, the second its first shard.
    worker = run.worker("w0", fault="exclusive.after_fsync:2:EIO,spool.after_write")
    assert worker.wait() == -signal.SIGKILL
    (run.directory / "workers" / "w0.json").unlink()
    worker = run.worker("w0")
    run.wait_for_shards(3)
    assert worker.stop() == 0
    assert "two workers may use one id" not in worker.text()
    names = sorted(run.names(DATA))
    assert names[:3] == [f"v0001_w0_{batch:04d}.npz" for batch in (1, 2, 3)]
    numbers = [n for _, games in read_shards(run).values() for n in games.game_number.tolist()]
    assert len(numbers) == len(set(numbers))
    assert trainer.stop() == 0
    run.audit(watcher.delivered())


class Mirroring(threading.Thread):
    def __init__(self, mirror):
        super().__init__(daemon=True)
        self.mirror, self.done, self.errors = mirror, threading.Event(), []

    def run(self):
        while not self.done.wait(0.05):
            try:
                self.mirror.step()
            except StoreError as error:
                self.errors.append(str(error))


def test_the_loop_through_an_rsync_mirror_and_a_doubled_id(run):
    require_program("rsync")
    run.settings |= {"replay.keep": "all"}
    remote = run.home / "remote"
    remote.mkdir()
    events = []
    mirror = RsyncMirror(
        run.store, str(remote), run.home / "staging", on_event=events.append, log_seconds=0
    )
    trainer = publish_one(run, pacing__max_loops=10_000)
    here = run.worker("w0")
    run.wait_for_shards()
    mirroring = Mirroring(mirror)
    mirroring.start()
    double = run.worker("w0", directory=remote)
    other = run.worker("far", directory=remote)
    # The double stops by itself and says why; the worker that was here first goes on.
    assert double.wait() == 1
    assert "taken over by process" in double.text()
    assert "Traceback" not in double.text()
    assert any("worker id w0 is used twice" in event for event in events)
    assert here.poll() is None
    run_kit.wait_for(
        lambda: any("_far_" in name for name in run.names(CONSUMED)), "a shard from the remote"
    )
    goal = run.iteration() + 2
    assert trainer.stop() == 0
    assert run.trainer(pacing__max_loops=goal).wait() == 0
    # STOP travels; what was delivered at the end travels too.
    assert (here.wait(), other.wait()) == (0, 0)
    run_kit.wait_for(lambda: not list((remote / "data").glob("*.npz")), "the remote to be empty")
    mirroring.done.set()
    mirroring.join()
    assert mirroring.errors == []
    shards = read_shards(run)
    assert {meta.worker_id for meta, _ in shards.values()} == {"w0", "far"}
    by_version = {name: entry["files"]["nnue"] for name, entry in manifest(run).items()}
    for meta, _ in shards.values():
        assert meta.model_sha256 == by_version[str(meta.model_version)]["sha256"]
    run.audit()


def manifest(run):
    return json.loads((run.directory / "model/manifest.json").read_bytes())["versions"]


def test_a_frozen_trainer_that_was_taken_over_changes_nothing_more(run):
    seconds = 8 * PATIENCE
    first = run.trainer(pacing__max_loops=10_000, fleet__dead_after_seconds=seconds)
    worker = run.worker("w0")
    run.wait_for_loop(1)
    first.signal(signal.SIGSTOP)
    second = run.trainer(pacing__max_loops=10_000, fleet__dead_after_seconds=seconds)
    second.wait_for_text(f"watching it for up to {seconds:.0f} s")
    second.wait_for_text("resumed after loop")
    run.wait_for_loop(run.iteration() + 1)
    first.signal(signal.SIGCONT)
    assert first.wait() == 1
    # Before its commit it looks at the lease, or finds the commits of the other one.
    assert re.search(r"trainer\.json: |another trainer wrote it", first.text().splitlines()[-1])
    assert "Traceback" not in first.text()
    run.wait_for_loop(run.iteration() + 1)
    assert (second.stop(), worker.stop()) == (0, 0)
    entries = [entry["iteration"] for entry in read_stats(run.store)]
    assert entries == list(range(len(entries)))
    run.audit()


@pytest.mark.long
def test_a_trainer_that_wakes_up_when_its_time_is_over_ends_nobodys_run(run):
    seconds = 8 * PATIENCE
    settings = {"pacing__min_new_positions": 10**9, "fleet__dead_after_seconds": seconds}
    first = run.trainer(f"--minutes={0.5 * PATIENCE}", **settings)
    run.wait_for_loop(0)
    began = time.monotonic()
    first.signal(signal.SIGSTOP)
    second = run.trainer(**settings)
    second.wait_for_text("resumed after loop 0")
    time.sleep(max(0.0, began + 30 * PATIENCE - time.monotonic()))
    first.signal(signal.SIGCONT)
    assert first.wait() == 1
    assert "trainer.json: " in first.text().splitlines()[-1]
    assert not stop_requested(run.store)
    assert second.poll() is None
    assert second.stop() == 0


def test_a_tiny_wish_waits_for_enough_to_train_on(run):
    """With --min-new-positions 1 the first loop starts when a batch can be made, and not before."""
    run.settings |= {"pacing.min_new_positions": 1, "net.num_buckets": 4}
    trainer = publish_one(run, pacing__max_loops=2)
    worker = run.worker("w0", "--games-per-batch=1")
    assert (trainer.wait(), worker.wait()) == (0, 0)
    assert [entry["iteration"] for entry in read_stats(run.store)] == [0, 1, 2]
    run.audit()


def test_a_live_run_can_be_audited(run):
    """What is in motion while the auditor reads is not a finding."""
    trainer, worker = run.trainer(pacing__max_loops=10_000), run.worker("w0")
    run.wait_for_loop(1)
    audits, first = 0, run.iteration()
    while run.iteration() < first + 3 or audits < 3:
        run.audit()
        audits += 1
    assert (worker.stop(), trainer.stop()) == (0, 0)


def test_stop_reaches_a_worker_that_waits_for_a_model(run):
    """A worker may be there first; without any trainer it still obeys."""
    run.directory.mkdir()
    worker = run.worker("early")
    worker.wait_for_text("waiting for the trainer to publish a model")
    (run.directory / "STOP").touch()
    assert worker.wait() == 0
    shutil.rmtree(run.directory)
    assert os.path.exists(run.home)
