"""`zerofleet watch` and `zerofleet results` as people call them."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from command import run

from support import PATIENCE, require
from zerofleet import _core
from zerofleet.cli import main
from zerofleet.run.documents import encode
from zerofleet.run.layout import TRAINER_LEASE
from zerofleet.run.lease import Lease
from zerofleet.run.store import DirectoryStore

RECORD = Path(__file__).parents[2] / "benchmarks" / "results" / "2026-11-28_go7"
ENTRY = {
    "iteration": 1,
    "model_version": 2,
    "games": 100,
    "positions": 5000,
    "losses": {"train": 0.5},
    "game_stats": {"mean_plies": 100.0, "draw_share": 0.5, "first_player_score": 0.5},
    "seconds": 30.0,
}


def ended_run(path):
    store = DirectoryStore(path)
    store.put("config.json", encode({"game": {"name": "chess"}, "pacing": {"max_loops": 2}}))
    entries = [ENTRY, {**ENTRY, "iteration": 2, "model_version": 3, "losses": {"train": 0.4}}]
    store.put("training_stats.json", encode(entries))
    Lease.acquire(store, TRAINER_LEASE).release()
    return path


def test_watching_through_a_pipe_ends_with_the_run(tmp_path):
    ended_run(tmp_path)
    for arguments in ((tmp_path, "--simple"), ("--file", tmp_path / "training_stats.json")):
        done = run("watch", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert lines[0].startswith("Loop 1/2  collected 5,000 positions")
        assert lines[-1] == "trainer stopped"


def test_q_leaves_the_full_screen(tmp_path):
    require("textual")
    ended_run(tmp_path)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "zerofleet", "watch", str(tmp_path), "--interval", "0.5"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(slave)
    os.set_blocking(master, False)
    try:
        shown, deadline = b"", time.monotonic() + 60 * PATIENCE
        pressed = False
        while process.poll() is None and time.monotonic() < deadline:
            try:
                shown += os.read(master, 1 << 16)
            except (BlockingIOError, OSError):
                time.sleep(0.02)
            if not pressed and b"limits it" in shown:
                os.write(master, b"q")
                pressed = True
        assert process.poll() == 0, shown[-2000:]
        assert pressed
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_results_of_a_training(tmp_path):
    ended_run(tmp_path / "a")
    file = tmp_path / "a" / "training_stats.json"
    done = run("results", "--training", file, "--last", "1")
    assert (done.returncode, done.stderr) == (0, "")
    for text in (
        "chess",
        "Iterations 1 to 2, learned from 200 games",
        "Last 1 iteration",
        "Timeline",
        "early",
        "PASS   all 2 iterations completed",
        "PASS   average moves below 150",
        "PASS   draw rate below 60.0 %",
    ):
        assert " ".join(text.split()) in " ".join(done.stdout.split())
    strict = run("results", tmp_path / "a", "--max-moves", "90", "--max-draw-rate", "0.4")
    words = " ".join(strict.stdout.split())
    assert "FAIL average moves below 90" in words
    assert "FAIL draw rate below 40.0 %" in words
    ended_run(tmp_path / "b")
    done = run("results", "--compare", tmp_path / "a", tmp_path / "b")
    assert "After 2 iterations each" in done.stdout


def test_a_training_is_told_from_its_saved_statistics():
    """A training of long ago that is kept with its figures: the tables of its page are these."""
    page = (RECORD / "README.md").read_text()
    done = run("results", RECORD, "--last", "7", COLUMNS="120")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip()][1:]
    assert "Iterations 1 to 7, learned from 3,500 games" in lines[0]
    assert any(line.split()[:1] == ["Drawn"] for line in lines)
    for line in lines:
        assert line in page, line


def test_results_of_matches(tmp_path):
    match = {
        "player": "v0002",
        "opponent": "random",
        "games": 10,
        "wins": 9,
        "draws": 0,
        "losses": 1,
        "score": 0.9,
        "low": 0.6,
        "high": 1.0,
    }
    for name, score in (("a", 0.9), ("b", 0.2)):
        (tmp_path / name).mkdir()
        report = {"matches": [{**match, "score": score}]}
        (tmp_path / name / "report.json").write_text(json.dumps(report))
    done = run("results", "--eval", tmp_path / "a")
    assert (done.returncode, "90.0%" in done.stdout) == (0, True)
    done = run("results", "--compare", tmp_path / "a", tmp_path / "b")
    assert "-70.0 % ± 28.3 %" in done.stdout
    assert "worse" in done.stdout
    assert f"A: {tmp_path / 'a'}" in done.stdout


def test_results_of_a_benchmark(tmp_path, capsys):
    (tmp_path / "net.nnue").write_bytes(_core.NnueNetwork.random("connect_four").to_bytes())
    arguments = ["--checkpoint", tmp_path / "net.nnue", "--games", "2", "--opponents", "random"]
    done = run("benchmark", *arguments, "--save", tmp_path / "saved", "--quiet")
    assert done.returncode == 0
    with pytest.raises(SystemExit) as exit_:
        main(["results", "--eval", str(tmp_path / "saved")])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    assert shown.count("random") == 1
    assert "Won/drawn/lost" in shown


def test_mistakes_are_told(tmp_path, capsys):
    ended_run(tmp_path / "run")
    for arguments, message in (
        (("watch",), "expected RUN, or --file"),
        (("watch", tmp_path / "nothing"), "no such run directory"),
        (("watch", "--file", tmp_path / "nothing.json"), "no such file"),
        (("results",), "expected RUN (or --training FILE), --eval DIR or --compare A B"),
        (("results", tmp_path), "no such file; expected a training_stats.json"),
        (("results", "--eval", tmp_path / "run" / "config.json"), "no matches or scores"),
        (("results", "--compare", tmp_path / "run", tmp_path / "no"), "no: no such run directory"),
        (("results", "--compare", tmp_path / "run", tmp_path), "one is a training and the other"),
    ):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        assert exit_.value.code == (2 if message.startswith("expected") else 1)
        assert message in capsys.readouterr().err
