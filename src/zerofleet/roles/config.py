"""RunConfig: everything a run is, composed from the sections of the rooms that use them.

Order of precedence, lowest first: the defaults in code, the recipe, the run's existing config.json,
the command line. The trainer alone writes the resolved result back to config.json.
"""

import difflib
import json
from collections.abc import Mapping
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from zerofleet.arena.config import ArenaConfig
from zerofleet.games.game_file import is_game_file
from zerofleet.games.openspiel import PREFIX as OPENSPIEL_PREFIX
from zerofleet.games.registry import game_names
from zerofleet.games.spec import join_spec
from zerofleet.nets.config import NnueConfig, PolicyValueNetConfig, ResNetConfig
from zerofleet.nets.features import feature_set_of_game
from zerofleet.replay.config import ReplayConfig, SampleReplayConfig
from zerofleet.run.documents import yaml_problem
from zerofleet.run.frozen import FrozenModel
from zerofleet.run.lease import BEAT_SECONDS, DEAD_AFTER_SECONDS
from zerofleet.run.software import software_version
from zerofleet.search.config import AlphaBetaConfig, MctsConfig
from zerofleet.selfplay.config import PlayConfig, SelfplayConfig
from zerofleet.training.config import PolicyValueConfig, TrainingConfig

Tree = dict[str, Any]


class ConfigError(ValueError):
    """A configuration that cannot be used; the message says what to change."""

    exit_status = 2
    """A usage error: starting again does not mend it."""


class OverrideError(ConfigError):
    """An option of a worker that its run does not allow."""


class GameConfig(FrozenModel):
    """Which game the run learns."""

    name: str
    """As in `zerofleet.load_game(name)`: a compiled game, FILE.py:CLASS of your own, or
    openspiel:NAME."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the game, as in `zerofleet.load_game(name, **options)`: {size: 9, komi: 7.5}."""

    sha256: str = ""
    """Of the file of a game of your own, written by the trainer: a worker that is given its file
    (`--game-file`) plays with the same one or not at all."""

    @property
    def spec(self) -> str:
        """Name and options in one text, as `load_game` takes it."""
        return join_spec(self.name, self.options)

    @property
    def public_name(self) -> str:
        """The name as shards give it: without the folder of a file of one's own."""
        return self.name.rpartition("/")[2]


