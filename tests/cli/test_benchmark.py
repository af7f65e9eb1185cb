import json

import pytest
from command import call

from zerofleet.games import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import MlpConfig
from zerofleet.nets.model_file import model_to_pt, model_to_safetensors
from zerofleet.players.shipped import shipped_net


@pytest.fixture
def small_net(tmp_path):
    def make(game, ending="safetensors"):
        config = MlpConfig(num_layers=1, num_units=8)
        model = build_model(NetArchitecture.of(load_game(game), config), seed=1)
        write = model_to_safetensors if ending == "safetensors" else model_to_pt
        path = tmp_path / f"net.{ending}"
        path.write_bytes(write(model))
        return path

    return make


def test_everything_is_printed_and_written(tmp_path, capsys):
    net = shipped_net("ultimate_ttt")
    words = ["--checkpoint", net, "--games", 10, "--opponents", "random,greedy", "--depth", 1]
    shown = call(capsys, "benchmark", *words[:3], 2, "--opponents", "uct:100", "--depth", 1)
    assert "uct:100: moving first" in shown.stdout  # and no picture of the number
    assert "2 games against an opponent are few: the rating is a first look" in shown.stdout
    by_game = call(capsys, "benchmark", "ultimate_ttt", *words[2:], "--json")
    found = json.loads(by_game.stdout)
    assert (found["checkpoint"], found["game"]) == ("shipped:ultimate_ttt", "ultimate_ttt")
    done = call(capsys, "benchmark", *words, "--save", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    assert "Performance rating" in done.stdout
    assert "moving first" in done.stdout
    assert "10 games of greedy against random" in done.stderr
    files = {path.name for path in (tmp_path / "a").iterdir()}
    assert files == {"benchmark.json", "benchmark.png", "games.txt"}
    found = json.loads((tmp_path / "a" / "benchmark.json").read_text())
    assert [m["opponent"] for m in found["matches"]] == ["random", "greedy"]
    for match in found["matches"]:
        assert sum(match["first"]) == sum(match["second"]) == 5
        assert match["low"] <= match["score"] <= match["high"]
        assert match["lengths"]["shortest"] <= match["lengths"]["longest"]
        assert sum(match["terminations"].values()) == 10
    assert found["ratings"]["random"] == [0.0, 0.0]
    # The same seed, the same games.
    again = call(capsys, "benchmark", *words, "--quiet", "--output", tmp_path / "b.json")
    assert (again.stdout, again.stderr) == ("", "")
    assert json.loads((tmp_path / "b.json").read_text()) == found
    other = call(capsys, "benchmark", *words, "--json", "--seed", 2)
    assert json.loads(other.stdout)["matches"] != found["matches"]


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_nets_of_policy_and_value_quick(small_net, ending, capsys):
    net = small_net("tic_tac_toe", ending)
    done = call(capsys, "benchmark", "--checkpoint", net, "--quick", "--simulations", 4, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(m["opponent"], m["games"]) for m in found["matches"]] == [
        ("random", 20),
        ("greedy", 20),
    ]
    assert found["checkpoint"] == str(net)


def test_games_of_one_player(small_net, tmp_path, capsys):
    net = small_net("twenty48(size=2)")
    words = ["--games", 6, "--simulations", 2, "--save", tmp_path / "s"]
    done = call(capsys, "benchmark", "--checkpoint", net, *words)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "s" / "benchmark.json").read_text())
    assert [s["player"] for s in found["scores"]] == [str(net), "random", "expectimax:1"]
    assert (tmp_path / "s" / "benchmark.png").exists()


def test_mistakes_are_told(small_net, tmp_path, capsys):
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"nothing")
    nnue, net, alone = (
        ["--checkpoint", found]
        for found in (
            shipped_net("ultimate_ttt"),
            shipped_net("connect_four"),
            small_net("twenty48"),
        )
    )
    for words, what in (
        ([*nnue, "--simulations", 16], "--simulations 16: has no meaning here"),
        ([*net, "--depth", 2], "--depth 2: has no meaning here"),
        ([*alone, "--max-plies", 9], "--max-plies 9: has no meaning here"),
        (["--checkpoint", tmp_path / "none"], "names no model"),
        (["--checkpoint", bad], "expected a file of plain tensors"),
        ([], "benchmark needs CHECKPOINT"),
        ([*nnue, "--opponents", "random,random"], "twice"),
    ):
        done = call(capsys, "benchmark", *words)
        assert done.returncode in (1, 2)
        assert what in done.stderr
        assert "Traceback" not in done.stderr
