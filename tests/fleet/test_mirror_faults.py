"""The mirror killed at every step, and stores behind a mirror that runs all the time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import mirror_steps
import pytest
from store_conformance import StoreConformance

from support import require_program
from zerofleet.fleet.rsync import RsyncMirror
from zerofleet.fleet.ssh_store import SshStore
from zerofleet.fleet.sync import Mirror
from zerofleet.run.errors import RunError
from zerofleet.run.faults import FAULT_POINTS
from zerofleet.run.models import fetch_model, publish_model
from zerofleet.run.store import DirectoryStore, exists, iterate

POINTS = [name for name in FAULT_POINTS if name.startswith("mirror.")]
# What Mirror itself writes through where both stores are directories.
OF_DIRECTORIES = ["atomic.half_temp", "atomic.after_rename", "exclusive.after_fsync"]
OF_DIRECTORIES += ["exclusive.after_link"]


def step(main, remote, fault="", way=()):
    return subprocess.run(
        [sys.executable, mirror_steps.__file__, str(main.root), str(remote.root), *way],
        env={**os.environ, "ZEROFLEET_FAULT": fault},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("fault", [*POINTS, *OF_DIRECTORIES])
def test_killed_at_each_point(tmp_path, store, fault):
    remote = DirectoryStore(tmp_path / "remote")
    publish_model(store, 1, {"nnue": b"net 1" * 1000}, "arch")
    assert step(store, remote).returncode == 0
    publish_model(store, 2, {"nnue": b"net 2" * 1000}, "arch")
    names = [f"data/v0001_w0_{number:04d}.npz" for number in range(1, 4)]
    for name in names:
        remote.put(name, name.encode() * 100)
    assert step(store, remote, fault).returncode == -signal.SIGKILL
    # At every instant a shard is in one place at least, and the remote's model is whole.
    assert all(exists(store, name) or exists(remote, name) for name in names)
    assert fetch_model(remote).data in (b"net 1" * 1000, b"net 2" * 1000)
    assert step(store, remote).stdout == "done\n"
    check_all_came(store, remote, names, b"net 2" * 1000)


def check_all_came(store, remote, names, net):
    assert [entry.key for entry in iterate(store, "data/")] == names
    assert all(store.read(name) == name.encode() * 100 for name in names)
    assert list(iterate(remote, "data/")) == []
    assert list(iterate(store, "rejected/")) == []
    assert fetch_model(remote).data == net


def test_killed_at_one_point_after_the_other_over_ssh(tmp_path, store, ssh_host):
    way = json.dumps(ssh_host.spec("w")), str(ssh_host.home / "known_hosts")
    remote = DirectoryStore(tmp_path / "remote")
    nets, names = [b"net 1" * 1000], []
    publish_model(store, 1, {"nnue": nets[0]}, "arch")
    assert step(store, remote, way=way).returncode == 0
    for number, fault in enumerate(POINTS, start=1):
        nets.append(b"net %d" % (number + 1) * 1000)
        publish_model(store, number + 1, {"nnue": nets[-1]}, "arch")
        names.append(f"data/v0001_w0_{number:04d}.npz")
        remote.put(names[-1], names[-1].encode() * 100)
        assert step(store, remote, fault, way).returncode == -signal.SIGKILL
        assert all(exists(store, name) or exists(remote, name) for name in names)
        assert fetch_model(remote).data in nets
    assert step(store, remote, way=way).stdout == "done\n"
    check_all_came(store, remote, names, nets[-1])


@contextlib.contextmanager
def running(mirror):
    done = threading.Event()

    def run():
        while not done.is_set():
            # The suite writes what no mirror can understand, such as a version that is no number.
            with contextlib.suppress(RunError):
                mirror.step()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    done.set()
    thread.join()


class TestMainUnderAMirror(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        store = DirectoryStore(tmp_path / "run")
        with running(Mirror(store, DirectoryStore(tmp_path / "remote"), "gpu3", log_seconds=0)):
            yield store


class TestMainUnderAMirrorOverSsh(StoreConformance):
    @pytest.fixture
    def store(self, ssh_link, tmp_path):
        store = DirectoryStore(tmp_path / "run")
        remote = SshStore(ssh_link, str(tmp_path / "remote"))
        with running(Mirror(store, remote, "gpu3", log_seconds=0)):
            yield store


class TestRemoteUnderAMirrorOverSsh(StoreConformance):
    @pytest.fixture
    def store(self, ssh_link, tmp_path):
        main = DirectoryStore(tmp_path / "run")
        remote = SshStore(ssh_link, str(tmp_path / "remote"))
        with running(Mirror(main, remote, "gpu3", log_seconds=0)):
            yield DirectoryStore(tmp_path / "remote")


class TestRemoteUnderAnRsyncMirror(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        require_program("rsync")
        (tmp_path / "remote").mkdir()
        main = DirectoryStore(tmp_path / "run")
        with running(RsyncMirror(main, str(tmp_path / "remote"), tmp_path / "staging")):
            yield DirectoryStore(tmp_path / "remote")