class PacingConfig(FrozenModel):
    """When the trainer learns and when the run ends."""

    min_new_positions: int = Field(default=50_000, ge=1)
    """A loop starts when this many positions the trainer has not yet learned from have arrived."""
    games_per_iteration: int = Field(default=0, ge=0)
    """Tree search: exactly this many games, dealt to the workers, are played by each model version
    before the next one is trained (a synchronous run); 0: workers play on, and `min_new_positions`
    decides."""
    max_loops: int = Field(default=50, ge=1)
    """Training loops of the whole run, counted across restarts; then STOP is written."""
    poll_seconds: float = Field(default=1.0, gt=0)
    """Pause between two looks at the run directory."""
    max_pending_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Workers pause while more than this lies in data/ (back-pressure)."""


class FleetConfig(FrozenModel):
    """Liveness of the roles of a run, and what its workers may choose."""

    heartbeat_seconds: float = Field(default=BEAT_SECONDS, gt=0)
    """A role renews its lease this often."""
    dead_after_seconds: float = Field(default=DEAD_AFTER_SECONDS, gt=0)
    """An observer calls a role dead after this long without a beat, on its own clock; at least
    three heartbeats. A role whose lease takes half of this to write stops by itself."""
    hung_after_seconds: float = Field(default=300.0, gt=0)
    """Tree search: a worker whose games stand still for so long, though it lives, says where it
    hangs and ends; it is started again and its games are dealt again. Loading a net counts too."""
    workers_per_gpu: int = Field(default=0, ge=0)
    """Workers that `zerofleet train` starts on each GPU of the host; 0: two, so that one searches
    while the GPU works for the other."""
    games_between_looks: int = Field(default=0, ge=0)
    """Tree search: a worker looks for a newer net, or share, once so many of its games have ended;
    0: every `pacing.poll_seconds`."""
    allow_worker_depth: bool = True
    """Workers may search to a depth of their own (`zerofleet worker --depth`). Off: one that tries
    is refused."""

    @field_validator("dead_after_seconds")
    @classmethod
    def _longer_than_a_beat(cls, value: float, info: ValidationInfo) -> float:
        beat = info.data.get("heartbeat_seconds", 0.0)
        if value < 3 * beat:
            raise ValueError(
                f"expected at least three times fleet.heartbeat_seconds, which is {beat:g}: one "
                "late beat is no death"
            )
        return value


class TerminalConfig(FrozenModel):
    """What `zerofleet train` shows of the run."""

    view: Literal["live", "iterations"] = "live"
    """live: a picture that is drawn anew in place, or plain lines where there is no terminal.
    iterations: lines for each iteration: the games of each device, game statistics, buffer, losses
    (docs/one_host.md); the command then fails unless all iterations were completed."""
    title: str = ""
    """Heading of the iterations."""


class BaseRunConfig(FrozenModel):
    """What the resolved configurations (config.json) of all runs have; `net.kind` says which of the
    two kinds of run it is."""

    run_name: str = ""
    """Names the run in logs and plots; empty: the name of the run directory."""
    seed: int = Field(default=1, ge=0, lt=1 << 63)
    """Seed of the run; games, initial weights and sampling derive from it."""
    software: str = ""
    """Version and git revision of the zerofleet that wrote config.json; written by the trainer."""
    game: GameConfig
    pacing: PacingConfig = PacingConfig()
    arena: ArenaConfig = ArenaConfig()
    fleet: FleetConfig = FleetConfig()
    terminal: TerminalConfig = TerminalConfig()

    def loss_text(self) -> str:
        """How the parts of the loss add up to the total, where it has parts."""
        return ""

    def to_json(self) -> bytes:
        """The text of config.json: every key, defaults included, and which software writes it."""
        tree = {**self.model_dump(mode="json"), "software": software_version()}
        return (json.dumps(tree, indent=2) + "\n").encode()


class AlphaBetaRunConfig(BaseRunConfig):
    """A run that learns an NNUE net from games of alpha-beta."""

    net: NnueConfig = NnueConfig()
    search: AlphaBetaConfig = AlphaBetaConfig()
    selfplay: SelfplayConfig = SelfplayConfig()
    replay: ReplayConfig = ReplayConfig()
    training: TrainingConfig = TrainingConfig()


class TreeSearchRunConfig(BaseRunConfig):
    """A run that learns a policy and value net from games of tree search."""

    net: Annotated[PolicyValueNetConfig, Field(discriminator="kind")] = ResNetConfig()
    search: MctsConfig = MctsConfig()
    selfplay: PlayConfig = PlayConfig()
    replay: SampleReplayConfig = SampleReplayConfig()
    training: PolicyValueConfig = PolicyValueConfig()

    @property
    def is_without_search(self) -> bool:
        """Moves are drawn from the net's policy, which learns from what came of them."""
        return self.search.selection == "none"

    def loss_text(self) -> str:
        """How the parts of the loss add up to the total."""
        text = f"total_loss = policy_loss + {self.training.value_loss_weight:g} x value_loss"
        if self.is_without_search:
            text += f" - {self.training.entropy_weight:g} x entropy"
        return text


RunConfig = AlphaBetaRunConfig | TreeSearchRunConfig
"""The resolved configuration of a run (config.json)."""


def check_trainable(config: RunConfig) -> None:
    """Raises ConfigError unless the game, which must exist, fits the kind of net and that can be
    made here."""
    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise ConfigError(f"training needs {package}: pip install 'zerofleet[train]'")
    if isinstance(config, TreeSearchRunConfig):
        package, extra = config.net.needs or ("", "")
        if package and find_spec(package) is None:
            raise ConfigError(
                f"net.kind {config.net.kind}: {package} is not installed: "
                f"pip install 'zerofleet[{extra}]'"
            )
        return
    if config.pacing.games_per_iteration:
        raise ConfigError(
            f"pacing.games_per_iteration: {config.pacing.games_per_iteration} games are asked for; "
            "only runs of tree search deal games. This one is of alpha-beta, where "
            "pacing.min_new_positions says when the trainer learns"
        )
    try:
        feature_set_of_game(config.game.spec.partition("(")[0])
    except ValueError as error:
        raise ConfigError(
            f"game {config.game.spec!r} cannot be learned by net.kind nnue: {error}; use --set "
            "net.kind=resnet"
        ) from None


FIXED_ON_A_RUN = ("game", "net")
"""Sections that cannot change once a run exists: its shards and versions depend on them."""


