"""What verbs print on terminals of all kinds: narrow, without colours, without Unicode, closed."""

import contextlib
import io
import os
import pty
import re
import subprocess
import sys

import pytest
from command import run
from rich.console import Console
from verb_worlds import make_run

from monitor.sample_run import sample_entries
from support import PATIENCE
from zerofleet.cli import app, commands, main
from zerofleet.run.stats import append_stats
from zerofleet.run.store import DirectoryStore

NO_UNICODE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"}
"""The harshest locale: Python reads and writes ASCII, files too."""


@pytest.fixture
def run_dir(tmp_path):
    """A run with some history."""
    directory = make_run(tmp_path / "uttt", "ultimate_ttt", num_versions=3)
    for entry in sample_entries(3):
        append_stats(DirectoryStore(directory), entry)
    return directory


def printed(arguments, encoding, monkeypatch, *, columns=40):
    """Status and output of a command in this process, on a stream of this encoding."""
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    # A process makes one console and keeps its width; each call here is another terminal.
    monkeypatch.setattr(app, "_console", Console())
    with contextlib.redirect_stdout(stream), pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    stream.flush()
    return end.value.code, stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii"])
def test_every_help_fits_and_can_be_written(encoding, monkeypatch):
    for verb in commands():
        status, text = printed([*verb.split(), "--help"], encoding, monkeypatch)
        _, full = printed([*verb.split(), "--help"], "utf-8", monkeypatch)
        assert status == 0
        assert max(map(len, text.splitlines())) <= 40, verb
        assert text.count("?") == full.count("?"), verb  # what cannot be written is spelt out


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
@pytest.mark.parametrize(
    "line",
    ["status {run}", "results {run}", "fleet status --run-dir {run}"],
)
def test_a_run_is_shown_without_unicode(line, encoding, run_dir, monkeypatch):
    status, text = printed(line.format(run=run_dir).split(), encoding, monkeypatch)
    assert status == 0
    assert any(word in text for word in ("4,806", "v0003", "odel"))
    assert "?" not in text


def test_words_of_a_terminal_without_unicode(monkeypatch):
    printed(["--version"], "ascii", monkeypatch)
    for text, shown in (("🟢 Active", "+ Active"), ("⚠️  ERROR", "!!  ERROR"), ("1 ± 2", "1 +- 2")):
        assert text.encode("ascii", "zerofleet").decode() == shown


def test_files_are_utf8_in_every_locale(tmp_path):
    """Recipes that are read, games that are written."""
    recipe = tmp_path / "rezept.yaml"
    recipe.write_text("# für Ü\ngame: {name: go}\nserch: {}\n", encoding="utf-8")
    done = run("train", recipe, "--run-dir", tmp_path / "no", **NO_UNICODE)
    assert done.returncode == 2
    assert "unknown key 'serch'" in done.stderr
    save = tmp_path / "größe"
    words = ["match", "random", "random", "--game", "chess", "--games", 2, "--max-plies", 20]
    done = run(*words, "--save", save, **NO_UNICODE)
    assert done.returncode == 0, done.stderr
    assert "+- " in done.stdout or "Elo" in done.stdout
    (tmp_path / "latin.yaml").write_bytes("# für\n".encode("latin-1"))
    done = run("train", tmp_path / "latin.yaml", "--run-dir", tmp_path / "no")
    assert (done.returncode, "expected text in UTF-8" in done.stderr) == (2, True)
    assert (save / "games.pgn").is_file()


PIPED = [
    "--help",
    "train --help",
    "status {run}",
    "results {run}",
    "selfplay tic_tac_toe --games 20000 --simulations 2",
    "match random random --game connect_four --games 500",
    "worker --shared-dir {run} --threads 1 --games-per-batch 5 --depth 1",
]


@pytest.mark.parametrize("line", PIPED)
def test_a_reader_that_has_seen_enough(line, run_dir):
    """`| head -1`: both streams are closed after the first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zerofleet", *line.format(run=run_dir).split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout.readline()
    process.stdout.close()
    _, said = process.communicate(timeout=60 * PATIENCE)
    assert process.returncode in (0, 1)
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_a_training_whose_reader_has_seen_enough():
    """`python -m zerofleet.train ... | head -1`."""
    program = (
        "import sys; from zerofleet.train import main\n"
        "def run():\n    while True:\n        print('step', flush=True)\n"
        "sys.exit(main([], run))"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", program], **pipes)
    assert process.stdout.readline() == "step\n"
    process.stdout.close()
    _, said = process.communicate(timeout=60 * PATIENCE)
    assert (process.returncode, said) == (1, "")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_heeded(no_color, run_dir):
    main_end, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zerofleet", "results", str(run_dir)],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": no_color, "COLUMNS": "80"},
    )
    os.close(other_end)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while piece := os.read(main_end, 65536):
            shown += piece
    os.close(main_end)
    assert process.wait(60 * PATIENCE) == 0, shown
    colours = re.findall(rb"\x1b\[(?:\d+;)*[34]\d(?:;\d+)*m", shown)
    assert bool(colours) == (not no_color), shown
    assert b"\x1b" in shown or no_color
