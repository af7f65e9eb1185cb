"""What rsync copies to another machine is enough: the sources to run, a run to look at."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import run
from test_watch_and_results import ended_run

import zerofleet._core
from support import require_program

RSYNC = ("-a", "--exclude", "checkpoints/", "--exclude", "*.pyc")
FROM_THE_COPY = """
import sys
# An editable install would find the tree it was made in.
sys.meta_path[:] = [f for f in sys.meta_path if "Editable" not in f"{f} {type(f)}"
                    and "Scikit" not in f"{f} {type(f)}"]
sys.path.insert(0, sys.argv[1])
sys.argv = ["zerofleet", *sys.argv[2:]]
import zerofleet
assert zerofleet.__file__.startswith(sys.path[0]), zerofleet.__file__
from zerofleet.cli import main
main()
"""


@pytest.fixture
def rsync():
    program = require_program("rsync")
    return lambda *words: subprocess.run([program, *RSYNC, *map(str, words)], check=True)


def test_a_tree_that_was_copied_runs(rsync, tmp_path):
    package = Path(zerofleet.__file__).parent
    (tmp_path / "tree").mkdir()
    rsync(package, tmp_path / "tree")
    core = Path(zerofleet._core.__file__)  # an editable install keeps it elsewhere
    shutil.copy(core, tmp_path / "tree" / package.name / core.name)
    assert not list(tmp_path.rglob("*.pyc"))
    words = ("selfplay", "tic_tac_toe", "--games", "3", "--simulations", "4", "--out", "games")
    done = subprocess.run(
        [sys.executable, "-P", "-B", "-c", FROM_THE_COPY, str(tmp_path / "tree"), *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "games").glob("*.npz"))


def test_a_run_without_its_checkpoints_can_be_looked_at(rsync, tmp_path):
    ended_run(tmp_path / "here")
    (tmp_path / "here" / "checkpoints").mkdir()
    (tmp_path / "here" / "checkpoints" / "latest.json").write_text("{}")
    rsync(tmp_path / "here", tmp_path / "there")
    copy = tmp_path / "there" / "here"
    assert not (copy / "checkpoints").exists()
    done = run("watch", copy, "--simple")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Loop 2/2" in done.stdout