FLEET_PARTS = ("distributed", "self_play")
"""Parts of a recipe that describe hosts (docs/fleet.md), not the run."""


def recipe_names() -> list[str]:
    """Names of the recipes in the package, sorted."""
    folder = resources.files("zerofleet.recipes")
    return sorted(
        f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")
    )


def load_recipe(recipe: str) -> Tree:
    """The tree of a recipe: a name from the package, the path of a user's YAML file, or a game.

    A game that has no recipe is learned by tree search and a residual net, all by default.

    Raises: ConfigError if there is no such recipe, or it is not a YAML mapping.
    """
    if recipe.endswith((".yaml", ".yml")) or ("/" in recipe and not _is_game(recipe)):
        path = Path(recipe)
        if not path.is_file():
            raise ConfigError(f"recipe {recipe}: no such file")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"recipe {recipe}: expected text in UTF-8: {error}") from None
    else:
        if recipe not in recipe_names():
            if _is_game(recipe):
                return {"game": {"name": recipe}, "net": {"kind": ResNetConfig().kind}}
            raise ConfigError(
                f"unknown recipe {recipe!r}{_nearest(recipe, recipe_names()) or '.'} Known: "
                f"{', '.join(recipe_names())}, the path of a .yaml file, or a game"
            )
        text = (
            resources.files("zerofleet.recipes")
            .joinpath(f"{recipe}.yaml")
            .read_text(encoding="utf-8")
        )
    try:
        tree = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"recipe {recipe}: not valid YAML: {yaml_problem(error)}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"recipe {recipe}: expected a mapping of sections, got {tree!r:.60}")
    return {key: value for key, value in tree.items() if key not in FLEET_PARTS}


def recipe_path(recipe: str) -> Path | None:
    """Where the YAML file of a recipe of one's own lies; None for those of the package."""
    path = Path(recipe)
    return path if recipe.endswith((".yaml", ".yml")) and path.is_file() else None


def _is_game(text: str) -> bool:
    name = text.partition("(")[0]
    return is_game_file(text) or text.startswith(OPENSPIEL_PREFIX) or name in game_names()


