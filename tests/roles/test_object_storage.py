"""A whole run in object storage, through a service that fails, is slow and loses answers."""

import asyncio
import json
import os

import pytest
import run_kit
from run_kit import wait_for

from object_storage import BUCKET, Service
from support import PATIENCE, require
from zerofleet.monitor.facts import FactsReader
from zerofleet.monitor.web.live import LiveRun
from zerofleet.records.account import shard_account
from zerofleet.run.layout import CONSUMED, DATA, LOGS, base_name
from zerofleet.run.own_files import OwnFiles
from zerofleet.run.place import Place
from zerofleet.run.series import parse_line
from zerofleet.run.stats import read_stats
from zerofleet.run.store import iterate, read_or_none

require("obstore")

FEW_REQUESTS = {
    "replay.keep": "all",
    "search.depth": 4,
    "selfplay.games_per_batch": 20,
    "pacing.poll_seconds": 0.2,
    "arena.eval_games": 0,
}
"""The service runs in this process: what the roles ask of it is bounded."""


@pytest.fixture(scope="module")
def service():
    service = Service()
    yield service
    service.stop()


@pytest.fixture
def bucket_run(service, forge, tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    # The service runs in this process, which may be out of turn for a while.
    timeout = {"ZEROFLEET_STORE_TIMEOUT": str(1.2 * PATIENCE)}
    env = {**service.environment, "HOME": "/nonexistent", **timeout}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    service.faults.always(0)
    run = run_kit.Run(forge, tmp_path, directory=f"s3://{BUCKET}/{tmp_path.name}", env=env)
    yield run
    run.end()
    service.faults.always(0)


def all_shards(run):
    """Content by name, from data/ and consumed/."""
    store, found = run.store, {}
    for prefix in (DATA, CONSUMED):
        for entry in iterate(store, prefix):
            data = read_or_none(store, entry.key)
            if data is not None:
                found[base_name(entry.key)] = shard_account(data)
    return found


def series_of(run, name):
    """Entries of a series as they were copied into the store."""
    entries = []
    for entry in iterate(run.store, f"{LOGS}series-{name}-"):
        lines = run.store.read(entry.key).splitlines(keepends=True)
        entries += [parsed for line in lines if (parsed := parse_line(line))]
    return entries


def check_nothing_is_lost(run, workers):
    """Every batch that a worker noted as delivered counts once, or waits."""
    shards = all_shards(run)
    for worker in workers:
        noted = [e for e in series_of(run, f"worker_{worker}") if e["kind"] in ("batch", "spooled")]
        assert noted
        for entry in noted:
            assert len(shards[entry["name"]].game_numbers) == entry["games"]
    report = run.audit(list(shards.values()))
    games = sum(len(content.game_numbers) for content in shards.values())
    assert report.num_games_counted + report.num_games_pending == games
    assert report.num_rejected == 0
    assert not list((run.home / "state").rglob("*.npz")), "a shard was left in a spool"


def test_a_run_through_a_service_with_faults(bucket_run, service):
    run = bucket_run
    run.settings |= FEW_REQUESTS | {"arena.eval_games": 2, "arena.every": 2}
    service.faults.hang_seconds = 1.5 * PATIENCE
    faults = ["500", "503", "lost", "slow"]
    service.faults.always(0.06, *faults)
    trainer = run.trainer(pacing__max_loops=2)
    workers = [run.worker("w0"), run.worker("w1")]
    for role in (trainer, *workers):
        role.wait_for_text("started")  # until then two time-outs in a row end a role
    service.faults.always(0.06, *faults, "late", "never")
    assert trainer.wait() == 0, trainer.text()
    assert [worker.wait() for worker in workers] == [0, 0], workers[0].text()
    assert "done after" in trainer.text()
    service.faults.always(0)
    assert {kind for kind, _ in service.faults.struck} >= {"500", "503", "lost"}
    assert run.iteration() == 2
    check_nothing_is_lost(run, ["w0", "w1"])
    assert [entry["iteration"] for entry in read_stats(run.store)] == [0, 1, 2]
    # What people look at is in the bucket, too; nothing of it names the secret.
    keys = [entry.key for entry in iterate(run.store, "")]
    assert any(key.startswith("tensorboard/") for key in keys)
    assert {"status.txt", "config.json", "model/nnue_model.nnue", "checkpoint.npz"} <= set(keys)
    secret = service.environment["AWS_SECRET_ACCESS_KEY"].encode()
    assert not [key for key in keys if secret in run.store.read(key)]
    assert not [role.text() for role in run.roles if secret.decode() in role.text()]
    page = json.loads(asyncio.run(LiveRun(run.store, run_dir="x", allow_play=False).snapshot()))
    assert "loop" in json.dumps(page)
    facts = FactsReader(run.store).read()
    assert [version.number for version in facts.versions] == [1, 2, 3]
    assert any("done" in line.text for line in facts.log)
    assert not facts.problems
    status = run.start("status", run.directory)
    assert status.wait() == 0
    assert "2/2 loops done" in status.text(), status.text()
    audit = run.start("audit", run.directory)
    assert audit.wait() == 0
    assert "audit    sound" in audit.text()


@pytest.mark.parametrize(
    "fault",
    [
        "move.after_put",
        pytest.param("trainer.before_move:2", marks=pytest.mark.long),
        pytest.param("commit.after_latest:2", marks=pytest.mark.long),
    ],
)
def test_a_trainer_killed_in_a_move_finishes_it(bucket_run, fault):
    """There is no rename: a shard is for a moment in data/ and in consumed/."""
    run = bucket_run
    run.settings |= FEW_REQUESTS
    trainer, worker = run.trainer(fault=fault), run.worker("w0")
    assert trainer.wait() == -9
    again = run.trainer()
    assert again.wait() == 0, again.text()
    assert worker.wait() == 0
    check_nothing_is_lost(run, ["w0"])


def test_a_worker_whose_service_goes_away_spools_and_delivers(bucket_run, service):
    run = bucket_run
    run.settings |= FEW_REQUESTS
    trainer = run.trainer(pacing__min_new_positions=10**9, fleet__dead_after_seconds=600)
    run.wait_for_loop(0)
    worker = run.worker("w0")
    run.wait_for_shards()
    service.faults.always(
        1.0, "503", only=lambda request: request.startswith("PUT") and DATA in request
    )
    wait_for(lambda: list((run.home / "state").rglob("*.npz")), "a shard in the spool")
    assert worker.poll() is None
    service.faults.always(0)
    wait_for(lambda: not list((run.home / "state").rglob("*.npz")), "an empty spool")
    assert worker.stop() == 0
    assert trainer.stop() == 0
    check_nothing_is_lost(run, ["w0"])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"s3://{BUCKET}", "expected s3://BUCKET/RUN"),
        ("s3://no-such-bucket/run", "there is no bucket no-such-bucket"),
        (f"s3://{BUCKET}/nothing-here", "there is no run"),
    ],
)
def test_a_wrong_address_is_said_in_a_line(bucket_run, address, message):
    status = bucket_run.start("status", address)
    assert status.wait() in (1, 2)
    assert message in status.text()
    assert "Traceback" not in status.text()


def test_a_series_goes_on_in_another_file_on_another_host(bucket_run, tmp_path, monkeypatch):
    place = Place(bucket_run.directory)
    for host in ("one", "two", "one"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / host))
        with OwnFiles(place, place.store()) as files, files.series("trainer") as series:
            series.append({"host": host})
    assert [entry["host"] for entry in series_of(bucket_run, "trainer")] == ["one", "two", "one"]
    assert len(list(iterate(bucket_run.store, LOGS))) == 3
