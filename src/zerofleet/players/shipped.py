"""The small trained nets that come with the package, for those who want to play at once."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

from zerofleet.players.player import PlayerError
from zerofleet.run.named_model import NamedModel, find_model

SHIPPED = "shipped:"
"""Texts of players: `shipped:connect_four`, with settings `shipped:connect_four?sims=400`."""


def shipped_nets() -> dict[str, Path]:
    """Returns their files by game."""
    folder = Path(str(resources.files("zerofleet.recipes").joinpath("nets")))
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {f.stem: f for f in files if f.suffix in (".nnue", ".safetensors")}


def shipped_net(game: str) -> Path:
    """Returns the file of a game's net. Raises: PlayerError, naming the games that have one."""
    nets = shipped_nets()
    if game not in nets:
        raise PlayerError(f"no net for {game!r} is shipped; there are nets for: {', '.join(nets)}")
    return nets[game]


def find_net(text: str) -> NamedModel:
    """Reads the net of `shipped:GAME`, of a run or of a file, as `find_model` does those.

    Raises: PlayerError, RunError.
    """
    if not text.startswith(SHIPPED):
        return find_model(text)
    return replace(find_model(str(shipped_net(text.removeprefix(SHIPPED)))), name=text)
