"""`zerofleet mirror` takes files both ways and ends with the run."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from command import call, run

from support import PATIENCE, require_program
from zerofleet.fleet.sync import MirrorCounts
from zerofleet.run.layout import worker_lease_key
from zerofleet.run.lease import Lease
from zerofleet.run.models import fetch_model, publish_model
from zerofleet.run.stop import clear_stop, request_stop, stop_requested
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def rsync():
    require_program("rsync")


@pytest.mark.usefixtures("rsync")
def test_mirror(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, there = DirectoryStore(tmp_path / "here"), DirectoryStore(tmp_path / "there")
    here.put("config.json", b"{}")
    publish_model(here, 1, {"nnue": b"net"}, "arch")
    there.put("data/v0001_far_0001.npz", b"games")
    Lease.acquire(there, worker_lease_key("far")).release("")
    request_stop(here, "done")
    done = run(
        *("mirror", there.root, "--run-dir", here.root, "--every", "0.1"),
        XDG_STATE_HOME=str(tmp_path / "state"),
    )
    assert done.returncode == 0, done.stderr
    assert "1 file in, 1 model out" in done.stdout
    assert "done: the run has ended" in done.stdout
    assert fetch_model(there).data == b"net"
    assert stop_requested(there)
    assert here.read("data/v0001_far_0001.npz") == b"games"


def test_a_stop_that_is_taken_back_does_not_end_it(tmp_path, monkeypatch, capsys):
    """The minute that its workers have begins with the STOP that stays."""
    (tmp_path / "here").mkdir()
    here, rounds, now = DirectoryStore(tmp_path / "here"), [], [0.0]

    class Link:
        mirror = SimpleNamespace(counts=MirrorCounts())

        def __init__(self, *_, **__):
            pass

        def step(self):
            rounds.append(now[0])
            now[0] += 20
            if len(rounds) in (2, 8):
                request_stop(here, "done")
            if len(rounds) == 4:
                clear_stop(here)
            return True

    monkeypatch.setattr("zerofleet.cli.mirror.RsyncMirror", Link)
    monkeypatch.setattr("zerofleet.cli.mirror.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("zerofleet.cli.mirror._has_live_worker", lambda *_: True)
    ended = call(capsys, "mirror", "there", "--run-dir", here.root, "--every", "0.001")
    assert ended.returncode == 0
    assert len(rounds) == 8 + 4 + 1


@pytest.mark.usefixtures("rsync")
def test_an_unreachable_host_is_said_once(tmp_path):
    (tmp_path / "here").mkdir()
    command = [sys.executable, "-m", "zerofleet", "mirror", str(tmp_path / "no" / "such")]
    process = subprocess.Popen(
        [*command, "--run-dir", str(tmp_path / "here"), "--every", "0.05"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    waiting = process.stdout.readline()
    assert waiting.startswith("waiting: ")
    assert "rsync failed" in waiting
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20 * PATIENCE)
    assert process.returncode == 130
    assert rest == ""
