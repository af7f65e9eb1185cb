"""The chaos of `python -m benchmarks.chaos`, short; and that what it does can be noticed."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.chaos.disk import Disk
from benchmarks.chaos.faults import flip_a_bit

from sample_data import games, meta_of
from support import PATIENCE, skip_or_fail
from zerofleet.records.account import shard_account
from zerofleet.records.errors import ShardError
from zerofleet.records.write import encode_shard
from zerofleet.run.errors import StoreError
from zerofleet.run.store import DirectoryStore

ROOT = Path(__file__).parents[2]
RUNS = ("ultimate_ttt", "connect_four", "ultimate_ttt+train")


def test_a_bit_that_the_injector_changes_is_always_noticed():
    data = encode_shard(meta_of("connect_four"), games("connect_four", 5))
    assert shard_account(data).game_numbers
    for seed in range(100):
        changed = bytearray(data)
        place = flip_a_bit(changed, random.Random(seed))
        assert changed[place] != data[place]
        with pytest.raises(ShardError):
            shard_account(bytes(changed))


def test_a_full_disk_is_full_until_it_is_emptied(tmp_path):
    disk = Disk(tmp_path / "disk", 1)
    try:
        if disk.why_not:
            skip_or_fail(f"cannot mount (needs root and CAP_SYS_ADMIN): {disk.why_not}")
        store = DirectoryStore(disk.path / "run")
        store.put("a", b"x")
        disk.fill(8192)
        with pytest.raises(StoreError, match="the disk or quota is full"):
            store.put("b", bytes(100_000))
        disk.empty()
        store.put("b", bytes(100_000))
    finally:
        disk.close()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RUNS)
def test_a_minute_of_chaos(tmp_path, name):
    command = [
        *(sys.executable, "-m", "benchmarks.chaos", "--recipes", name),
        *("--minutes", "1", "--pause", "2", "--save", str(tmp_path)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=800 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = json.loads((tmp_path / "chaos.json").read_text())["runs"]
    assert run["num_faults"] >= 10
    assert run["games_counted"] > 0
    assert "lost: 0, counted twice: 0, corrupt reads: 0" in (tmp_path / "README.md").read_text()
