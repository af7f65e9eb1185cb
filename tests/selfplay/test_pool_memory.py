"""Memory of a pool of 1,000 games at 200 simulations: flat and within its bound, every game."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import zerofleet.games

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", zerofleet.games.game_names())
def test_memory_is_flat(name, tmp_path):
    """A minute each; benchmarks/results holds a run of ten minutes."""
    target = tmp_path / "memory.json"
    script = ROOT / "benchmarks" / "pool_memory.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # Else glibc keeps what batches leave free between small things: docs/self_play.md.
    environment["MALLOC_MMAP_THRESHOLD_"] = str(1 << 18)
    seconds = os.environ.get("POOL_MEMORY_SECONDS", "60")
    command = [sys.executable, str(script), "--game", name, "--seconds", seconds]
    done = subprocess.run(
        [*command, "--save", str(target)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    print(done.stdout)
    (found,) = json.loads(target.read_text())
    growth = found["last_half_growth"]
    assert found["nodes"] <= found["nodes_limit"]
    assert growth < max(0.02 * found["resident_peak"], 20e6), done.stdout
    assert found["resident_peak"] < found["pool"] + found["resident_before"] + 64e6
