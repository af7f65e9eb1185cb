"""A fleet over real OpenSSH servers: workers are found, not doubled; what is wrong is told."""

import os
import signal
import subprocess
import sys

import pytest
from command import run
from fleet_kit import FleetKit, wait_for
from run_kit import TINY
from ssh_hosts import keygen

from support import PATIENCE
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.lease import LeaseHeldError


@pytest.fixture
def kit(tmp_path):
    """No run yet: workers start and wait for a trainer."""
    (tmp_path / "run").mkdir()
    kit = FleetKit(tmp_path, tmp_path / "run")
    yield kit
    kit.end()


def test_workers_are_started_found_and_stopped(kit):
    kit.add_host("a")
    kit.add_host("b", env={"TOKEN": "s3cret"})
    main = kit.up()
    for name in "ab":
        kit.wait_for_label(name, "🟢 Active")
    status = kit.fleet.status()
    assert (status.num_active, status.num_configured, status.is_fleet_up) == (2, 2, True)
    assert "Workers active: 2/2" in status.text()
    assert " MB/min" in status.text()
    wait_for(lambda: kit.fleet.status().network_bytes_per_minute, "bytes to be counted")
    with pytest.raises(LeaseHeldError, match="which is alive"):
        kit.up()
    # The main node dies, and the workers play on; the next one finds them.
    before = {name: kit.processes(name) for name in "ab"}
    main.leave()
    main = kit.up()
    main.wait_for("found playing", 2)
    assert {name: kit.processes(name) for name in "ab"} == before
    assert all(len(found) == 1 for found in before.values())
    # One worker is killed: it is started again, the other one is not touched.
    os.kill(before["a"][0], signal.SIGKILL)
    main.wait_for("killed by SIGKILL")
    wait_for(lambda: kit.processes("a") not in ([], before["a"]), "a to be started again")
    # One is restarted on request; an edited entry is, too, and the others are left alone.
    kit.fleet.restart("a")
    main.wait_for("[a] stopped: restarted")
    main.wait_for("[a] started: started", 2)
    kit.entries["a"]["threads"] = 2
    kit.write()
    assert kit.fleet.reload() == []
    main.wait_for("[a] started: started", 3)
    # One joins from Python, one leaves since it is no longer in the file, and the first one leaves.
    host = kit.add_host("c")
    entry = {**host.spec("c"), **kit.entries.pop("c")}
    assert kit.fleet.add_worker(entry.pop("host"), None, **entry) == "c"
    kit.wait_for_label("c", "🟢 Active")
    del kit.entries["a"]
    kit.write()
    assert kit.fleet.reload() == ["a leaves"]
    wait_for(lambda: kit.processes("a") == [], "a to be stopped")
    kit.fleet.remove("c")
    wait_for(lambda: kit.processes("c") == [], "c to be stopped")
    assert kit.processes("b") == before["b"]
    wait_for(lambda: kit.fleet.status().num_configured == 1, "a and c to be gone from the status")
    # All are stopped.
    main.stop()
    assert kit.processes("b") == []
    assert kit.lease("b")["state"] == "stopped"
    assert "⚪ Stopped" in kit.status("b").label
    log = (kit.run_dir / "logs" / "distributed_training.log").read_text()
    assert "[a] started: started on" in log
    # A secret is in no file, here or there, but in the fleet file.
    assert "a slow worker" in (kit.hosts["b"].home / "work/logs/worker_b.log").read_text()
    for folder in (kit.run_dir, kit.hosts["b"].home):
        assert not [p for p in folder.rglob("*") if p.is_file() and b"s3cret" in p.read_bytes()]


