"""The adapter to Weights & Biases, with a stand-in for its package."""

import json
import sys
import types

import pytest

from zerofleet.cli import main
from zerofleet.monitor.weights_and_biases import WandbError, WandbReport, import_wandb

ENTRY = {
    "iteration": 3,
    "model_version": 4,
    "games": 32,
    "positions": 900,
    "losses": {"train": 1.5, "policy": 1.25},
    "game_stats": {"mean_score": 812.0},
    "seconds": 2.0,
}


class FakeRun:
    """What the real one does with steps: it drops what is logged for an earlier one."""

    def __init__(self):
        self.logged = []
        self.axes = {}
        self.finished = 0
        self.fails = False
        self.step = -1

    def define_metric(self, name, step_metric=None):
        self.axes[name] = step_metric

    def log(self, values, step=None):
        if self.fails:
            raise RuntimeError("no network")
        step = self.step + 1 if step is None else step
        if step >= self.step:
            self.logged.append(values)
            self.step = step

    def finish(self):
        self.finished += 1


@pytest.fixture
def fake(monkeypatch):
    """A module as `import wandb` finds it; `fake.inits` are the calls of init."""
    fake = types.ModuleType("wandb")
    fake.inits, fake.run = [], FakeRun()

    def init(**arguments):
        fake.inits.append(arguments)
        return fake.run

    fake.init = init
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def started(**config):
    return {"kind": "started", "config": {"run_name": "", "seed": 7, **config}}


def test_each_loop_is_sent_once(fake, tmp_path):
    told = []
    report = WandbReport(tmp_path, "games", told.append)
    events = [started(), {"kind": "note", "text": "x"}, {"kind": "loop", "entry": ENTRY}]
    for event in events:
        report(event)
    report.close()
    assert told == events
    (arguments,) = fake.inits
    assert arguments["project"] == "games"
    assert arguments["name"] == tmp_path.name
    assert arguments["config"]["seed"] == 7
    assert arguments["resume"] == "allow"
    (values,) = fake.run.logged
    assert fake.run.axes == {"iteration": None, "*": "iteration"}
    assert values["iteration"] == 3
    assert values["loss/policy"] == 1.25
    assert values["games/mean_score"] == 812.0
    assert values["loop/games"] == 32
    assert fake.run.finished == 1


def test_a_rated_loop_arrives_after_those_that_followed_it(fake, tmp_path):
    report = WandbReport(tmp_path, "games", lambda event: None)
    report(started())
    for iteration in (11, 12, 10, 13):
        report({"kind": "loop", "entry": {**ENTRY, "iteration": iteration}})
    assert [values["iteration"] for values in fake.run.logged] == [11, 12, 10, 13]


def test_a_run_that_is_started_again_goes_on_there(fake, tmp_path):
    for name in ("", "a better name"):
        report = WandbReport(tmp_path, "games", lambda event: None)
        report(started(run_name=name))
        report.close()
    first, second = fake.inits
    assert (
        first["id"] == second["id"] == json.loads((tmp_path / "logs/wandb.json").read_text())["id"]
    )
    assert second["name"] == "a better name"
    WandbReport(tmp_path / "other", "games", lambda event: None)(started())
    assert fake.inits[2]["id"] != first["id"]


def test_a_failure_in_between_does_not_end_the_training(fake, tmp_path):
    told = []
    report = WandbReport(tmp_path, "games", told.append)
    report(started())
    fake.run.fails = True
    report({"kind": "loop", "entry": ENTRY})
    fake.run.fails = False
    report({"kind": "loop", "entry": {**ENTRY, "iteration": 4}})
    report.close()
    assert "nothing more is sent to wandb: no network" in told[2]["text"]
    assert told[3]["entry"]["iteration"] == 4
    assert fake.run.logged == []


def test_a_run_that_cannot_be_opened_is_an_error(fake, tmp_path):
    def init(**arguments):
        raise ValueError("api_key not configured")

    fake.init = init
    with pytest.raises(WandbError, match=r"'games': api_key not configured; log in with"):
        WandbReport(tmp_path, "games", lambda event: None)(started())


def test_without_the_package_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(WandbError, match="pip install wandb"):
        import_wandb()


@pytest.mark.parametrize("verb", [["train", "twenty48"], ["trainer"]])
def test_the_command_line_says_so_before_anything_starts(verb, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    directory = tmp_path / "run"
    for flags, message in (
        (["--use-wandb"], "pip install wandb"),
        (["--project-name", "games"], "has no meaning without --use-wandb"),
    ):
        with pytest.raises(SystemExit) as end:
            main([*verb, "--run-dir", str(directory), *flags])
        assert end.value.code == 2
        assert message in capsys.readouterr().err
        assert not directory.exists()
