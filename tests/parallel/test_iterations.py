"""Iterations on several devices, as the command a user types: its lines, faults and files."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from support import PATIENCE, require
from zerofleet.nets.model_file import model_from_safetensors
from zerofleet.records.account import shard_account
from zerofleet.records.read import read_shard
from zerofleet.run.audit import audit
from zerofleet.run.models import fetch_model
from zerofleet.run.store import DirectoryStore
from zerofleet.training.played_net import played_net

require("snntorch")

TINY = {
    "net.num_steps": 2,
    "net.num_blocks": 1,
    "net.num_filters": 8,
    "net.num_head_filters": 2,
    "net.num_head_units": 8,
    "search.num_simulations": 2,
    "search.cache_mib": 4,
    "selfplay.num_parallel_games": 4,
    "training.checkpoint_interval": 1,
    "training.batch_size": 32,
    "replay.keep": "all",
}
SECONDS = 600 * PATIENCE
MARK = "ZEROFLEET_TEST_ITERATIONS"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    monkeypatch.setenv(MARK, str(tmp_path))


class Training:
    """`zerofleet train chess_spiking` with the flags of the documentation."""

    def __init__(self, out, *arguments, settings=TINY, iterations=2):
        self.out = out
        flags = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
        with out.open("wb") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "zerofleet", "train", "chess_spiking"),
                    *("--gpus", "cpu,cpu", "--iterations", str(iterations)),
                    *("--games-per-iter", "6"),
                    *("--max-plies", "20", "--train-epochs", "1", "--save-dir", "D"),
                    *arguments,
                    *flags,
                ],
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self):
        return self.out.read_text()

    def wait_for(self, condition, what):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if found := condition():
                return found
            assert self.process.poll() is None, self.text()
            time.sleep(0.05)
        raise AssertionError(f"waited for {what}: {self.text()}")

    def finish(self):
        status = self.process.wait(SECONDS)
        assert status == 0, self.text()
        return self.text()


def processes(mark):
    """Words of the command lines of all that was started here, in which CUDA's variable is set."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (path / "environ").read_bytes().split(b"\0")
            if f"{MARK}={mark}".encode() in environment and int(path.name) != os.getpid():
                assert b"CUDA_LAUNCH_BLOCKING=1" in environment
                words = (path / "cmdline").read_bytes().decode().split("\0")
                if words != [""]:  # it is ending
                    found[int(path.name)] = words
    return found


def check_complete(run, iterations=2, games=6):
    """Exactly the games asked for, each once; entries, and the files that people know."""
    found = {}
    for path in (run / "consumed").iterdir():
        meta, records = read_shard(path)
        found.setdefault(meta.iteration, set()).update(records.game_number.tolist())
    assert found == {n: set(range(games)) for n in range(1, iterations + 1)}
    report = audit(DirectoryStore(run), shard_account)
    assert report.is_sound, report.text()
    assert report.num_games_counted == iterations * games
    stats = json.loads((run / "training_stats.json").read_text())
    assert [entry["iteration"] for entry in stats] == list(range(iterations + 1))
    assert all(entry["games"] == games for entry in stats[1:])
    for entry in stats[1:]:
        losses = entry["losses"]
        assert losses["train"] == pytest.approx(losses["policy"] + losses["value"], abs=2e-5)
        assert entry["spikes"]["spikes_per_inference"] > 0
        assert 0 < entry["spikes"]["sparsity"] < 1
        assert sum(worker["games"] for worker in entry["workers"].values()) == games
    final = torch.load(run / "model_final.pt", weights_only=True)
    assert final["num_loops"] == iterations


LINES = r"""={70}
  Multi-GPU Chess SNN Training
={70}
Primary training device: cpu
Parallel self-play GPUs: \[CPU 0, CPU 1\]
"""
ITERATION = r"""=== Iteration {n} ===
Generating 6 games\.\.\.
(?:\.\.\. .*
)*
Generating 6 games across [12] GPUs\.\.\.
Games per GPU: \[(3, 3|6)\]
-{{70}}
"""
SHARE = (
    r"^\[ *\d+\.\ds\] CPU \d: Completed \d games \| Total: \d/\d GPUs done \| Progress: \d/6 games$"
)
END = r"""-{70}
Completed 6 games in \d+\.\ds \(\d+\.\d games/sec\)

Game stats: \{'total_games': 6, 'avg_moves': [\d.]+, 'white_win_rate': [\d.]+, .*'draw_rate': .*\}
Adding games to replay buffer\.\.\.
Buffer size: (\d+)
Training for 1 epoch\.\.\.
(?:(?:Training: |\.\.\. ).*
)*Training losses: \{'total_loss': [\d.]+, 'policy_loss': [\d.]+, 'value_loss': [\d.]+, 'entropy'.*
"""


