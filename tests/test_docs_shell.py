"""Shell blocks of the documents: each is run here, or says why it is not.

A block is fenced as `sh`, and the line above it is one of

    <!-- run -->                            in a directory that the blocks of its page share
    <!-- run with games.pgn -->             the same, where some games lie
    <!-- run long -->                       in `make test-long`, after the others of its page
    <!-- run long with runs/first -->       the same, where a small run lies
    <!-- not run: several machines -->
    <!-- on the main node, until Ctrl-C --> by fleet/test_fleet_page.py, on machines of its own
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shell_blocks import ROOT, blocks_of
from support import PATIENCE

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
MARK = re.compile(r"run( long)?( with .+)?|not run: .+|on (the main node|each host)(, .+)?")
PAGE_OF_MACHINES = ROOT / "docs" / "fleet.md"
COMMANDS = ("zerofleet ", "python ", "python3 ", "pip ", "make ", "torchrun ", "ssh ", "cmake ")
SMALL_RUN = [
    *("train", "ultimate_ttt", "--run-dir", "run", "--max-loops", "1"),
    *("--set", "arena.eval_games=2", "--set", "arena.num_previous=0"),
    *("--set", "search.depth=1", "--set", "pacing.min_new_positions=1000"),
    *("--set", "selfplay.games_per_batch=50", "--threads", "1", "--set", "training.train_epochs=1"),
    *("--set", "training.min_steps=1", "--set", "training.batch_size=1024"),
    *("--set", "training.compile=false", "--set", "arena.final_games=0"),
]
GAME = '[Event "{}"]\n[Result "1-0"]\n\n1. e4 e5 2. Bc4 Nc6 3. Qh5 Nf6 4. Qxf7# 1-0\n\n'


def unmarked(text: str) -> list[str]:
    """First lines of the shell blocks that are neither run nor say why not."""
    return [
        block.text.partition("\n")[0]
        for block in blocks_of(text)
        if (block.kind == "sh" or (not block.kind and block.text.startswith(COMMANDS)))
        and not (block.kind == "sh" and MARK.fullmatch(block.mark))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_shell_blocks_are_run_or_say_why_not(page):
    assert not unmarked(page.read_text()), (
        "how to mark a block: the top of tests/test_docs_shell.py"
    )


def test_marks_of_machines_are_in_the_page_that_is_run_on_them():
    marked = {page for page in PAGES for block in blocks_of(page.read_text()) if block.machine}
    assert marked == {PAGE_OF_MACHINES}


def test_the_check_of_marks_finds_blocks():
    assert unmarked("```\nzerofleet status\n```\n")
    assert unmarked("text\n\n```sh\nls\n```\n")
    assert unmarked("<!-- not run -->\n```sh\nls\n```\n")
    assert not unmarked("<!-- not run: hours -->\n```sh\nls\n```\n")


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A run of one loop, finished."""
    directory = tmp_path_factory.mktemp("small")
    zerofleet = [sys.executable, "-m", "zerofleet"]
    done = subprocess.run(
        [*zerofleet, *SMALL_RUN], cwd=directory, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory / "run"


def environment() -> dict[str, str]:
    """In which `zerofleet` and `python` are those of this test, wherever one is."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PATH": path, "PYTHONPATH": python_path, "OMP_NUM_THREADS": "1"}


def run_page(page: Path, directory: Path, request: pytest.FixtureRequest, *, long: bool) -> int:
    """Runs the blocks of a page one after the other; returns how many."""
    blocks = blocks_of(page.read_text())
    blocks = [block for block in blocks if block.is_quick or (long and block.is_long)]
    for block in blocks:
        for name in block.needs:
            if (directory / name).exists():
                continue
            if name.startswith("runs/"):
                shutil.copytree(request.getfixturevalue("small_run"), directory / name)
            else:
                (directory / name).write_text("".join(GAME.format(n) for n in range(20)))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=(1800 if long else 120) * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
    return len(blocks)


def pages_with(kind: str) -> list[Path]:
    return [p for p in PAGES if any(getattr(b, kind) for b in blocks_of(p.read_text()))]


@pytest.mark.parametrize("page", pages_with("is_quick"), ids=lambda page: page.stem)
def test_blocks_run(page, tmp_path, request):
    assert run_page(page, tmp_path, request, long=False)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", pages_with("is_long"), ids=lambda page: page.stem)
def test_long_blocks_run(page, tmp_path, request):
    assert run_page(page, tmp_path, request, long=True)
