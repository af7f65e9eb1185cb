"""`zerofleet doctor --gpus`: real processes, one for each device."""

import pytest

from cli.command import run
from zerofleet.parallel import device_check


def test_two_devices(tmp_path):
    done = run("doctor", "--gpus", "cpu,cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Multi-GPU test: 2 games of connect_four on each of CPU 0, CPU 1"
    assert lines[1].startswith("CPU 0: 2 games, ")
    assert lines[2].startswith("CPU 1: 2 games, ")
    assert lines[3:] == [
        "✓ Multi-GPU test completed successfully!",
        "State type: <class 'torch.Tensor'>",
        "✓ States are PyTorch tensors (correctly converted)",
    ]


def test_a_device_that_is_not_here_is_refused():
    done = run("doctor", "--gpus", "cpu,99")
    assert done.returncode == 2
    assert "there is no cuda:99 here; present: cpu" in done.stderr


@pytest.mark.long
def test_a_device_that_fails_is_named_with_its_log(monkeypatch):
    monkeypatch.setattr(device_check, "_model", lambda: b"no model")
    lines = []
    assert not device_check.check_devices(["cpu"], lines.append)
    assert lines[1].startswith("⚠️  ERROR in CPU 0: exit status ")
    assert "expected a safetensors file" in lines[1]
    assert not any("completed" in line for line in lines)


def test_games_that_do_not_come_back_are_missed(tmp_path):
    report = device_check._read(tmp_path, "GPU 0", 1.0)
    assert str(report) == "⚠️  ERROR in GPU 0: 0 games came back, expected 2"


def test_a_worker_that_hangs_is_killed(monkeypatch):
    monkeypatch.setattr(device_check, "TIMEOUT_SECONDS", 0.0)
    lines = []
    assert not device_check.check_devices(["cpu"], lines.append)
    assert lines[1].startswith("⚠️  ERROR in CPU 0: hangs")
