"""What can happen to a fleet, with real OpenSSH servers: nothing is lost or doubled; it is said."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from fleet_kit import FleetKit, copy_run, wait_for
from run_kit import TINY
from ssh_hosts import SshHost

import zerofleet
from support import PATIENCE, mounted, require_program, skip_or_fail
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.layout import DATA
from zerofleet.run.store import iterate

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def kit(begun_run, tmp_path):
    """A run with a first net and no trainer."""
    kit = FleetKit(tmp_path, copy_run(begun_run, tmp_path / "run"))
    yield kit
    kit.end()


def delivered(kit, name):
    """Batch numbers of a worker's shards that are here."""
    keys = (entry.key for entry in iterate(kit.store, DATA))
    return sorted(int(k.rpartition("_")[2][:-4]) for k in keys if f"_{name}_" in k)


def check_all_came_once(kit, *names):
    """Every batch that a worker counted as delivered is here, and none twice."""
    assert audit(kit.store, shard_account).is_sound
    for name in names:
        batches = delivered(kit, name)
        assert len(set(batches)) == len(batches)
        assert list((kit.hosts[name].home / "work" / "data").glob("*.npz")) == []
        # The last session numbers its batches without a gap.
        assert len(batches) >= kit.batches(name) > 0


@pytest.fixture
def namespaces(tmp_path):
    """Makes hosts with addresses of their own; a link is cut by taking its device down."""
    require_program("ip")
    made = []

    def make(number):
        name, device = f"zf{os.getpid() % 10000}n{number}", f"zf{os.getpid() % 10000}v{number}"
        here, there = f"10.213.{number}.1", f"10.213.{number}.2"
        steps = [
            f"ip netns add {name}",
            f"ip link add {device} type veth peer name eth0 netns {name}",
            f"ip addr add {here}/24 dev {device}",
            f"ip link set {device} up",
            f"ip -n {name} addr add {there}/24 dev eth0",
            f"ip -n {name} link set eth0 up",
            f"ip -n {name} link set lo up",
        ]
        made.append((name, device))
        for step in steps:
            done = subprocess.run(step.split(), capture_output=True, text=True)
            if done.returncode:
                skip_or_fail(f"no network namespaces here (needs root): {step}: {done.stderr}")
        return name, device, there

    yield make
    for name, device in made:
        subprocess.run(["ip", "link", "del", device], capture_output=True)
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def test_a_link_that_is_cut_for_a_minute(kit, namespaces):
    name, device, address = namespaces(1)
    host = SshHost(kit.home / "a", address, 22, ("ip", "netns", "exec", name))
    kit.hosts["a"], kit.entries["a"] = host, kit.entry()
    with kit.known_hosts.open("a") as file:
        file.write(host.known_hosts_line())
    host.start()
    kit.add_host("b")
    main = kit.up()
    kit.wait_for_games("a")
    worker = kit.processes("a")
    subprocess.run(["ip", "link", "set", device, "down"], check=True)
    cut = time.monotonic()
    main.wait_for("[a] lost: ")
    before = len(delivered(kit, "a"))
    kit.wait_for_games("b", 2)
    while time.monotonic() < cut + 60:
        time.sleep(0.5)
    assert kit.processes("a") == worker
    waiting = len(list((host.home / "work" / "data").glob("*.npz")))
    assert waiting > 3  # it played on
    subprocess.run(["ip", "link", "set", device, "up"], check=True)
    main.wait_for("[a] connected: ", 2)
    wait_for(lambda: len(delivered(kit, "a")) >= before + waiting, "what was played meanwhile")
    assert kit.processes("a") == worker
    kit.wait_for_label("a", "🟢 Active")
    main.stop()
    check_all_came_once(kit, "a", "b")


def test_the_main_node_is_killed_while_it_trains(kit, tmp_path):
    for name in "ab":
        kit.add_host(name)
    kit.write()
    settings = {**TINY, "pacing.max_loops": 1000, "replay.keep": "all"}
    command = [sys.executable, "-m", "zerofleet", "train", "ultimate_ttt"]
    command += [f"--fleet={kit.file}", f"--run-dir={kit.run_dir}", "--device=cpu"]
    command += [f"--set={key}={value}" for key, value in settings.items()]

    def train():
        log = (tmp_path / "train.log").open("ab")
        return subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    main = train()
    try:
        workers = None
        for _ in range(3):
            for name in "ab":
                kit.wait_for_games(name, 2)
            now = [kit.processes(name) for name in "ab"]
            assert [len(found) for found in now] == [1, 1]
            assert workers in (None, now)  # found, not started twice
            workers = now
            main.kill()
            main.wait()
            main = train()
        for name in "ab":
            kit.wait_for_games(name, 2)
        main.send_signal(signal.SIGINT)
        assert main.wait(120 * PATIENCE) == 130, (tmp_path / "train.log").read_text()
    finally:
        main.kill()
        main.wait()
    assert [kit.processes(name) for name in "ab"] == [[], []]
    report = audit(kit.store, shard_account)
    assert report.is_sound, report.text()
    assert report.num_rejected == 0


def fill(path):
    with path.open("wb", buffering=0) as file:
        while file.write(b"\0" * (1 << 16)):
            pass


