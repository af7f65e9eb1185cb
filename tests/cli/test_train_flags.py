"""Flags of `zerofleet train` and their older names: each reaches what it is about."""

import sys
import types
from pathlib import Path

import pytest

from zerofleet.cli import main, train
from zerofleet.fleet import devices

FLAGS = [
    ("--epochs 500", "pacing.max_loops", 500),
    ("--iterations 7", "pacing.max_loops", 7),
    ("--max-loops 7", "pacing.max_loops", 7),
    ("--games-per-epoch 64", "pacing.games_per_iteration", 64),
    ("--games-per-iter 64", "pacing.games_per_iteration", 64),
    ("--batch-size 128", "training.batch_size", 128),
    ("--lr 0.0005", "training.learning_rate", 0.0005),
    ("--learning-rate 1e-5", "training.learning_rate", 1e-5),
    ("--simulations 50", "search.num_simulations", 50),
    ("--filters 48", "net.num_filters", 48),
    ("--blocks 5", "net.num_blocks", 5),
    ("--checkpoint-interval 25", "training.checkpoint_interval", 25),
    ("--experiment-name no", "run_name", "no"),
    ("--run-name first", "run_name", "first"),
    ("--seed 77", "seed", 77),
]


@pytest.fixture
def prepared(monkeypatch, tmp_path):
    """The prepared run of a command line, which then does not run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "_present_gpus", lambda: 2)
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    runs = []
    monkeypatch.setattr(train, "_run", lambda run: runs.append(run) or 0)

    def command(text):
        with pytest.raises(SystemExit) as end:
            main(["train", *text.split()])
        assert end.value.code == 0
        return runs.pop()

    return command


@pytest.mark.parametrize(("flag", "key", "value"), FLAGS)
def test_configuration(prepared, flag, key, value):
    found = prepared(f"twenty48 {flag}").config.model_dump()
    for part in key.split("."):
        found = found[part]
    assert found == value


def test_depth_is_the_knob_of_alpha_beta(prepared):
    assert prepared("ultimate_ttt --depth 5").config.search.depth == 5


@pytest.mark.parametrize(
    ("flags", "workers", "trainer"),
    [
        ("", ["cuda:0", "cuda:1"] * 2, "auto"),
        ("--workers 16", ["cuda:0", "cuda:1"] * 8, "auto"),
        ("--workers 9", ["cuda:0", "cuda:1"] * 4, "auto"),
        ("--workers-per-gpu 1", ["cuda:0", "cuda:1"], "auto"),
        ("--gpus 1", ["cuda:1"] * 2, "cuda:1"),
        ("--gpus cpu,cpu", ["cpu"] * 2, "cpu"),
        ("--selfplay-device cpu --workers 3", ["cpu"] * 3, "auto"),
        ("--accelerator cpu", ["cpu"], "cpu"),
        ("--accelerator cuda", ["cuda:0", "cuda:1"] * 2, "cuda"),
        ("--device cuda:1 --workers 2", ["cuda:0", "cuda:1"], "cuda:1"),
    ],
)
def test_devices(prepared, flags, workers, trainer):
    run = prepared(f"twenty48 {flags}")
    assert list(run.plan.devices) == workers
    arguments = run.trainer_arguments()
    assert arguments[arguments.index("--device") + 1] == trainer


def test_only_visible_gpus_are_used(prepared, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert set(prepared("twenty48").plan.devices) == {"cuda:0"}


def test_alpha_beta_plays_on_processors(prepared):
    assert prepared("ultimate_ttt").plan.devices == ("cpu",)
    assert prepared("ultimate_ttt --gpus cpu,cpu").plan.devices == ("cpu", "cpu")


def test_what_the_trainer_is_told(prepared, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", types.ModuleType("wandb"))
    text = "twenty48 --minutes 3 --use-wandb --project-name games --workers 0"
    arguments = prepared(text).trainer_arguments()
    for flag, value in (
        ("--recipe", "twenty48"),
        ("--minutes", "3.0"),
        ("--project-name", "games"),
        ("--num-workers", "1"),
    ):
        assert arguments[arguments.index(flag) + 1] == value
    assert "--use-wandb" in arguments


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--gpus 0,5", "--gpus 0,5: there is no cuda:5 here; present: cpu, cuda:0, cuda:1"),
        ("--accelerator tpu", "'tpu' is no device"),
        ("--checkpoint nowhere/model_epoch_50.pth", "no such file"),
        ("--checkpoint .", "no such file"),
        ("--checkpoint-interval -1", "Must be >= 0"),
        ("--selfplay-device cuda", "selfplay-device"),
    ],
)
def test_mistakes(monkeypatch, tmp_path, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "_present_gpus", lambda: 2)
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(SystemExit) as end:
        main(["train", "twenty48", *flags.split()])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert list(Path().iterdir()) == []