def parse_config_json(data: bytes) -> Tree:
    """The tree of a config.json. Raises ConfigError if it is not a JSON object."""
    try:
        tree = json.loads(data)
    except ValueError as error:
        raise ConfigError(f"config.json: not valid JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"config.json: expected an object of sections, got {tree!r:.60}")
    return tree


def parse_setting(text: str) -> tuple[str, Any]:
    """Splits `key=value`; the value is read as YAML (numbers, true/false, lists, text)."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: expected key=value, e.g. --set search.depth=6")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        return key.strip(), value


def resolve(recipe: Tree, existing: Tree | None, command_line: Mapping[str, Any]) -> RunConfig:
    """Merges the sources of a configuration and validates the result.

    Args:
      recipe: tree of a recipe; may be empty.
      existing: tree of the run's config.json (resolved or written by hand), or None.
      command_line: dotted key -> value, e.g. {"search.depth": 6}; None values are ignored.
    Raises: ConfigError naming the key, what was expected and the nearest known key.
    """
    tree: Tree = {}
    _merge(tree, recipe)
    if existing is not None:
        _merge(tree, existing)
    # A kind comes before the keys that only it has.
    for key, value in sorted(command_line.items(), key=lambda item: not _is_kind(item[0])):
        if value is not None:
            _set(tree, key, value)
    family = _family(tree)
    _check_keys(tree, family, ())
    if "game" not in tree:
        raise ConfigError("game.name is not set: name a recipe, or --set game.name=ultimate_ttt")
    try:
        return family.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(e) for e in error.errors())) from None


def check_unchanged(old: RunConfig, new: RunConfig) -> None:
    """Raises ConfigError if a section that is fixed for the life of a run differs."""
    for section in FIXED_ON_A_RUN:
        before, after = getattr(old, section).model_dump(), getattr(new, section).model_dump()
        for key, value in before.items():
            if after[key] != value and key != "sha256":
                raise ConfigError(
                    f"{section}.{key} of this run is {value!r} and cannot become {after[key]!r}: "
                    "its games and networks depend on it; use a new --run-dir"
                )


def section_models(model: type[BaseModel], key: str) -> tuple[type[BaseModel], ...]:
    """The models that the section `key` of a configuration may be; none if it is a plain value."""
    annotation = model.model_fields[key].annotation
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))


NET_KINDS: dict[str, type[RunConfig]] = {
    model.model_fields["kind"].default: family
    for family in (AlphaBetaRunConfig, TreeSearchRunConfig)
    for model in section_models(family, "net")
}
"""What `net.kind` may be, and the kind of run it makes."""


def _family(tree: Tree) -> type[RunConfig]:
    net = tree.get("net", {})
    kind = net.setdefault("kind", NnueConfig().kind) if isinstance(net, dict) else None
    if not isinstance(kind, str) or kind not in NET_KINDS:
        raise ConfigError(f"net.kind: expected {', '.join(NET_KINDS)}, got {kind!r:.60}")
    return NET_KINDS[kind]


def _is_kind(key: str) -> bool:
    return key.rpartition(".")[2] == "kind"


def _forget_other_kind(section: Tree, kind: Any) -> None:
    """What an earlier source says of another kind of net does not belong to this one."""
    if section.get("kind", kind) != kind:
        section.clear()


def _merge(into: Tree, source: Mapping[str, Any]) -> None:
    if "kind" in source:
        _forget_other_kind(into, source["kind"])
    for key, value in source.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _set(tree: Tree, dotted: str, value: Any) -> None:
    *sections, last = dotted.split(".")
    for section in sections:
        node = tree.setdefault(section, {})
        if not isinstance(node, dict):
            raise ConfigError(f"{dotted}: {section!r} is a value, not a section")
        tree = node
    if _is_kind(last):
        _forget_other_kind(tree, value)
    tree[last] = value


def _check_keys(tree: Mapping[str, Any], model: type[BaseModel], where: tuple[str, ...]) -> None:
    """An unknown key is an error that names the nearest."""
    for key, value in tree.items():
        dotted = ".".join((*where, str(key)))
        if key not in model.model_fields:
            if why := _of_another_kind(dotted, tree):
                raise ConfigError(why)
            known = [".".join((*where, name)) for name in model.model_fields]
            known += [] if where else _all_keys(model)
            raise ConfigError(f"unknown key {dotted!r}{_nearest(dotted, known)}")
        sections = section_models(model, key)
        if sections:
            if not isinstance(value, Mapping):
                raise ConfigError(f"{dotted}: expected a section of keys, got {value!r}")
            _check_keys(value, _of_kind(sections, value), (*where, key))


def _of_another_kind(dotted: str, section: Mapping[str, Any]) -> str:
    """What to say of a key that other runs have and this one has not; empty if none has it."""
    name = dotted.rpartition(".")[2]
    if dotted == f"net.{name}":
        nets = [net for run in NET_KINDS.values() for net in section_models(run, "net")]
        kinds = {n.model_fields["kind"].default: None for n in nets if name in n.model_fields}
        having = f"nets of kind {', '.join(kinds)} have it, not {section['kind']}"
        return f"{dotted}: {having}" if kinds else ""
    if dotted in _all_keys(TreeSearchRunConfig):
        what = "--simulations" if name == "num_simulations" else "a key of tree search"
        why = "this run searches with alpha-beta, whose knob is the depth: --depth 6"
        return f"{dotted} ({what}): {why}, or --set search.depth=6"
    if dotted in _all_keys(AlphaBetaRunConfig):
        what = "--depth" if name == "depth" else "a key of alpha-beta"
        why = "this run searches trees, whose knob are the simulations: --simulations 64"
        return f"{dotted} ({what}): {why}, or --set search.num_simulations=64"
    return ""


def _of_kind(sections: tuple[type[BaseModel], ...], value: Mapping[str, Any]) -> type[BaseModel]:
    kinds = [s for s in sections if "kind" in s.model_fields]
    named = [s for s in kinds if s.model_fields["kind"].default == value.get("kind")]
    return (named or list(sections))[0]


def _all_keys(model: type[BaseModel]) -> list[str]:
    return [
        f"{name}.{key}"
        for name in model.model_fields
        for section in section_models(model, name)
        for key in section.model_fields
    ]


def _nearest(word: str, known: list[str]) -> str:
    # A key typed without its section ("depth") is as close as a misspelt one.
    by_last = [name for name in known if name.split(".")[-1] == word.split(".")[-1]]
    by_end = [name for name in known if len(word) > 1 and name.endswith(word)]  # "ttt"
    close = by_last or by_end or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _describe(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    return f"{key}: {error['msg']} (got {error['input']!r})"
