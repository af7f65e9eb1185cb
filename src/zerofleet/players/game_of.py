"""Which game a player plays, where its text says so: runs, nets, engines."""

from pathlib import Path

from zerofleet.games.spec import join_spec
from zerofleet.nets.features import FEATURE_SETS
from zerofleet.nets.open_net import NetError, open_net
from zerofleet.players.player import PlayerError
from zerofleet.players.shipped import SHIPPED
from zerofleet.run.documents import decode_object
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG
from zerofleet.run.named_model import NamedModel, find_model
from zerofleet.run.place import Place


def game_of(text: str) -> str | None:
    """Returns the spec of the game that a player's text implies; None for players of any game.

    Raises: PlayerError if it names a net or a run that cannot be read.
    """
    if text.startswith("uci:"):
        return "chess"
    if text.startswith("gtp:"):
        return None  # of any size
    if text.startswith(SHIPPED):
        return text.removeprefix(SHIPPED).partition("?")[0]
    place = text.removeprefix("run:").partition("?")[0]
    where = place.partition("@")[0]
    if "://" not in where:  # settings of older texts follow a colon
        where = where.partition(":")[0]
    try:
        if "://" in where or Path(where).is_dir():
            config = decode_object(Place(where).store().read(CONFIG), CONFIG)
            return join_spec(str(config["game"]["name"]), config["game"].get("options", {}))
        if not place.endswith((".nnue", ".safetensors")):
            return None
        return game_of_net(find_model(place))
    except (RunError, NetError, KeyError, TypeError, ValueError) as error:
        raise PlayerError(f"{text!r}: {error}") from error


def game_of_net(model: NamedModel) -> str:
    """Returns the spec of the game of a net. Raises: PlayerError if it is none."""
    from zerofleet.nets.nnue_file import NnueFileError, read_architecture

    try:
        if model.kind == "safetensors":
            return open_net(model.data, model.name).architecture.game
        architecture = read_architecture(model.data, source=model.name)
        return FEATURE_SETS[architecture.feature_set].game
    except (NetError, NnueFileError, KeyError) as error:
        raise PlayerError(f"{model.name}: {error}") from error
