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


SMALL = {"num_blocks": 1, "num_filters": 8}


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("recipe", recipe_names())
def test_it_runs_and_can_be_repeated(recipe, tmp_path, capsys):
    net = net_of(recipe, tmp_path)
    assert played_net(str(net)).data == net.read_bytes()
    words = ["--games", 4, "--simulations", 2, "--max-plies", 60, "--quiet"]
    found = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.json"
        done = call(capsys, "benchmark", "--checkpoint", net, *words, "--output", out)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(out.read_text()))
    assert found[0] == found[1]
    if "scores" in found[0]:
        assert [s["games"] for s in found[0]["scores"]] == [4] * len(found[0]["scores"])
    else:
        assert [m["games"] for m in found[0]["matches"]] == [4] * len(found[0]["matches"])
        assert found[0]["matches"][0]["opponent"] == "random"
