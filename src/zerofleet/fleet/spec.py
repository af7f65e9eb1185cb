"""fleet.yaml: the hosts of a fleet, validated whole.

The file is a mapping of the keys of `FleetSpec`, or has it under `distributed:`, as recipes do.
Several keys are those of older files (docs/fleet.md has the table).
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from zerofleet.run.documents import yaml_problem
from zerofleet.run.frozen import FrozenModel
from zerofleet.run.layout import check_worker_id

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FleetError(ValueError):
    """A fleet file, or a command on a fleet, that cannot be used; the message says why."""

    exit_status = 2


class WorkerSpec(FrozenModel):
    """One worker on one host."""

    name: str = ""
    """Id of the worker in games, logs and status; worker1, worker2, ... by its place if empty."""
    host: str = Field(min_length=1)
    """Host name or address, or an alias of your ssh config."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """None: what your ssh config says, else 22."""
    user: str | None = None
    """Login; None: what your ssh config says, else your own name."""
    key_path: str | None = None
    """Private key, and no other; None: your agent's and ssh config's keys. A relative path begins
    at the fleet file."""
    gpu_id: int | None = Field(default=None, ge=0)
    """The worker sees this GPU alone; None: the first one there is, else the processor."""
    python: str = "python3"
    """Python with zerofleet, over there; ~/ is the home there."""
    workdir: str | None = None
    """Directory of the worker over there; None: zerofleet/<run>/<name> in the home."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment of the worker; sent through the connection, kept in no file."""
    weight: float = Field(default=1.0, gt=0)
    """Games dealt in proportion, where any weight is set (`load_balancing`)."""
    threads: int | None = Field(default=None, ge=1, le=1024)
    """Search threads; None: all cores."""
    worker_class: str | None = None
    """FILE.py:CLASS or MODULE:CLASS, a subclass of zerofleet.roles.Worker; the file is found beside
    the fleet file and sent to the host."""

    @field_validator("name")
    @classmethod
    def _usable_name(cls, value: str) -> str:
        return check_worker_id(value) if value else value

    @field_validator("host", "user")
    @classmethod
    def _no_option(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith("-") or re.search(r"[\s\0]", value)):
            raise ValueError("has a blank in it or begins with '-'")
        return value

    @field_validator("env")
    @classmethod
    def _env_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not ENV_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an environment variable")
        return value

    @field_validator("worker_class")
    @classmethod
    def _class_form(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[^:]+:[A-Za-z_]\w*", value):
            raise ValueError("expected FILE.py:CLASS or MODULE:CLASS")
        return value

    @property
    def class_file(self) -> Path | None:
        """The file here that is sent for `worker_class`; None if there is nothing to send."""
        place = (self.worker_class or "").rpartition(":")[0]
        return Path(place) if place.endswith(".py") else None

    @property
    def where(self) -> str:
        """user@host:port, as far as it is said; for people."""
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.host}" + (f":{self.port}" if self.port else "")


class SelfPlaySpec(FrozenModel):
    """Keys of older files about self-play; each sets a key of the run."""

    games_per_worker: int | None = Field(default=None, ge=1)
    """Games of each worker and iteration; times the workers: `pacing.games_per_iteration`."""
    parallel_games: int | None = Field(default=None, ge=1)
    """`selfplay.num_parallel_games`."""
    batch_size: int | None = Field(default=None, ge=1)
    """Leaves in a batch of the net; over the parallel games: `search.leaves_per_round`."""


