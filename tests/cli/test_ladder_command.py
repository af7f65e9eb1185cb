import json

import pytest
from command import call

from zerofleet.games import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.model_file import model_to_safetensors
from zerofleet.roles.config import resolve
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def run_dir(tmp_path):
    """A run of four versions with random weights."""
    keys = {"net.kind": "mlp", "net.num_layers": 1, "net.num_units": 8}
    config = resolve({"game": {"name": "tic_tac_toe"}}, None, keys)
    store = DirectoryStore(tmp_path / "run")
    store.put("config.json", config.to_json())
    for version in (1, 2, 3, 4):
        architecture = NetArchitecture.of(load_game("tic_tac_toe"), config.net)
        model = build_model(architecture, seed=version).eval()
        files = {"safetensors": model_to_safetensors(model)}
        publish_model(store, version, files, architecture.to_json())
    return tmp_path / "run"


def test_a_ladder_is_printed_written_and_gone_on_with(run_dir, capsys):
    words = ["ladder", run_dir, "--games", 4, "--simulations", 2, "--opponents", "random,greedy"]
    done = call(capsys, *words, "--versions", 2)
    assert done.returncode == 0, done.stderr
    assert "Ladder of run" in done.stdout
    assert "v0004" in done.stdout
    assert "v0002" not in done.stdout
    assert "6 of 6 pairings" in done.stderr
    found = json.loads((run_dir / "ladder" / "ladder.json").read_text())
    assert set(found["ratings"]) == {"random", "greedy", "v0001", "v0004"}
    assert (run_dir / "ladder" / "ladder.png").stat().st_size > 10_000
    done = call(capsys, *words, "--json")
    assert done.returncode == 0, done.stderr
    whole = json.loads(done.stdout)
    assert set(whole["ratings"]) >= {"v0001", "v0002", "v0003", "v0004"}
    assert whole["matches"][: len(found["matches"])] == found["matches"]  # not played anew


def test_the_first_opponent_is_the_zero_of_the_scale(run_dir, capsys):
    words = ["ladder", run_dir, "--games", 4, "--simulations", 1, "--versions", 1]
    done = call(capsys, *words, "--opponents", "uct:2,greedy")
    assert done.returncode == 0, done.stderr
    path = run_dir / "ladder" / "ladder.json"
    assert json.loads(path.read_text())["ratings"]["uct:2"] == [0.0, 0.0]
    # What is there has no game of this one yet.
    done = call(capsys, *words, "--opponents", "random")
    assert done.returncode == 0, done.stderr
    assert json.loads(path.read_text())["ratings"]["random"] == [0.0, 0.0]


def test_mistakes_are_told(run_dir, tmp_path, capsys):
    for words, what in (
        ([tmp_path / "none"], "no such run directory"),
        ([run_dir, "--versions", "1,9"], "no version 9; it has 1 to 4"),
        ([run_dir, "--versions", "some"], "expected all, a number, or a list"),
        ([run_dir, "--opponents", "random,gredy"], "did you mean 'greedy'"),
        ([run_dir, "--depth", 3], f"--depth 3: has no meaning here: the net of {run_dir} is"),
    ):
        done = call(capsys, "ladder", *words)
        assert done.returncode in (1, 2)
        assert what in done.stderr
