"""Self-play without a trainer: what plays, found by a text.

`connect_four` is a game, searched without a net; `runs/go7`, `runs/go7@0007` a version of a run,
with the settings of its self-play; `net.safetensors`, `net.nnue` a model file, and
`shipped:connect_four` the one that comes with the package.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zerofleet.fleet.devices import check_device, check_device_name, without_auto
from zerofleet.games.evaluation import Evaluator, random_evaluator, uniform_evaluator
from zerofleet.games.game_file import is_game_file
from zerofleet.games.openspiel import PREFIX as OPENSPIEL_PREFIX
from zerofleet.games.registry import game_names, load_game
from zerofleet.nets.features import FEATURE_SETS
from zerofleet.nets.open_net import open_net
from zerofleet.players.player import PlayerError
from zerofleet.players.shipped import SHIPPED, find_net
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    ConfigError,
    RunConfig,
    TreeSearchRunConfig,
    parse_config_json,
    resolve,
)
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG
from zerofleet.run.models import PLAYED_KINDS
from zerofleet.run.named_model import NamedModel
from zerofleet.run.place import Place
from zerofleet.search.config import AlphaBetaConfig, MctsConfig
from zerofleet.selfplay.config import PlayConfig, SelfplayConfig


@dataclass(frozen=True)
class StandaloneOptions:
    """What the command line says; None: what the run says, or a default."""

    num_games: int
    threads: int
    simulations: int | None = None
    selection: Literal["gumbel", "puct", "none"] | None = None
    evaluator: Literal["uniform", "random"] | None = None
    """Instead of a net."""
    depth: int | None = None
    """Alpha-beta."""
    device: str = "auto"
    """Where a net of tree search is evaluated."""


@dataclass(frozen=True)
class TreeSetup:
    """Tree search plays."""

    game: Any
    search: MctsConfig
    play: PlayConfig
    evaluator: Evaluator
    backend: str
    """What evaluates, as shards name it."""
    name: str
    """What plays, for people."""
    device: str = "cpu"
    model: NamedModel | None = None


@dataclass(frozen=True)
class AlphaBetaSetup:
    """Alpha-beta with an NNUE net plays."""

    game: Any
    search: AlphaBetaConfig
    play: SelfplayConfig
    model: NamedModel
    name: str


def find_setup(text: str, options: StandaloneOptions) -> TreeSetup | AlphaBetaSetup:
    """What plays.

    Raises: ConfigError, saying what was expected, or naming an option that does not apply.
    """
    if not _names_a_model(text):
        return _without_net(text, options)
    try:
        model = find_net(text)
        config = _config_of_run(text, model)
    except (RunError, PlayerError) as error:
        raise ConfigError(str(error)) from None
    if options.evaluator is not None:
        raise ConfigError(f"--evaluator {options.evaluator}: {model.name} evaluates by its net")
    if model.kind == "nnue":
        return _with_nnue(model, config, options)
    return _with_net(model, config, options)


def _names_a_model(text: str) -> bool:
    if Path(text).suffix.removeprefix(".") in PLAYED_KINDS or text.startswith(("run:", SHIPPED)):
        return True
    name = text.partition("(")[0]
    if name in game_names() or is_game_file(text) or text.startswith(OPENSPIEL_PREFIX):
        return False
    # A path that is not there is told as a run that is not there.
    return "/" in text or "@" in text or Path(text).is_dir()


def _config_of_run(text: str, model: NamedModel) -> RunConfig | None:
    """The run's configuration; None for a model file."""
    if model.version is None:
        return None
    place = Place(text.removeprefix("run:").partition("@")[0])
    return resolve({}, parse_config_json(place.store().read(CONFIG)), {})


def _without_net(text: str, options: StandaloneOptions) -> TreeSetup:
    if options.depth is not None:
        raise ConfigError("--depth: games without a net are searched as trees, by simulations")
    _check_processor(options.device, text, "without a net")
    kind = options.evaluator or "uniform"
    try:
        game = load_game(text)
    except (ValueError, OSError, ImportError) as error:
        raise ConfigError(str(error)) from None
    return TreeSetup(
        game,
        _search(MctsConfig(full_search_probability=1.0), options),
        _play(PlayConfig(), options),
        uniform_evaluator if kind == "uniform" else random_evaluator,
        kind,
        f"no net ({kind})",
    )


def _with_net(model: NamedModel, config: RunConfig | None, options: StandaloneOptions) -> TreeSetup:
    if options.depth is not None:
        raise ConfigError(f"--depth: {model.name} searches trees; it has --simulations")
    search, play = MctsConfig(full_search_probability=1.0), PlayConfig()
    if config is not None:
        assert isinstance(config, TreeSearchRunConfig)
        search, play = config.search, config.selfplay
    search, play = _search(search, options), _play(play, options)
    try:
        net = open_net(model.data, model.name)
        game = load_game(net.architecture.game if config is None else config.game.spec)
        device = without_auto(check_device(options.device, "--device"))
        evaluator = net.evaluator(
            device=device,
            precision=play.precision,
            threads=options.threads,
            max_batch=play.num_parallel_games * search.leaves_per_round,
        )
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    name = f"{model.name}, {evaluator.architecture} on {evaluator.backend}"
    return TreeSetup(game, search, play, evaluator, evaluator.backend, name, device, model)


def _with_nnue(
    model: NamedModel, config: RunConfig | None, options: StandaloneOptions
) -> AlphaBetaSetup:
    for flag, value in (("simulations", options.simulations), ("selection", options.selection)):
        if value is not None:
            raise ConfigError(f"--{flag}: {model.name} plays by alpha-beta; it has --depth")
    _check_processor(options.device, model.name, "by alpha-beta")
    from zerofleet.nets.nnue_file import NnueFileError, from_bytes

    search, play = AlphaBetaConfig(), SelfplayConfig()
    try:
        architecture = from_bytes(model.data, source=model.name).architecture
        spec = FEATURE_SETS[architecture.feature_set].game
        if config is not None:
            assert isinstance(config, AlphaBetaRunConfig)
            search, play, spec = config.search, config.selfplay, config.game.spec
        game = load_game(spec)
    except (NnueFileError, ValueError) as error:
        raise ConfigError(str(error)) from None
    if options.depth is not None:
        search = search.model_copy(update={"depth": options.depth})
    return AlphaBetaSetup(game, search, play, model, f"{model.name}, depth {search.depth}")


def _check_processor(device: str, name: str, how: str) -> None:
    """Raises ConfigError for a device that nothing would be computed on."""
    try:
        check_device_name(device, "--device")
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if device not in ("auto", "cpu"):
        raise ConfigError(
            f"--device {device}: {name} plays {how}, on the processor; leave the flag out"
        )


def _search(search: MctsConfig, options: StandaloneOptions) -> MctsConfig:
    given = {"num_simulations": options.simulations, "selection": options.selection}
    return search.model_copy(update={k: v for k, v in given.items() if v is not None})


def _play(play: PlayConfig, options: StandaloneOptions) -> PlayConfig:
    parallel = min(play.num_parallel_games, options.num_games)
    return play.model_copy(update={"num_parallel_games": parallel})
