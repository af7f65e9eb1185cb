"""One host, many workers, from end to end: the command with its flags, scripts that are stopped."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import zerofleet
from parallel.tiny_settings import TINY
from zerofleet.records.read import read_shard
from zerofleet.roles.config import parse_config_json, resolve

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

MARK = "ZEROFLEET_TEST_ONE_HOST"
PATIENCE_SECONDS = 600.0
"""Roles are new processes that load torch, and workers yield to everybody else."""
EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_game.py"
RESNET = {**TINY, "net.kind": "resnet", "net.num_head_units": 8}
WANDB = """
import json
class Run:
    def define_metric(self, name, step_metric=None): pass
    def log(self, values): note(["log", values.pop("iteration"), sorted(values)])
    def finish(self): note(["finish"])
def note(entry):
    with open("wandb.jsonl", "a") as file: file.write(json.dumps(entry) + "\\n")
def init(**arguments):
    note(["init", arguments["project"], arguments["name"], arguments["config"]["seed"]])
    return Run()
"""
SCRIPT = """
import zerofleet
settings = {settings!r}
net = {{"num_blocks": 1, "num_filters": 8}}
trainer = zerofleet.ParallelTrainer(
    "twenty48(size=2)", net, 2, run_dir="run", settings=settings, device="cpu"
)
print("begins", flush=True)
try:
    trainer.train(epochs=100_000, games_per_epoch=4, simulations=2)
except KeyboardInterrupt:
    print("interrupted", trainer.epochs_done, flush=True)
    raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(MARK, str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")


def processes(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}\0".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited for {what}")


