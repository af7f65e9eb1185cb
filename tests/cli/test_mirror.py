"""`zerofleet mirror` takes files both ways and ends with the run."""

import os
import signal
import subprocess
import sys

import pytest
from command import run

from support import PATIENCE, require_program
from zerofleet.run.layout import worker_lease_key
from zerofleet.run.lease import Lease
from zerofleet.run.models import fetch_model, publish_model
from zerofleet.run.stop import request_stop, stop_requested
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
