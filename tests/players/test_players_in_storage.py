"""Players whose run is in object storage, against a real HTTP service (moto)."""

import os

import pytest

from object_storage import BUCKET, Service
from support import require
from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.players.game_of import game_of
from zerofleet.players.player import PlayerError
from zerofleet.players.registry import load_player
from zerofleet.roles.config import resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.models import publish_model
from zerofleet.run.place import Place

require("obstore")


@pytest.fixture
def run(monkeypatch):
    service = Service()
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", "/nonexistent")  # no ~/.aws of the person who runs the tests
    url = f"s3://{BUCKET}/runs/first"
    store = Place(url).store()
    store.put(CONFIG, resolve({"game": {"name": "ultimate_ttt"}}, {}, {}).to_json())
    for version in (1, 2):
        data = _core.NnueNetwork.random("ultimate_ttt", seed=version).to_bytes()
        publish_model(store, version, {"nnue": data}, "test")
    yield url
    service.stop()


def test_a_player_is_a_version_of_a_run_in_a_bucket(run):
    game = load_game("ultimate_ttt")
    for text, name in (
        (f"run:{run}@latest", f"{run}@0002?depth=2"),
        (run, f"{run}@0002?depth=2"),
        (f"{run}@0001?depth=1", f"{run}@0001?depth=1"),
        (f"run:{run}@1?depth=3", f"{run}@0001?depth=3"),
    ):
        assert game_of(text) == "ultimate_ttt"
        player = load_player(text, game)
        assert player.name == name
        (action,) = player.select_actions([game.initial_state()], [1])
        assert action in game.initial_state().legal_actions()
    with pytest.raises(PlayerError, match=r"no version 9; the run has 1 to 2"):
        load_player(f"{run}@9", game)


def test_addresses_that_are_none_are_told():
    game = load_game("ultimate_ttt")
    for text in ("run:ftp://host/run@latest", "s3://@latest"):
        with pytest.raises(PlayerError, match=r"expected|://"):
            load_player(text, game)
        with pytest.raises(PlayerError, match=r"expected|://"):
            game_of(text)
    with pytest.raises(PlayerError, match="there is no directory nowhere"):
        load_player("run:nowhere@latest", game)
