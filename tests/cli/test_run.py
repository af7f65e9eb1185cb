"""A whole run, as small as can be, through the command line."""

import json

import pytest
from command import run

from support import require

SMALL = {
    "search.depth": 1,
    "pacing.min_new_positions": 200,
    "selfplay.games_per_batch": 20,
    "training.train_epochs": 1,
    "training.compile": "false",
    "arena.eval_games": 4,
    "arena.opponents": "[random, greedy]",
    # Files of one core of this speed would fill the window of many loops before the first ends.
    "pacing.max_pending_bytes": 1 << 20,
    "replay.max_positions": 20_000,
}


@pytest.fixture(scope="module")
def settings():
    require("torch")
    return [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]


def test_train_status_audit(tmp_path, settings):
    directory = tmp_path / "tiny"
    one = ("--workers", 1, "--threads", 1)
    done = run("train", "ultimate_ttt", "--run-dir", directory, *one, "--max-loops", 1, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert "Loop 1/1  collected" in done.stdout
    assert "Measuring version 2: 200 games against each opponent (Ctrl-C: skip)" in done.stdout
    assert "Strength of version 2" in done.stdout
    assert "\n  random: any legal move\n" in done.stdout
    assert f"Learning curve: {directory / 'learning_curve.png'}" in done.stdout
    assert (directory / "learning_curve.png").read_bytes().startswith(b"\x89PNG")

    # The float weights are those of the network that workers play.
    from zerofleet.nets.export import export_nnue, load_model

    exported = export_nnue(load_model(directory / "model" / "nnue_model.pt"))
    assert exported == (directory / "model" / "nnue_model.nnue").read_bytes()
    assert exported == (directory / "model" / "versions" / "0002.nnue").read_bytes()

    shown = run("status", directory).stdout
    assert "1/1 loop done  trainer stopped" in shown
    assert "to go" not in shown
    assert "v0002" in shown
    assert " ± " in shown
    assert max(map(len, shown.splitlines())) <= 80

    plain = run("status", directory, "--plot", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert plain.returncode == 0
    assert plain.stdout.isascii()
    assert " +- " in plain.stdout
    assert "random" in plain.stdout

    status = json.loads(run("status", directory, "--json").stdout)
    assert status["model_version"] == 2
    assert status["stopping"] is True
    assert [worker["state"] for worker in status["workers"]] == ["stopped"]
    assert status["loops"][-1]["iteration"] == 1

    # The matches of its end are the rating of the last version.
    matches = status["loops"][-1]["game_stats"]["matches"]
    games = {m["opponent"]: m["games"] for m in matches}
    assert games == {"random": 200, "greedy": 200, "v0001": 4}
    results = " ".join(run("results", directory, COLUMNS="120").stdout.split())
    assert "PASS the only loop completed" in results
    assert "draw rate" not in results

    report = run("audit", directory)
    assert report.returncode == 0
    assert report.stdout.splitlines()[-1].split() == ["audit", "sound"]

    # What is lost is found.
    next((directory / "consumed").glob("*.npz")).write_bytes(b"not a shard")
    report = run("audit", directory)
    assert report.returncode == 1
    assert "finding" in report.stdout
