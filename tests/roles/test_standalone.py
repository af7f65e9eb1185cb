"""Self-play without a trainer: where the settings of a run come from."""

import pytest

from zerofleet.games import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.model_file import model_to_safetensors
from zerofleet.roles.config import ConfigError, resolve
from zerofleet.roles.standalone import StandaloneOptions, find_setup
from zerofleet.run.models import publish_model
from zerofleet.run.place import Place
from zerofleet.run.store import DirectoryStore

OPTIONS = StandaloneOptions(num_games=3, threads=1)


@pytest.mark.parametrize("name", ["{directory}", "run:{directory}@1", "s3://bucket/run@0001"])
def test_a_version_plays_with_the_settings_of_its_run(tmp_path, monkeypatch, name):
    keys = {"net.kind": "mlp", "net.num_layers": 1, "net.num_units": 8}
    config = resolve({"game": {"name": "tic_tac_toe"}}, None, {**keys, "search.num_simulations": 5})
    store = DirectoryStore(tmp_path)
    architecture = NetArchitecture.of(load_game("tic_tac_toe"), config.net)
    data = model_to_safetensors(build_model(architecture, seed=1).eval())
    publish_model(store, 1, {"safetensors": data}, architecture.to_json())
    monkeypatch.setattr(Place, "store", lambda place: store)  # wherever it is kept
    text = name.format(directory=tmp_path)
    with pytest.raises(ConfigError, match=r"config\.json"):
        find_setup(text, OPTIONS)
    store.put("config.json", config.to_json())
    assert find_setup(text, OPTIONS).search.num_simulations == 5
    (tmp_path / "net.safetensors").write_bytes(data)
    assert find_setup(str(tmp_path / "net.safetensors"), OPTIONS).search.num_simulations == 200
