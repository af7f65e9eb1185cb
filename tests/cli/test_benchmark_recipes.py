"""`zerofleet benchmark` on a random net of every recipe, on a processor."""

import json

import pytest
from command import call

from zerofleet.games import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.export import export_nnue
from zerofleet.nets.features import feature_set_of_game
from zerofleet.nets.model_file import model_to_safetensors
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.roles.config import AlphaBetaRunConfig, load_recipe, recipe_names, resolve
from zerofleet.training.played_net import played_net


def net_of(recipe, folder):
    """The net of the recipe, but small, with random weights."""
    small = {} if resolve(load_recipe(recipe), None, {}).net.kind == "nnue" else SMALL
    tree = load_recipe(recipe)
    known = type(resolve(tree, None, {}).net).model_fields
    keys = {f"net.{key}": value for key, value in small.items() if key in known}
    config = resolve(tree, None, keys)
    if isinstance(config, AlphaBetaRunConfig):
        features = feature_set_of_game(config.game.spec)
        model = NnueModel(NnueArchitecture.of(features, config.net), seed=1)
        path, data = folder / "net.nnue", export_nnue(model)
    else:
        net = build_model(NetArchitecture.of(load_game(config.game.spec), config.net), seed=1)
        path, data = folder / "net.safetensors", model_to_safetensors(net.eval())
    path.write_bytes(data)
    return path


SMALL = {"num_blocks": 1, "num_filters": 8, "num_steps": 2, "num_head_units": 8}


def limits(recipe, *, max_plies):
    """Flags for short games of little search; each goes with the recipe's net and game."""
    config = resolve(load_recipe(recipe), None, {})
    simulations = [] if isinstance(config, AlphaBetaRunConfig) else ["--simulations", 2]
    one_player = load_game(config.game.spec).num_players == 1
    return [*simulations, *([] if one_player else ["--max-plies", max_plies])]


@pytest.fixture
def measured(tmp_path, capsys, monkeypatch):
    """Runs the command; gives its JSON, and the moves of all games."""
    plot = "zerofleet.monitor.benchmark_plot.plot_benchmark"
    monkeypatch.setattr(plot, lambda *_, **__: "no picture")

    def run(net, *words):
        out = tmp_path / "out"
        done = call(capsys, "benchmark", "--checkpoint", net, "--quiet", "--save", out, *words)
        assert done.returncode == 0, done.stderr
        found = json.loads((out / "benchmark.json").read_text())
        return found, (out / "games.txt").read_text()

    return run


@pytest.mark.parametrize("recipe", recipe_names())
def test_the_seed_decides_what_is_played(recipe, tmp_path, measured):
    net = net_of(recipe, tmp_path)
    assert played_net(str(net)).data == net.read_bytes()
    words = [*limits(recipe, max_plies=30), "--games", 2, "--opponents", "random"]
    first, again, other = (measured(net, *words, "--seed", seed) for seed in (1, 1, 2))
    assert first == again
    assert first[1] != other[1]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("recipe", recipe_names())
def test_every_opponent_of_the_game(recipe, tmp_path, measured):
    found, _ = measured(
        net_of(recipe, tmp_path), "--games", 4, "--simulations", 2, "--max-plies", 60
    )
    if "scores" in found:
        assert [s["games"] for s in found["scores"]] == [4] * len(found["scores"])
    else:
        assert [m["games"] for m in found["matches"]] == [4] * len(found["matches"])
        assert found["matches"][0]["opponent"] == "random"
