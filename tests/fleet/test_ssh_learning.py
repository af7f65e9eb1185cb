"""A fleet of three hosts learns Go 7x7; games go by weight and by speed. Long: real training."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fleet_kit import FleetKit, wait_for
from run_kit import PATIENCE_SECONDS, TINY_TREES

from support import PATIENCE
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.series import read_series
from zerofleet.run.stats import read_stats

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]


@pytest.fixture
def kit(tmp_path):
    (tmp_path / "run").mkdir()
    kit = FleetKit(tmp_path, tmp_path / "run")
    for name in "abc":
        kit.add_host(name, worker_class=None)
    yield kit
    kit.end()


@contextlib.contextmanager
def training(kit, recipe, settings):
    """`zerofleet train RECIPE --fleet`, killed at the end if it has not ended by itself."""
    log = kit.home / "train.log"
    kit.write()
    command = [sys.executable, "-m", "zerofleet", "train", recipe, f"--fleet={kit.file}"]
    command += [f"--run-dir={kit.run_dir}", "--device=cpu"]
    command += [f"--set={key}={value}" for key, value in settings.items()]
    with log.open("wb") as file:
        train = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        yield train
    finally:
        train.send_signal(signal.SIGKILL)
        train.wait()


def dealt_games(kit):
    """Games that were dealt first in each iteration: a list of {worker: games}."""
    entries = read_series(kit.run_dir / "logs", "trainer")
    return [e["games"] for e in entries if e["kind"] == "dealt" and e["revision"] == 1]


def test_three_hosts_learn_go(kit):
    """The untrained net is rated, and version 5: on two quiet cores that is half an hour."""
    with training(kit, "go7", {"pacing.max_loops": 4, "arena.every": 4}) as train:
        seen = set()
        end = time.monotonic() + 6600 * PATIENCE
        while train.poll() is None and time.monotonic() < end:
            status = kit.fleet.status()
            seen.update(worker.label for worker in status.workers)
            if status.phase:
                seen.add(status.phase)
                text = kit.store.read("status.txt").decode() if status.iteration > 1 else ""
                assert not text or "Workers active: " in text
            with contextlib.suppress(subprocess.TimeoutExpired):
                train.wait(2)
        assert train.returncode == 0, (kit.home / "train.log").read_text()
    assert {"🟢 Active", "self-play", "training", "arena"} <= seen, seen
    assert any(label.startswith("🟡 Syncing") for label in seen), seen
    report = audit(kit.store, shard_account)
    assert report.is_sound, report.text()
    assert report.num_games_counted == 4 * 500
    assert {w for games in dealt_games(kit) for w, n in games.items() if n} == set("abc")
    ratings = [e["elo"] for e in read_stats(kit.store) if isinstance(e.get("elo"), dict)]
    first, last = ratings[0], ratings[-1]
    assert last["rating"] - first["rating"] > first["error"] + last["error"], ratings


def test_a_game_of_ones_own_is_sent_along(kit):
    game = Path(__file__).parent.parent / "games" / "short_tic_tac_toe.py"
    settings = {**TINY_TREES, "pacing.max_loops": 2, "fleet.dead_after_seconds": 60 * PATIENCE}
    with training(kit, str(game), settings) as train:
        assert train.wait(600 * PATIENCE) == 0, (kit.home / "train.log").read_text()
    assert (kit.hosts["a"].home / "work" / ".fleet" / game.name).read_text() == game.read_text()
    report = audit(kit.store, shard_account)
    assert report.is_sound, report.text()
    assert report.num_games_counted == 80


@pytest.mark.parametrize("weighted", [True, False], ids=["weight", "speed"])
def test_games_go_by_weight_and_by_speed(kit, weighted):
    if weighted:
        kit.options["worker_weights"] = {"a": 1.0, "b": 2.0, "c": 1.0}
    else:
        kit.entries["c"]["worker_class"] = kit.entry()["worker_class"]  # a slow one
    settings = {
        **TINY_TREES,
        "pacing.games_per_iteration": 400,
        "pacing.max_loops": 10,
        "fleet.dead_after_seconds": 60 * PATIENCE,
    }
    wanted = 2 if weighted else 3  # speed is known after an iteration
    with training(kit, "tic_tac_toe", settings) as train:
        wait_for(
            lambda: len(dealt_games(kit)) >= wanted, "iterations to be dealt", 5 * PATIENCE_SECONDS
        )
        train.send_signal(signal.SIGINT)
        assert train.wait(300 * PATIENCE) in (0, 130)
    games = dealt_games(kit)[-1]
    assert json.loads(kit.store.read("fleet/weights.json"))["deal"] == (
        "weight" if weighted else "speed"
    )
    if weighted:
        assert games["b"] / games["a"] == pytest.approx(2.0, rel=0.05)
        assert games["a"] == pytest.approx(games["c"], rel=0.05)
    else:
        assert games["c"] < 0.9 * games["a"]
