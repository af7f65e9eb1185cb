"""Options that several verbs share: names, older names and how they map to configuration keys."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.roles.config import ConfigError, parse_setting
from zerofleet.run.place import Place


def _place(_type: Any, tokens: Sequence[Any]) -> Place:
    return Place(tokens[0].value)


def _directory(_type: Any, tokens: Sequence[Any]) -> Path:
    if "://" in tokens[0].value:
        raise ValueError(f"{tokens[0].value}: this verb needs a directory of a file system")
    return Path(tokens[0].value)


_NAMES = ["--run-dir", "--shared-dir", "--save-dir"]
_HELP = "The run directory, on any file system all roles can see"
_RUN_DIR = Parameter(name=_NAMES, help=f"{_HELP}.", converter=_directory)
_RUN_PLACE = Parameter(
    name=_NAMES,
    help=f"{_HELP}, or a place in object storage: s3://BUCKET/RUN, gs:// or az://.",
    converter=_place,
    n_tokens=1,
    accepts_keys=False,
)
# Where the directory is an argument of its own, help and errors call it RUN, by the first name.
_RUN_ARGUMENT = Parameter(name=["--run", *_NAMES])
Count = Annotated[int, Parameter(validator=Number(gte=1))]
NumThreads = Annotated[int, Parameter(validator=Number(gte=1, lte=1024))]
Depth = Annotated[int, Parameter(validator=Number(gte=1, lte=100))]
Duration = Annotated[float, Parameter(validator=Number(gt=0))]
EvenGames = Annotated[
    int, Parameter(name=["--games", "--num-games"], validator=Number(gte=2, lte=10_000_000))
]
Flag = Annotated[bool, Parameter(negative=())]
AsJson = Annotated[bool, Parameter(name=["--json"], negative=())]
Seed = Annotated[int, Parameter(validator=Number(gte=0, lt=1 << 63))]
RunDir = Annotated[Path, _RUN_DIR]
RunPlace = Annotated[Place, _RUN_PLACE]
OptionalRunPlace = Annotated[Place | None, _RUN_PLACE]
OptionalRunDir = Annotated[Path | None, _RUN_DIR]
DirectoryArgument = Annotated[Path, _RUN_DIR, _RUN_ARGUMENT]
PlaceArgument = Annotated[Place, _RUN_PLACE, _RUN_ARGUMENT]
OptionalPlaceArgument = Annotated[Place | None, _RUN_PLACE, _RUN_ARGUMENT]
MaxLoops = Annotated[int | None, Parameter(name=["--max-loops", "--iterations", "--epochs"])]
GamesPerIteration = Annotated[
    int | None,
    Parameter(
        name=["--games-per-iteration", "--games-per-epoch", "--games-per-iter"],
        validator=Number(gte=0),
    ),
]
_SIMULATIONS = ["--simulations", "--num-simulations"]
Simulations = Annotated[
    int | None, Parameter(name=_SIMULATIONS, validator=Number(gte=1, lte=10_000_000))
]
PlayerSimulations = Annotated[
    int | None, Parameter(name=_SIMULATIONS, validator=Number(gte=0, lte=10_000_000))
]
"""Of a player, which may play without search: 0."""
PlayerDepth = Annotated[int | None, Parameter(validator=Number(gte=1, lte=64))]
OpeningPlies = Annotated[int, Parameter(validator=Number(gte=0, lte=1000))]
Filters = Annotated[
    int | None, Parameter(name=["--filters", "--num-filters"], validator=Number(gte=1))
]
Blocks = Annotated[
    int | None, Parameter(name=["--blocks", "--num-blocks"], validator=Number(gte=1))
]
MaxPositions = Annotated[
    int | None, Parameter(name=["--max-positions", "--buffer-size"], validator=Number(gte=1))
]
LearningRate = Annotated[float | None, Parameter(name=["--learning-rate", "--lr"])]
Checkpoint = Annotated[
    Path | None,
    Parameter(
        help="Begin a new run with the weights, optimizer and counters of this file, "
        "checkpoints/model_epoch_50.pth for instance; or with the weights alone of a model.pt, "
        ".safetensors or .nnue. Its net has to be the one of the run."
    ),
]
CheckpointInterval = Annotated[
    int | None,
    Parameter(
        validator=Number(gte=0),
        help="Keep checkpoints/model_epoch_N.pth every so many loops, in place of what the "
        "recipe says; 0: none.",
    ),
]
UseWandb = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Also send each loop's figures to Weights & Biases (needs `pip install wandb` and a "
        "login, or WANDB_MODE=offline).",
    ),
]
ProjectName = Annotated[
    str | None, Parameter(help="Project there (default: zerofleet); needs --use-wandb.")
]
Settings = Annotated[
    list[str] | None,
    Parameter(
        name=["--set"],
        help="Any configuration key: --set search.depth=6 (repeatable).",
        negative=(),
    ),
]

KEYS = {
    "run_name": "run_name",
    "seed": "seed",
    "max_loops": "pacing.max_loops",
    "games_per_iteration": "pacing.games_per_iteration",
    "simulations": "search.num_simulations",
    "filters": "net.num_filters",
    "blocks": "net.num_blocks",
    "min_new_positions": "pacing.min_new_positions",
    "max_positions": "replay.max_positions",
    "train_epochs": "training.train_epochs",
    "max_plies": "selfplay.max_plies",
    "lambda_search": "training.lambda_search",
    "learning_rate": "training.learning_rate",
    "batch_size": "training.batch_size",
    "checkpoint_interval": "training.checkpoint_interval",
    "eval_games": "arena.eval_games",
    "games_per_batch": "selfplay.games_per_batch",
    "depth": "search.depth",
}
"""The configuration key each option sets; options that are not here belong to the process alone."""


def wandb_project(use_wandb: bool, project_name: str | None) -> str | None:
    """The project to send to; None: nothing is sent. Raises ConfigError, WandbError."""
    if not use_wandb:
        if project_name is not None:
            raise ConfigError(f"--project-name {project_name}: has no meaning without --use-wandb")
        return None
    from zerofleet.monitor.weights_and_biases import DEFAULT_PROJECT, import_wandb

    import_wandb()
    return project_name or DEFAULT_PROJECT


def command_line_keys(settings: Iterable[str] | None, **flags: Any) -> dict[str, Any]:
    """Dotted keys of the command line; a flag that is None was not given."""
    keys = {KEYS[name]: value for name, value in flags.items() if value is not None}
    keys.update(parse_setting(text) for text in settings or ())
    return keys


def means_nothing(flag: str, value: int | None, why: str) -> None:
    """Refuses a flag that would change nothing. Raises ConfigError if it was given."""
    if value is not None:
        raise ConfigError(f"{flag} {value}: has no meaning here: {why}")


def check_knobs(kind: str, name: str, *, depth: int | None, simulations: int | None) -> None:
    """Refuses the knob of the other kind of net: NNUE nets have a depth, others simulations.

    Args:
      kind: ending of its file, `nnue` or `safetensors`.
      name: what people call it.
    Raises: ConfigError.
    """
    if kind == "nnue":
        means_nothing("--simulations", simulations, f"{name} searches --depth plies")
    else:
        means_nothing("--depth", depth, f"{name} is searched by --simulations")