def command(*arguments):
    settings = [f"--set={key}={json.dumps(value)}" for key, value in RESNET.items()]
    done = subprocess.run(
        [sys.executable, "-m", "zerofleet", "train", *map(str, arguments), *settings],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def games_of(run):
    """Epoch -> {number: actions} of all counted games."""
    found = {}
    for path in (run / "consumed").iterdir():
        meta, games = read_shard(path)
        for g, number in enumerate(games.game_number.tolist()):
            plies = slice(games.game_start[g], games.game_start[g + 1])
            found.setdefault(meta.iteration, {})[number] = games.action[plies].tolist()
    return found


def iterations_of(run):
    return [entry["iteration"] for entry in json.loads((run / "training_stats.json").read_text())]


def test_the_command_with_all_its_flags(tmp_path, monkeypatch):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "wandb.py").write_text(WANDB)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"), prepend=os.pathsep)
    done = command(
        *("twenty48(size=2)", "--run-dir", "first", "--gpus", "cpu,cpu", "--accelerator", "cpu"),
        *("--epochs", 4, "--games-per-epoch", 10, "--batch-size", 16, "--lr", "0.004"),
        *("--simulations", 3, "--filters", 8, "--blocks", 1, "--seed", 77),
        *("--checkpoint-interval", 2, "--experiment-name", "no: 1"),
        *("--use-wandb", "--project-name", "games"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workers with" in done.stdout
    assert "on each device" in done.stdout
    first = tmp_path / "first"
    config = resolve({}, parse_config_json((first / "config.json").read_bytes()), {})
    assert (config.seed, config.run_name) == (77, "no: 1")
    assert (config.net.num_filters, config.net.num_blocks) == (8, 1)
    assert (config.training.batch_size, config.training.learning_rate) == (16, 0.004)
    assert iterations_of(first) == [0, 1, 2, 3, 4]
    games = games_of(first)
    assert {epoch: sorted(numbers) for epoch, numbers in games.items()} == {
        epoch: list(range(10)) for epoch in (1, 2, 3, 4)
    }
    metas = [read_shard(path)[0] for path in (first / "consumed").iterdir()]
    assert {meta.search["search"]["num_simulations"] for meta in metas} == {3}
    assert {meta.host["device"] for meta in metas} == {"cpu"}
    kept = first / "checkpoints"
    assert {path.name for path in kept.glob("*.pth")} == {"model_epoch_2.pth", "model_epoch_4.pth"}
    sent = [json.loads(line) for line in (tmp_path / "wandb.jsonl").read_text().splitlines()]
    assert sent[0] == ["init", "games", "no: 1", 77]
    assert [entry[1] for entry in sent if entry[0] == "log"] == [0, 1, 2, 3, 4]
    assert sent[-1] == ["finish"]

    # The same seed, another number of workers: the same games.
    done = command(
        *("twenty48(size=2)", "--run-dir", "again", "--workers", 3, "--accelerator", "cpu"),
        *("--epochs", 2, "--games-per-epoch", 10, "--batch-size", 16, "--lr", "0.004"),
        *("--simulations", 3, "--filters", 8, "--blocks", 1, "--seed", 77),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 games an iteration are not a multiple of 3 workers" in done.stdout
    assert games_of(tmp_path / "again") == {epoch: games[epoch] for epoch in (1, 2)}

    # A new run from a checkpoint: its net, and epochs and steps counted on.
    done = command(
        *("twenty48(size=2)", "--run-dir", "second", "--accelerator", "cpu", "--epochs", 3),
        *("--games-per-epoch", 1, "--workers", 2, "--filters", 8, "--blocks", 1),
        *("--checkpoint", kept / "model_epoch_2.pth", "--checkpoint-interval", 3),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The run goes on from loop 2 of" in done.stdout
    assert "1 game an iteration for 2 workers: 1 of them will have none to play" in done.stderr
    second = tmp_path / "second"
    assert iterations_of(second) == [2, 3]
    versions = [run / "model/versions" for run in (first, second)]
    assert (versions[1] / "0001.safetensors").read_bytes() == (
        versions[0] / "0003.safetensors"
    ).read_bytes()
    before, after = (
        torch.load(path, weights_only=True)["num_steps"]
        for path in (kept / "model_epoch_2.pth", second / "checkpoints/model_epoch_3.pth")
    )
    assert after > before


def test_a_script_that_is_interrupted_leaves_nobody_behind(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.format(settings={**RESNET, "replay.keep": "window"}))

    def started():
        return subprocess.Popen(
            [sys.executable, "script.py"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    script = started()
    wait_for(lambda: (tmp_path / "run/checkpoints/latest.json").exists(), "a first commit")
    wait_for(lambda: len(iterations_of(tmp_path / "run")) > 1, "an epoch")
    script.send_signal(signal.SIGINT)
    assert script.wait(PATIENCE_SECONDS) == 3
    assert "interrupted" in script.stdout.read()
    assert processes(tmp_path) == []
    done = iterations_of(tmp_path / "run")

    # Started again it goes on; killed, its processes end by themselves.
    script = started()
    wait_for(lambda: len(iterations_of(tmp_path / "run")) > len(done), "another epoch")
    script.kill()
    script.wait()
    wait_for(lambda: processes(tmp_path) == [], "the orphans to end")
    numbers = iterations_of(tmp_path / "run")
    assert numbers == list(range(len(numbers)))


def test_a_killed_worker_and_a_game_in_a_file(tmp_path):
    trainer = zerofleet.ParallelTrainer(
        f"{EXAMPLE}:Line(size=3,line=3)",
        {"kind": "mlp", "num_layers": 1, "num_units": 8},
        3,
        settings=TINY,
        device="cpu",
        selfplay_device="cpu",
    )

    def kill_one(epoch):
        if epoch.epoch == 1:
            leases = sorted((trainer.run_dir / "workers").iterdir())
            os.kill(json.loads(leases[0].read_text())["pid"], signal.SIGKILL)

    history = trainer.train(epochs=3, games_per_epoch=30, simulations=4, on_epoch=kill_one)
    assert [epoch.games for epoch in history] == [30, 30, 30]
    assert all(0 <= epoch.first_player_score <= 1 for epoch in history)
    found = games_of(trainer.run_dir)
    assert {epoch: sorted(games) for epoch, games in found.items()} == {
        epoch: list(range(30)) for epoch in (1, 2, 3)
    }
    assert processes(tmp_path) == []
