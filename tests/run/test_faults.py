"""kill -9 at every step of every writer, then run again: nothing lost, doubled or partial."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import toy_run

import zerofleet
from support import PATIENCE
from zerofleet.run.audit import audit
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.faults import FAULT_POINTS
from zerofleet.run.layout import base_name
from zerofleet.run.ledger import Ledger
from zerofleet.run.numbers import read_ledger
from zerofleet.run.store import DirectoryStore, iterate

SOURCES = Path(zerofleet.__file__).parent
TOY_POINTS = [
    name
    for name in FAULT_POINTS
    if name.split(".")[0]
    in ("atomic", "exclusive", "move", "lease", "publish", "commit", "reject", "stats", "spool")
]


def run_toy(root, fault=""):
    done = subprocess.run(
        [sys.executable, toy_run.__file__, str(root)],
        env={**os.environ, "ZEROFLEET_FAULT": fault},
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
    )
    return done.returncode, done.stdout.strip(), done.stderr


class Reader(threading.Thread):
    """Reads everything that is visible, all the time, and notes what is not whole."""

    def __init__(self, store):
        super().__init__(daemon=True)
        self.store, self.partial, self.done = store, [], threading.Event()

    def run(self):
        while not self.done.is_set():
            for entry in iterate(self.store, ""):
                try:
                    self.look(entry.key, self.store.read(entry.key))
                except KeyMissingError:
                    continue  # Moved or deleted since the listing.
                except ValueError as error:
                    self.partial.append(f"{entry.key}: {error}")

    @staticmethod
    def look(key, data):
        if key.endswith(".json") or (key.endswith(".npz") and data != b"damaged"):
            json.loads(data)
        elif not data:
            raise ValueError("empty")


def check_kill(tmp_path, fault):
    store = DirectoryStore(tmp_path / "run")
    reader = Reader(store)
    reader.start()
    status, _, error = run_toy(tmp_path, fault)
    assert status == -signal.SIGKILL, f"{fault} was not passed: {error}"
    report = audit(store, toy_run.read_shard)
    assert report.is_sound, report.text()
    status, output, error = run_toy(tmp_path)
    reader.done.set()
    reader.join()
    assert (status, output) == (0, "done"), error
    assert reader.partial == []
    check_end(tmp_path, store)


def check_end(tmp_path, store):
    finished = toy_run.read_finished(tmp_path)
    report = audit(store, toy_run.read_shard, finished)
    assert report.is_sound, report.text()
    assert report.num_games_pending == 0
    assert report.num_rejected == 1
    # Killed between delivery and its own note, a batch is counted and not in the note.
    assert len(finished) * 5 <= report.num_games_counted <= len(finished) * 5 + 5
    assert report.num_games_counted == read_ledger(store).num_batches * 5


@pytest.mark.parametrize("name", TOY_POINTS)
def test_killed_at_each_point(tmp_path, name):
    check_kill(tmp_path, name)


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [f"{name}:{n}" for name in TOY_POINTS if name.startswith("atomic.") for n in range(2, 18)]
    + [f"{name}:{n}" for name in TOY_POINTS if name.startswith("exclusive.") for n in range(2, 6)],
)
def test_killed_at_later_passages(tmp_path, fault):
    check_kill(tmp_path, fault)


def test_without_faults(tmp_path):
    assert run_toy(tmp_path)[:2] == (0, "done")
    check_end(tmp_path, DirectoryStore(tmp_path / "run"))


def test_each_point_is_in_the_code_once_and_each_in_the_code_is_known():
    used = []
    for path in SOURCES.rglob("*.py"):
        used += re.findall(r"\bfault_point\(\s*\"([^\"]+)\"", path.read_text())
    assert sorted(set(used)) == sorted(FAULT_POINTS)
    assert len(used) == len(set(used))


def test_a_failed_write_leaves_no_temporary(tmp_path):
    for name in ("atomic.half_temp", "atomic.after_fsync", "exclusive.after_fsync"):
        status, _, error = run_toy(tmp_path / name, f"{name}::ENOSPC")
        assert status == 1
        assert "the disk or quota is full" in error
        assert not list((tmp_path / name).rglob(".*"))
        assert run_toy(tmp_path / name)[:2] == (0, "done")


@pytest.mark.parametrize(
    ("value", "message"),
    [("commit.before_lastest", "no fault point is called"), ("stats.before_write:1:X", "errno")],
)
def test_a_misspelt_fault_is_an_error(tmp_path, value, message):
    status, _, error = run_toy(tmp_path, value)
    assert status == 1
    assert message in error


def test_the_auditor_finds_what_is_wrong(tmp_path):
    assert run_toy(tmp_path)[0] == 0
    store = DirectoryStore(tmp_path / "run")
    shard = next(iterate(store, "consumed/")).key
    first = toy_run.read_shard(store.read(shard))
    lease = json.loads(store.read("workers/w0.json"))

    def findings(finished=()):
        return " | ".join(audit(store, toy_run.read_shard, finished).findings)

    store.put("consumed/v0001_w0_0099.npz", toy_run.make_shard("w0", 99, [990]))
    assert "consumed but not in the ledger" in findings()
    store.delete("consumed/v0001_w0_0099.npz")
    for number in (50, 51):
        store.put(f"data/v0001_w0_00{number}.npz", toy_run.make_shard("w0", number, [700]))
    assert "game 700 is in data/v0001_w0_0050.npz as well" in findings()
    store.delete("data/v0001_w0_0050.npz")
    store.delete("data/v0001_w0_0051.npz")
    store.put("workers/w0.json", json.dumps({**lease, "next_batch": 2}).encode())
    assert "next_batch is 2, but batch 4 is counted" in findings()
    store.put("workers/w0.json", json.dumps(lease).encode())
    lost = toy_run.read_shard(toy_run.make_shard("w0", 77, [770]))
    assert "must be in one place, found in []" in findings([lost])
    again = f"rejected/{base_name(shard)}"
    store.put(again, store.read(shard))
    store.put(f"{again}.reason.txt", b"counted already, so long ago that ...")
    assert findings([first]) == ""  # it counts once
    store.put(shard, toy_run.make_shard("w0", first.batch, [3]))
    assert "two workers may use one id" in findings()
    store.put("model/version.txt", b"7\n")
    assert "version.txt says 7" in findings()
    store.put("rejected/x.npz", b"")
    assert "rejected/x.npz: no reason" in findings()
    store.put("checkpoints/latest.json", b"{}")
    assert "checkpoints/latest.json: format None" in findings()


def test_the_auditor_recomputes_what_counts_where_all_is_kept(tmp_path):
    assert run_toy(tmp_path)[0] == 0
    store = DirectoryStore(tmp_path / "run")

    def found(finished=()):
        return audit(store, toy_run.read_shard, finished, keeps_all=True)

    assert found().is_sound
    shard = next(iterate(store, "consumed/")).key
    data = store.read(shard)
    content = toy_run.read_shard(data)
    store.delete(shard)
    report = found([content])
    assert "worker w0: the ledger counts batches" in report.text()
    assert "worker w0: the ledger counts games" in report.text()
    assert report.num_games_doubled == len(content.game_numbers), "nobody holds them"
    store.put(shard, data)
    twice = toy_run.make_shard("w0", 98, content.game_numbers)
    store.put("consumed/v0001_w0_0098.npz", twice)
    report = found()
    assert "or a game in it is counted already" in report.text()
    assert report.num_games_doubled == len(content.game_numbers)
    store.delete("consumed/v0001_w0_0098.npz")
    report = found([toy_run.read_shard(toy_run.make_shard("w0", 77, [770, 771]))])
    assert (report.num_games_lost, report.num_games_doubled) == (2, 0)


def test_an_empty_run_is_sound(store):
    report = audit(store, toy_run.read_shard)
    assert report.is_sound
    assert "audit    sound" in report.text()
    assert read_ledger(store).to_json() == Ledger().to_json()
