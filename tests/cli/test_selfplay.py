"""`zerofleet selfplay`: games without a trainer."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from support import require
from zerofleet import load_game
from zerofleet.cli import main
from zerofleet.cli.selfplay_shards import ShardFolder
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import NnueConfig
from zerofleet.nets.export import export_nnue
from zerofleet.nets.features import feature_set_of_game
from zerofleet.nets.model_file import model_to_pt, model_to_safetensors
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.nets.processor import has_int8
from zerofleet.players.shipped import shipped_net
from zerofleet.records.read import read_shard
from zerofleet.records.validate import validate
from zerofleet.roles.config import resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore


def run(capsys, *arguments) -> tuple[int, str]:
    with pytest.raises(SystemExit) as done:
        main(["selfplay", *map(str, arguments)])
    out = capsys.readouterr()
    return done.value.code, out.out + out.err


def test_it_prints_figures_and_writes_shards(tmp_path, capsys):
    command = ("connect_four", "--games", 12, "--simulations", 9, "--seed", 4, "--threads", 2)
    status, text = run(capsys, *command, "--out", tmp_path / "games")
    assert status == 0
    assert "12 games of connect_four: 12 played to the end" in text
    for word in ("first player won", "plies", "simulations", "a second", "memory"):
        assert word in text
    status, _ = run(capsys, *command, "--out", tmp_path / "games")
    first, second = sorted((tmp_path / "games").iterdir())
    assert (first.name, second.name) == ("v0001_selfplay_0001.npz", "v0001_selfplay_0002.npz")
    meta, records = read_shard(first)
    validate(meta, records, name=first.name)
    assert records.num_games == 12
    again = read_shard(second)[1]
    assert records.action.tobytes() == again.action.tobytes()


def test_scores(capsys):
    status, text = run(capsys, "twenty48(size=2)", "--games", 3, "--simulations", 4)
    assert status == 0
    assert "score" in text


def test_a_game_of_ones_own(tmp_path, capsys):
    example = Path(__file__).parents[2] / "examples" / "custom_game.py"
    game = f"{example}:Line(size=3,line=3)"
    status, text = run(capsys, game, "--games", 5, "--simulations", 4, "--out", tmp_path)
    assert status == 0
    assert "5 games of" in text
    meta, records = read_shard(next(tmp_path.iterdir()))
    assert meta.game == "custom_game.py:Line"
    assert records.num_games == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conect_four"], "connect_four"),
        (["connect_four", "--games", "0"], "for --games. Must be >= 1"),
        (["connect_four", "--seed", "-1"], "for --seed. Must be >= 0"),
        (["connect_four", "--threads", "-1"], "for --threads. Must be >= 1"),
        (["nowhere.py:Game"], "nowhere.py"),
    ],
)
def test_mistakes_are_told_in_a_line(capsys, arguments, message):
    status, text = run(capsys, *arguments)
    assert status in (1, 2)
    assert message in text
    assert "Traceback" not in text


def test_torch_is_not_loaded():
    code = (
        "import sys, zerofleet.cli\n"
        "try: zerofleet.cli.main(['selfplay', 'tic_tac_toe', '--games', '2'])\n"
        "except SystemExit as done: assert not done.code\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.fixture
def tree_run(tmp_path):
    """A run directory with two versions of a net and a configuration, as a trainer leaves it."""
    config = resolve(
        {"game": {"name": "tic_tac_toe"}, "net": {"kind": "mlp", "num_layers": 1, "num_units": 8}},
        None,
        {"search.num_simulations": 6, "search.cache_mib": 1, "selfplay.num_random_plies": 1},
    )
    store = DirectoryStore(tmp_path / "run")
    store.put(CONFIG, config.to_json())
    for version in (1, 2):
        model = build_model(NetArchitecture.of(load_game("tic_tac_toe"), config.net), version)
        files = {"safetensors": model_to_safetensors(model), "pt": model_to_pt(model)}
        publish_model(store, version, files, model.architecture.to_json())
    return tmp_path / "run"


def played(folder):
    """meta -> records of all shards, by name."""
    return {path.name: read_shard(path) for path in sorted(folder.iterdir())}


def test_the_newest_version_of_a_run_plays_as_it_does_in_the_run(tree_run, tmp_path, capsys):
    status, text = run(capsys, tree_run, "--games", 7, "--out", tmp_path / "games", "--device=cpu")
    assert status == 0, text
    assert f"plays        {tree_run}@0002, 1 layer of 8 units for tic_tac_toe" in text
    assert "7 games of tic_tac_toe" in text
    ((name, (meta, records)),) = played(tmp_path / "games").items()
    assert name == "v0002_selfplay_0001.npz"
    validate(meta, records, name=name)
    model = (tree_run / "model/versions/0002.safetensors").read_bytes()
    assert meta.model_sha256 == hashlib.sha256(model).hexdigest()
    assert meta.search["search"]["num_simulations"] == 6
    assert meta.search["play"]["num_random_plies"] == 1
    assert meta.evaluator_backend.startswith(("openvino", "torch"))
    assert records.game_number.tolist() == list(range(7))
    assert records.ply_flags[records.game_start[:-1]].tolist() == [8] * 7  # the random ply


def test_a_run_in_int8_plays_in_int8(tree_run, tmp_path, capsys):
    require("openvino")
    config = json.loads((tree_run / CONFIG).read_text())
    config["selfplay"]["precision"] = "int8"
    (tree_run / CONFIG).write_text(json.dumps(config))
    status, text = run(capsys, tree_run, "--games", 3, "--out", tmp_path / "games", "--device=cpu")
    assert status == 0, text
    ((_, (meta, _)),) = played(tmp_path / "games").items()
    assert f"on {meta.evaluator_backend}" in text
    assert (meta.evaluator_backend == "openvino-int8") == has_int8()


def test_an_older_version_and_a_file_play_the_same_games(tree_run, tmp_path, capsys):
    """Where the settings are the same: a file has none, so all of them are given."""
    file = tree_run / "model/versions/0001.safetensors"
    config = json.loads((tree_run / CONFIG).read_text())
    config["selfplay"]["num_random_plies"] = 0
    config["search"]["full_search_probability"] = 1.0
    (tree_run / CONFIG).write_text(json.dumps(config))
    found = []
    for what, out in ((f"{tree_run}@1", "a"), (f"run:{tree_run}@0001", "b"), (file, "c")):
        command = (what, "--games", 5, "--simulations", 4, "--out", tmp_path / out)
        status, text = run(capsys, *command, "--threads", len(found) + 1, "--device=cpu")
        assert status == 0, text
        ((_, (meta, records)),) = played(tmp_path / out).items()
        assert (meta.model_version, meta.search["search"]["num_simulations"]) == (1, 4)
        found.append(records.action.tobytes())
    assert found[0] == found[1] == found[2]
    status, text = run(capsys, tree_run, "--games", 5, "--simulations", 4, "--out", tmp_path / "d")
    assert played(tmp_path / "d")["v0002_selfplay_0001.npz"][1].action.tobytes() != found[0]


def test_many_games_come_in_several_shards(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ShardFolder, "games_per_shard", 4)
    status, text = run(capsys, "tic_tac_toe", "--games", 10, "--simulations", 2, "--out", tmp_path)
    assert status == 0
    assert "10 games of tic_tac_toe" in text
    shards = played(tmp_path)
    assert list(shards) == [f"v0001_selfplay_000{batch}.npz" for batch in (1, 2, 3)]
    numbers = [records.game_number.tolist() for _, records in shards.values()]
    assert numbers == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_net_of_alpha_beta(tmp_path, capsys):
    architecture = NnueArchitecture.of(
        feature_set_of_game("ultimate_ttt"),
        NnueConfig(num_accumulators=32, num_hidden1=4, num_hidden2=4, num_buckets=1),
    )
    file = tmp_path / "net.nnue"
    file.write_bytes(export_nnue(NnueModel(architecture, seed=1)))
    command = (file, "--games", 6, "--depth", 1, "--out", tmp_path / "games", "--threads", 2)
    status, text = run(capsys, *command)
    assert status == 0, text
    assert "net.nnue, depth 1" in text
    assert "6 games of ultimate_ttt" in text
    assert "positions " in text
    ((name, (meta, records)),) = played(tmp_path / "games").items()
    validate(meta, records, name=name)
    assert (meta.evaluator_backend, meta.search["depth"]) == ("nnue", 1)
    assert records.num_games == 6
    status, text = run(capsys, file, "--simulations", 4)
    assert status == 2
    assert "--simulations: " in text
    assert "plays by alpha-beta" in text
    for device, message in (("cuda", "on the processor; leave the flag"), ("tpu", "no device")):
        status, text = run(capsys, file, "--games", 1, "--depth", 1, "--device", device)
        assert (status, message in text) == (2, True), text
    assert run(capsys, file, "--games", 1, "--depth", 1, "--device", "cpu")[0] == 0


@pytest.mark.parametrize("game", ["connect_four", "ultimate_ttt"])
def test_the_nets_that_come_with_the_package(tmp_path, capsys, game):
    flag = {"connect_four": "--simulations", "ultimate_ttt": "--depth"}[game]
    command = (f"shipped:{game}", "--games", 2, flag, 2, "--device", "cpu", "--out", tmp_path)
    status, text = run(capsys, *command)
    assert status == 0, text
    assert f"plays        shipped:{game}, " in text
    ((_, (meta, records)),) = played(tmp_path).items()
    assert (meta.game, records.num_games) == (game, 2)
    assert meta.model_sha256 == hashlib.sha256(shipped_net(game).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("what", "flags", "message"),
    [
        ("shipped:chess", [], "no net for 'chess' is shipped; there are nets for: connect_four"),
        ("{run}@9", [], "no version 9; the run has 1 to 2"),
        ("{run}@x", [], "expected a version number or 'latest'"),
        ("runs/nowhere", [], "there is no directory runs/nowhere"),
        ("run:nowhere", [], "there is no directory nowhere"),
        ("nowhere.safetensors", [], "there is no file nowhere.safetensors"),
        ("{run}/config.safetensors", [], "expected a safetensors file"),
        ("{run}", ["--evaluator", "random"], "evaluates by its net"),
        ("{run}", ["--depth", "3"], "--depth: "),
        ("connect_four", ["--depth", "3"], "--depth: "),
        ("{run}", ["--device", "tpu"], "'tpu' is no device"),
        (
            "connect_four",
            ["--device", "cuda:1"],
            "--device cuda:1: connect_four plays without a net",
        ),
        ("connect_four", ["--device", "tpu"], "'tpu' is no device"),
        ("{run}/model", [], "no model is published yet"),
    ],
)
def test_mistakes_about_nets_are_told_in_a_line(tree_run, capsys, what, flags, message):
    (tree_run / "config.safetensors").write_bytes(b"{}")
    status, text = run(capsys, what.format(run=tree_run), *flags, "--games", 1)
    assert status in (1, 2)
    assert message in text
    assert "Traceback" not in text
