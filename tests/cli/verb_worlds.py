"""Small runs whose nets are shipped, for tests of many verbs: nothing has to be trained."""

from zerofleet.nets.nnue_file import read_architecture
from zerofleet.nets.open_net import open_net
from zerofleet.players.shipped import shipped_net
from zerofleet.roles.config import load_recipe, resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore


def make_run(directory, recipe, *, num_versions=2, **keys):
    """A run of `ultimate_ttt` or `connect_four` that has published the shipped net, several times.

    Keys are those of the configuration, with __ for the dot.
    """
    path = shipped_net(recipe)
    data, kind = path.read_bytes(), path.suffix.removeprefix(".")
    if kind == "nnue":
        architecture = str(read_architecture(data))
    else:
        architecture = open_net(data, recipe).architecture.to_json()
    settings = {key.replace("__", "."): value for key, value in keys.items()}
    store = DirectoryStore(directory)
    store.put(CONFIG, resolve(load_recipe(recipe), None, settings).to_json())
    for version in range(1, num_versions + 1):
        publish_model(store, version, {kind: data}, architecture)
    return directory