def test_train_on_three_hosts_one_of_which_dies_and_comes_back(kit, tmp_path):
    for name in "abc":
        kit.add_host(name)
    kit.write()
    settings = {**TINY, "pacing.max_loops": 1000, "replay.keep": "all"}
    with (tmp_path / "train.log").open("wb") as log:
        train = subprocess.Popen(
            [sys.executable, "-m", "zerofleet", "train", "ultimate_ttt", f"--fleet={kit.file}"]
            + [f"--run-dir={kit.run_dir}", "--device=cpu"]
            + [f"--set={key}={value}" for key, value in settings.items()],
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        for name in "abc":
            kit.wait_for_games(name)
        text = kit.store.read("status.txt").decode()
        assert "Workers active: 3/3" in text
        assert ", loop " in text
        host = kit.hosts["a"]
        host.stop()
        for pid in kit.processes("a"):
            os.kill(pid, signal.SIGKILL)
        kit.wait_for_label("a", "⚪ Offline (127.0.0.1")
        kit.wait_for_games("b", 2)  # it is not delayed
        host.start()
        kit.wait_for_label("a", "🟢 Active")
        kit.wait_for_games("a", 0)
        train.send_signal(signal.SIGINT)
        assert train.wait(120 * PATIENCE) == 130, (tmp_path / "train.log").read_text()
    finally:
        train.kill()
        train.wait()
    assert [kit.processes(name) for name in "abc"] == [[], [], []]
    for name in "abc":
        assert list((kit.hosts[name].home / "work" / "data").glob("*.npz")) == []
    report = audit(kit.store, shard_account)
    assert report.is_sound, report.text()
    assert report.num_games_counted > 0


def test_what_a_person_has_to_mend_is_said_and_parked(kit, tmp_path):
    for name in ("key", "unknown", "changed", "python", "old"):
        kit.add_host(name)
    keygen(tmp_path / "other")
    keygen(tmp_path / "rsa", "-t", "rsa", "-b", "4096")
    kit.entries["key"]["key_path"] = str(tmp_path / "rsa")
    lines = {n: h.known_hosts_line() for n, h in kit.hosts.items()}
    host_key = lines["changed"].split()[-1]
    other_key = (tmp_path / "other.pub").read_text().split()[1]
    kit.known_hosts.write_text(
        "".join(line for name, line in lines.items() if name != "unknown").replace(
            host_key, other_key
        )
    )
    kit.entries["python"]["python"] = "/nowhere/python3"
    old = tmp_path / "old-python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{OLD}"\n')
    old.chmod(0o755)
    kit.entries["old"]["python"] = str(old)
    main = kit.up()
    for name, said in {
        "key": "ssh-copy-id -i",
        "unknown": "unknown host: its ssh-ed25519 key has the fingerprint SHA256:",
        "changed": "THE HOST KEY HAS CHANGED",
        "python": "/nowhere/python3 does not run there",
        "old": "is Python 3.8.10 there, zerofleet needs 3.11",
    }.items():
        worker = kit.wait_for_label(name, "🔴 Error (")
        assert said in worker.label
        main.wait_for(f"[{name}] parked: ")
        assert f"zerofleet fleet restart {name}" in main.text()
    # The doctor says the same, with and without a fleet that is up.
    done = run("fleet", "doctor", "--skip-torch", f"--run-dir={kit.run_dir}")
    assert done.returncode == 1
    assert "fit to play: 0 of 5 hosts" in done.stdout
    for said in ("THE HOST KEY HAS CHANGED", "ssh-copy-id", "needs 3.11 or later"):
        assert f"PROBLEM: {said}" in done.stdout or said in done.stdout
    # The command that accepts a host is exact.
    commands = [
        event.text.partition("accept it with: ")[2].partition("; not tried")[0]
        for event in main.events
        if event.kind == "parked" and event.name in ("unknown", "changed")
    ]
    assert len(commands) == 2
    for command in commands:
        subprocess.run(command, shell=True, check=True, capture_output=True)
    # As ssh-copy-id does; `restrict` takes away what a worker does not need.
    kit.hosts["key"].options = "restrict"
    kit.hosts["key"].authorize(tmp_path / "rsa.pub")
    for name in ("unknown", "changed", "key"):
        kit.fleet.restart(name)
        kit.wait_for_label(name, "🟢 Active")
    done = run("fleet", "doctor", "unknown", "--skip-torch", f"--run-dir={kit.run_dir}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " plays, " in done.stdout
    assert "MB/s out" in done.stdout
    assert run("fleet", "logs", "unknown", f"--run-dir={kit.run_dir}").stdout.startswith("a slow")


OLD = (
    "import sys; sys.version_info = (3, 8, 10); sys.argv = ['-']; "
    "exec(sys.stdin.read().replace('zerofleet.run', 'nothing'))"
)