class FleetSpec(FrozenModel):
    """A fleet file."""

    enabled: bool = True
    """false: no host is used, whatever follows."""
    workers: tuple[WorkerSpec, ...] = ()
    """Who is started, and where."""
    compression: bool = True
    """Networks travel compressed; files of games always are."""
    batch_size: int | None = Field(default=None, ge=1)
    """Games in a transfer: `selfplay.games_per_batch`."""
    sync_interval: int | None = Field(default=None, ge=1)
    """Games between two looks at the newest network: `fleet.games_between_looks`."""
    load_balancing: bool = True
    """Synchronous runs: games are dealt by weight, or without any weight by measured speed; false:
    all workers get equally many."""
    worker_weights: dict[str, float] = Field(default_factory=dict)
    """Name of a worker: weight; the same as its `weight`."""
    self_play: SelfPlaySpec = SelfPlaySpec()
    sync_seconds: float = Field(default=1.0, gt=0, le=3600)
    """Pause between two rounds of moving files."""
    known_hosts: str | None = None
    """File of trusted host keys; None: your ssh config's, ~/.ssh/known_hosts."""
    ssh_config: str | None = None
    """None: ~/.ssh/config."""

    @field_validator("workers")
    @classmethod
    def _names(cls, value: tuple[WorkerSpec, ...]) -> tuple[WorkerSpec, ...]:
        named = tuple(
            worker if worker.name else worker.model_copy(update={"name": f"worker{place}"})
            for place, worker in enumerate(value, start=1)
        )
        seen: set[str] = set()
        for worker in named:
            if worker.name in seen:
                raise ValueError(f"two workers are called {worker.name!r}; give each its own name")
            seen.add(worker.name)
        places: dict[tuple[object, ...], str] = {}
        for worker in named:
            if worker.workdir is None:
                continue
            place = (worker.host, worker.port, worker.user, worker.workdir)
            if place in places:
                raise ValueError(
                    f"{places[place]!r} and {worker.name!r} have one workdir, {worker.workdir}, on "
                    f"{worker.host}; give each its own"
                )
            places[place] = worker.name
        return named

    @field_validator("worker_weights")
    @classmethod
    def _weights(cls, value: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        names = {worker.name: worker for worker in info.data.get("workers", ())}
        for name, weight in value.items():
            if name not in names:
                raise ValueError(f"there is no worker {name!r}{nearest(name, list(names))}")
            if weight <= 0:
                raise ValueError(f"{name}: expected a weight above 0, got {weight:g}")
            if names[name].weight not in (1.0, weight):
                raise ValueError(f"{name}: has weight {names[name].weight:g} in its own entry")
        return value

    def weight_of(self, worker: WorkerSpec) -> float:
        """By its entry or by `worker_weights`."""
        return self.worker_weights.get(worker.name, worker.weight)


def load_fleet(path: Path) -> FleetSpec:
    """Reads a fleet file. Raises FleetError that names every mistake in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FleetError(f"fleet file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FleetError(f"fleet file {path}: not a text file") from None
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FleetError(f"fleet file {path}: not valid YAML: {yaml_problem(error)}") from None
    if not isinstance(tree, dict):
        raise FleetError(f"fleet file {path}: expected a mapping with workers:, got {tree!r:.60}")
    return parse_fleet(tree, str(path), path.parent)


def parse_fleet(tree: Mapping[str, Any], where: str, folder: Path) -> FleetSpec:
    """The fleet in the tree of a file; `distributed:` and `self_play:` stand beside each other.

    Args:
      where: names the file in errors.
      folder: where relative paths begin.
    Raises: FleetError that names every mistake.
    """
    if "distributed" in tree:
        inner = tree["distributed"]
        # In a recipe the other sections are the recipe's, and checked there.
        outside = set() if "game" in tree else set(tree) - {"distributed", "self_play"}
        if outside or not isinstance(inner, Mapping):
            wrong = ", ".join(sorted(map(str, outside))) or "no mapping in it"
            raise FleetError(f"{where}: beside distributed: only self_play: is read; found {wrong}")
        tree = {**inner, **({"self_play": tree["self_play"]} if "self_play" in tree else {})}
    try:
        spec = FleetSpec.model_validate(dict(tree))
    except ValidationError as error:
        lines = [f"{where}: {_describe(e)}" for e in error.errors()]
        raise FleetError("\n".join(lines)) from None
    return _resolved(spec, where, folder)


def _resolved(spec: FleetSpec, where: str, folder: Path) -> FleetSpec:
    """With local paths made absolute. Raises FleetError for a class whose file is missing."""

    def here(path: str | None) -> str | None:
        return None if path is None else str((folder / Path(path).expanduser()).absolute())

    def class_here(name: str | None) -> str | None:
        if name is None:
            return None
        place, _, class_name = name.rpartition(":")
        file = folder / (place if place.endswith(".py") else f"{place.replace('.', '/')}.py")
        if file.is_file():
            return f"{file.absolute()}:{class_name}"
        if place.endswith(".py"):
            raise FleetError(f"{where}: worker_class {name}: there is no {file}")
        return name  # a module that is installed over there

    workers = tuple(
        worker.model_copy(
            update={
                "key_path": here(worker.key_path),
                "worker_class": class_here(worker.worker_class),
            }
        )
        for worker in spec.workers
    )
    return spec.model_copy(
        update={
            "workers": workers,
            "known_hosts": here(spec.known_hosts),
            "ssh_config": here(spec.ssh_config),
        }
    )


def _describe(error: Any) -> str:
    places = [str(part) for part in error["loc"]]
    key = ".".join(places)
    if error["type"] == "extra_forbidden":
        model: type[BaseModel] = FleetSpec
        for part in places[:-1]:
            inner: dict[str, type[BaseModel]] = {"workers": WorkerSpec, "self_play": SelfPlaySpec}
            model = inner.get(part, model)
        return f"unknown key {key!r}{nearest(places[-1], list(model.model_fields))}"
    if error["type"] == "missing":
        return f"{key} is missing"
    # Never the value of an environment variable: it may be a secret.
    given = "" if "env" in places else f" (got {error['input']!r:.80})"
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{key}: {text}" + (given if error["type"] != "value_error" else "")


def nearest(word: str, known: list[str]) -> str:
    """A hint at the name that was meant, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
