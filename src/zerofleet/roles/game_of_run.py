"""The game of a run: the same file of one's own on every host, and the settings it can have."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerofleet.games.game_file import is_game_file
from zerofleet.games.registry import load_game
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    ConfigError,
    OverrideError,
    RunConfig,
    Tree,
    resolve,
)
from zerofleet.selfplay.limits import check_alphabeta_settings, check_tree_settings


def game_file_of(config: RunConfig) -> Path | None:
    """The file of the run's game; None if the game is one of ours."""
    name = config.game.name
    if not is_game_file(name):
        return None
    return Path(name.rpartition(":")[0] if ".py:" in name else name)


def refuse_from_run(config: RunConfig, run_dir: Path) -> None:
    """Raises OverrideError if the run names a file inside its own directory as its game.

    Who may write into a shared directory delivers games there, and no code.
    """
    file = game_file_of(config)
    if file is not None and file.resolve().is_relative_to(run_dir.resolve()):
        raise OverrideError(
            f"the game of this run is {file}, a file in the run directory, from which no code is "
            "loaded: keep it elsewhere on this host and say where, --game-file FILE"
        )


def checked_game(config: RunConfig) -> RunConfig:
    """The configuration with the checksum of its game's file, if it has one.

    Raises: ValueError if there is no such game.
    """
    load_game(config.game.spec)
    file = game_file_of(config)
    sha256 = "" if file is None else _sha256(file)
    return config.model_copy(update={"game": config.game.model_copy(update={"sha256": sha256})})


def check_settings(config: RunConfig) -> None:
    """Raises ConfigError, naming the key, for settings of search and self-play with which no worker
    could play this game."""
    game = load_game(config.game.spec)
    try:
        if isinstance(config, AlphaBetaRunConfig):
            check_alphabeta_settings(game, config.search, config.selfplay)
        else:
            if config.selfplay.precision == "int8" and config.net.kind == "spiking":
                raise ValueError(
                    "selfplay.precision: int8 computes nets of kind resnet and mlp, net.kind is "
                    "spiking; use auto"
                )
            check_tree_settings(game, config.search, config.selfplay)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def playable(run: Tree, own: Mapping[str, Any]) -> RunConfig:
    """The configuration with which a worker plays.

    Args:
      run: tree of the run's config.json, which is valid.
      own: what belongs to the worker's host and overrides it, by dotted keys.
    Raises: OverrideError for what cannot be overridden so; ConfigError as `check_settings`.
    """
    try:
        config = resolve({}, run, own)
    except ConfigError as error:
        raise OverrideError(f"an option of this worker: {error}") from None
    check_settings(config)
    return config


def name_with_file(config: RunConfig, file: Path) -> str:
    """The name of the run's game, played from `file` of this host.

    Raises: OverrideError unless it is the file of the run, byte for byte.
    """
    theirs = game_file_of(config)
    if theirs is None:
        raise OverrideError(
            f"--game-file {file}: this run's game is {config.game.name}, not a file"
        )
    found = _sha256(file)
    if found != config.game.sha256:
        raise OverrideError(
            f"--game-file {file}: its sha256 is {found[:16]}..., that of the run's game is "
            f"{config.game.sha256[:16] or 'unknown'}...: take the file that the trainer has, "
            f"{config.game.name}"
        )
    _, colon, class_name = config.game.name.rpartition(".py")[2].partition(":")
    return f"{file}{colon}{class_name}"


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"game {file}: {error.strerror}") from None