def test_a_full_disk_there(kit):
    with mounted(kit.home / "small", "-t", "tmpfs", "-o", "size=300m", "tmpfs") as small:
        kit.add_host("a", workdir=str(small / "work"))
        main = kit.up()
        kit.wait_for_games("a")
        filler = small / "filler"
        with pytest.raises(OSError, match="No space"):
            fill(filler)
        worker = kit.wait_for_label("a", "🔴 Error")
        assert "disk" in worker.label, worker
        filler.unlink()
        kit.wait_for_label("a", "🟢 Active")
        kit.wait_for_games("a")
        main.stop()
        assert audit(kit.store, shard_account).is_sound
        assert list((small / "work" / "data").glob("*.npz")) == []


def test_a_worker_whose_clock_is_hours_off(kit):
    require_program("faketime")
    fake = kit.home / "python-with-another-clock"
    fake.write_text(f'#!/bin/sh\nexec faketime -f "-5h" {sys.executable} "$@"\n')
    fake.chmod(0o755)
    kit.add_host("a", python=str(fake))
    kit.add_host("b")
    main = kit.up()
    for name in "ab":
        kit.wait_for_label(name, "🟢 Active")
        kit.wait_for_games(name, 3)
    assert kit.fleet.status().num_active == 2
    main.stop()
    check_all_came_once(kit, "a", "b")


def test_a_main_node_killed_at_each_step_of_a_transfer(kit):
    """Half of a file, a copy that is not yet deleted there, a network whose version is not told."""
    kit.add_host("a")
    kit.write()
    for fault in (
        "exclusive.after_fsync:2",
        "mirror.after_copy_in:2",
        "mirror.after_delete:2",
        "mirror.before_version",
        "mirror.after_version",
    ):
        if "version" in fault:
            shutil.rmtree(kit.hosts["a"].home / "work" / "model")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "zerofleet",
                "fleet",
                "up",
                f"--run-dir={kit.run_dir}",
                f"--fleet={kit.file}",
            ],
            env={**os.environ, "ZEROFLEET_FAULT": fault},
            capture_output=True,
            text=True,
            timeout=120 * PATIENCE,
        )
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    main = kit.up()
    kit.wait_for_games("a")
    assert len(kit.processes("a")) == 1
    main.stop()
    check_all_came_once(kit, "a")


def test_a_second_main_node_on_a_copy_of_the_run(kit, tmp_path):
    kit.add_host("a")
    first = kit.up()
    kit.wait_for_games("a")
    worker = kit.processes("a")
    copy = FleetKit(tmp_path, copy_run(kit.run_dir, tmp_path / "copy"), kit.hosts, {}, kit.entries)
    copy.store.delete("fleet/main.json")
    second = copy.up()
    second.wait_for("found playing")
    first.wait_for("another main node took this worker over")
    assert "🔴 Error" in kit.wait_for_label("a", "another main node").label
    assert kit.processes("a") == worker
    first.stop()  # leaves what is not its own alone
    assert kit.processes("a") == worker
    second.stop()


def test_another_run_does_not_take_a_host_that_plays(kit, begun_run, tmp_path):
    kit.add_host("a")
    first = kit.up()
    kit.wait_for_games("a")
    other = FleetKit(tmp_path, copy_run(begun_run, tmp_path / "other"), kit.hosts, {}, kit.entries)
    second = other.up()
    second.wait_for("belongs to another run")
    second.leave()
    first.stop()
    third = other.up()
    third.wait_for("is put aside as")
    other.wait_for_games("a")
    third.stop()


def test_installing_where_there_is_nothing(kit, tmp_path):
    wheels = tmp_path / "wheels"
    make_wheel(wheels)
    kit.add_host("a", worker_class=None)
    kit.hosts["a"].stop()
    needed = what_zerofleet_needs(tmp_path / "needed")
    config = kit.hosts["a"].home / "sshd_config"
    config.write_text(config.read_text().replace(" PYTHONPATH=", f" PYTHONPATH={needed} X="))
    kit.hosts["a"].start()
    kit.entries["a"]["python"] = str(tmp_path / "env" / "bin" / "python")
    kit.write()
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "zerofleet",
                "fleet",
                "up",
                "--install",
                f"--wheelhouse={wheels}",
                f"--fleet={kit.file}",
                f"--run-dir={kit.run_dir}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        kit.wait_for_label("a", "🟢 Active")
        kit.wait_for_games("a")
        assert (tmp_path / "env" / "bin" / "python").exists()
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60 * PATIENCE)
    assert up.returncode == 130, (tmp_path / "up.log").read_text()


def what_zerofleet_needs(folder):
    """The packages that are installed here, but for zerofleet."""
    folder.mkdir()
    for site in (Path(p) for p in sys.path if p.endswith("site-packages")):
        for entry in site.iterdir():
            link = folder / entry.name
            if not (entry.name.startswith("zerofleet") or entry.suffix == ".pth" or link.exists()):
                link.symlink_to(entry)
    return folder


def make_wheel(folder):
    """A wheel of the checkout as it is, its core included; what it needs comes from elsewhere."""
    folder.mkdir()
    name, package = f"zerofleet-{version('zerofleet')}", Path(zerofleet.__file__).parent
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path in package.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                wheel.write(path, str(path.relative_to(package.parent)))
        info = f"{name}.dist-info"
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: zerofleet\nVersion: {version('zerofleet')}\n",
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