@pytest.mark.timeout(900)
def test_a_killed_worker_costs_nothing_but_time(tmp_path):
    training = Training(tmp_path / "out")
    lease = tmp_path / "D" / "workers"
    training.wait_for(lambda: "Games per GPU" in training.text(), "the deal")
    victim = training.wait_for(lambda: next(lease.glob("*-0.json"), None), "the first worker")
    training.wait_for(lambda: len(list(lease.glob("*.json"))) == 2, "both workers")
    # As docs/iterations.md says: two workers, a trainer, each with its guardian, and the command.
    found = processes(tmp_path)
    guardians = [pid for pid, words in found.items() if any("guardian" in word for word in words)]
    roles = [pid for pid in found if pid not in guardians]
    assert (len(guardians), len(roles)) == (3, 4), found
    os.kill(json.loads(victim.read_text())["pid"], signal.SIGKILL)
    text = training.finish()
    end = time.monotonic() + 60 * PATIENCE
    while left := processes(tmp_path):  # compilers of torch end a moment after their trainer
        assert time.monotonic() < end, left
        time.sleep(0.1)
    assert re.search(LINES, text), text
    assert re.search(ITERATION.format(n=1), text), text
    assert re.search(r"⚠️  ERROR in CPU 0: killed by SIGKILL.*starts again in 1 s; log: ", text), (
        text
    )
    assert "=== Iteration 2 ===" in text
    assert len(re.findall(SHARE, text, re.MULTILINE)) >= 2, text
    assert len(re.findall(END, text)) == 2, text
    assert "2 of 2 iterations completed, 12 games; everything is in D" in text
    check_complete(tmp_path / "D")
    kept = {path.name for path in (tmp_path / "D").glob("*.pt")}
    assert kept == {"model_iter_1.pt", "model_iter_2.pt", "model_final.pt"}
    # What `zerofleet benchmark --checkpoint model_final.pt` plays is what was published last.
    final = model_from_safetensors(played_net(str(tmp_path / "D" / "model_final.pt")).data)
    newest = model_from_safetensors(fetch_model(DirectoryStore(tmp_path / "D")).data)
    for name, tensor in newest.state_dict().items():
        assert torch.equal(final.state_dict()[name], tensor), name


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_whole_command_is_killed_and_goes_on(tmp_path):
    training = Training(tmp_path / "out")
    training.wait_for(lambda: "=== Iteration 2 ===" in training.text(), "the first iteration")
    os.killpg(training.process.pid, signal.SIGKILL)
    training.process.wait()
    text = Training(tmp_path / "again").finish()
    assert "Resumed after iteration 1 with model version 2" in text
    assert "=== Iteration 1 ===" not in text
    assert "2 of 2 iterations completed, 12 games" in text
    check_complete(tmp_path / "D")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_net_of_the_recipe(tmp_path):
    settings = {"replay.keep": "all"}
    text = Training(tmp_path / "out", settings=settings).finish()
    for n in (1, 2):
        assert re.search(ITERATION.format(n=n), text), text
    assert len(re.findall(END, text)) == 2, text
    check_complete(tmp_path / "D")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_without_search(tmp_path):
    settings = {**TINY, "search.selection": "none"}
    text = Training(tmp_path / "out", "--buffer-size", "100", settings=settings).finish()
    assert "(total_loss = policy_loss + 1 x value_loss - 0.02 x entropy)" in text
    assert re.findall(r"Buffer size: (\d+)", text) == ["100", "100"]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_all_workers_failing_stops_the_run_with_all_that_was_done(tmp_path, monkeypatch):
    Training(tmp_path / "out").finish()
    monkeypatch.setenv("ZEROFLEET_FAULT", "worker.before_evaluate:1:MemoryError")
    training = Training(tmp_path / "again", iterations=3)
    assert training.process.wait(SECONDS) == 1
    text = training.text()
    assert "every worker failed again and again, so the run is stopped" in text
    assert "Nothing is lost" in text
    assert text.count("⚠️  ERROR in CPU 0") >= 6
    monkeypatch.delenv("ZEROFLEET_FAULT")
    check_complete(tmp_path / "D")
