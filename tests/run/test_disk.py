"""Real file systems that refuse: full, read-only; and what a dead writer left behind."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from support import PATIENCE, mounted
from zerofleet.run.atomic import TemporarySweeper, is_hidden
from zerofleet.run.errors import StoreError
from zerofleet.run.lease import Lease, LeaseHeldError
from zerofleet.run.models import fetch_model, publish_model, read_version
from zerofleet.run.store import DirectoryStore, iterate

KEY = "workers/w0.json"


def test_a_full_disk_is_one_clear_line_and_changes_nothing(tmp_path):
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=256k", "tmpfs") as root:
        store = DirectoryStore(root)
        publish_model(store, 1, {"nnue": b"1" * 1000}, "arch")
        for write in (
            lambda: store.put("model/version.txt", b"x" * 300_000),
            lambda: store.put_if_absent("data/a", b"x" * 300_000),
            lambda: publish_model(store, 2, {"nnue": b"2" * 300_000}, "arch"),
        ):
            with pytest.raises(
                StoreError, match=r"disk or quota is full \([\d,]+ bytes free\)"
            ) as e:
                write()
            assert "\n" not in str(e.value)
        assert read_version(store) == 1
        assert fetch_model(store).data == b"1" * 1000
        assert not [p for p in root.rglob("*") if is_hidden(p.name)]
        publish_model(store, 2, {"nnue": b"2" * 1000}, "arch")
        assert read_version(store) == 2


def test_a_read_only_mount_is_one_clear_line(tmp_path):
    store = DirectoryStore(tmp_path / "run")
    publish_model(store, 1, {"nnue": b"1"}, "arch")
    with mounted(tmp_path / "ro", "--bind", str(tmp_path / "run")) as root:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(root)], check=True)
        read_only = DirectoryStore(root)
        assert fetch_model(read_only).data == b"1"
        for write in (
            lambda: read_only.put("a", b""),
            lambda: read_only.put_if_absent("new/a", b""),
            lambda: read_only.delete("model/version.txt"),
            lambda: read_only.move("model/version.txt", "consumed/a"),
            lambda: Lease.acquire(read_only, KEY),
        ):
            with pytest.raises(StoreError, match="mounted read-only: mount it writable"):
                write()


def test_what_a_killed_writer_left_is_swept_and_a_living_ones_is_not(tmp_path):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from zerofleet.run import atomic
        atomic.fault_point = lambda name: (print(name, flush=True), time.sleep(60))
        atomic.write_atomic(Path(sys.argv[1]) / "data" / "a", b"half")
        """
    ).replace("(print(name", "name == 'atomic.half_temp' and (print(name")
    store = DirectoryStore(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    assert store.sweep() == 0
    assert len(list((tmp_path / "data").iterdir())) == 1
    assert store.list("").keys == ()
    process.kill()
    process.wait()
    process.stdout.close()
    assert store.sweep() == 1
    assert not list((tmp_path / "data").iterdir())


def test_another_hosts_temporary_is_swept_when_it_stays_the_same(tmp_path):
    now = [0.0]
    sweeper = TemporarySweeper(900, clock=lambda: now[0])
    left = tmp_path / ".a.0123456789ab-77-88-0123456789ab.tmp"
    left.write_bytes(b"1")
    assert sweeper.sweep(tmp_path) == 0
    now[0] = 899.0
    left.write_bytes(b"22")
    assert sweeper.sweep(tmp_path) == 0
    now[0] = 1798.0
    assert sweeper.sweep(tmp_path) == 0
    now[0] = 1799.0
    assert sweeper.sweep(tmp_path) == 1


RESERVE = textwrap.dedent(
    """
    import sys, time
    from zerofleet.run.lease import Lease, LeaseHeldError
    from zerofleet.run.store import DirectoryStore
    store = DirectoryStore(sys.argv[1])
    settle_seconds = float(sys.argv[2])  # longer than a write takes here
    end = time.monotonic() + 8 * settle_seconds
    while time.monotonic() < end:
        try:
            lease = Lease.acquire(
                store, sys.argv[3], settle_seconds=settle_seconds,
                dead_after_seconds=40 * settle_seconds,
            )
        except LeaseHeldError:
            continue
        for _ in range(3):
            reserved = lease.reserve(10)
            store.put(f"data/{reserved.batch:06d}", b"")
            print(reserved.batch, reserved.first_game, flush=True)
        lease.release()
    """
)


def test_processes_that_fight_for_one_id_never_share_a_number(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RESERVE, str(tmp_path), str(0.4 * PATIENCE), KEY],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    lines = [
        line for p in processes for line in p.communicate(timeout=30 * PATIENCE)[0].splitlines()
    ]
    assert all(process.returncode == 0 for process in processes)
    numbers = [int(line.split()[0]) for line in lines]
    assert len(numbers) >= 3
    assert len(set(numbers)) == len(numbers)
    assert len({line.split()[1] for line in lines}) == len(numbers)


CREATE = textwrap.dedent(
    """
    import sys
    from zerofleet.run.store import DirectoryStore
    store = DirectoryStore(sys.argv[1])
    for number in range(60):
        if store.put_if_absent(f"data/{number}", sys.argv[2].encode() * 10_000):
            print(number)
    """
)


def test_processes_that_create_the_same_keys_win_each_once(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(tmp_path), name], stdout=subprocess.PIPE, text=True
        )
        for name in "abc"
    ]
    store, sizes = DirectoryStore(tmp_path), set()
    while any(process.poll() is None for process in processes):
        sizes |= {entry.size_bytes for entry in iterate(store, "data/")}
    won = [line for process in processes for line in process.communicate()[0].split()]
    assert sorted(map(int, won)) == list(range(60))
    assert sizes <= {10_000}
    assert not [p for p in tmp_path.rglob("*") if is_hidden(p.name)]


def test_the_refusal_says_what_to_do(store):
    lease = Lease.acquire(store, KEY)
    with pytest.raises(LeaseHeldError) as error:
        Lease.acquire(store, KEY)
    host = json.loads(store.read(KEY))["host"]
    assert str(error.value) == (
        f"workers/w0.json: held by process {os.getpid()} on host {host} (session "
        f"{lease.session[:8]}), which is alive; stop that process or use another --worker-id"
    )
