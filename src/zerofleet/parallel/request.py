"""What is to be trained here and how: the flags of `zerofleet train`, or their Python twins."""

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerofleet.fleet.devices import DeviceManager, WorkerPlan, choose_devices
from zerofleet.parallel.clusters import Cluster
from zerofleet.parallel.fleet import fleet_keys, fleet_of, warn_of_weights
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    ConfigError,
    RunConfig,
    TreeSearchRunConfig,
)
from zerofleet.roles.trainer import Trainer
from zerofleet.run.place import Place
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.fleet.spec import FleetSpec
    from zerofleet.roles.warm_start import WarmStart


class ShareWarning(UserWarning):
    """Workers that will have nothing to play."""


@dataclass(frozen=True)
class RunRequest:
    """Asks for one trainer and local workers on a run directory; `prepared` checks everything."""

    run_dir: Place
    recipe: str
    """A name from the package, the path of a .yaml file, or a game."""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Dotted configuration keys, over the recipe and the run's config.json."""
    workers: int | None = None
    """None: as many as suit this host."""
    threads: int | None = None
    """Of each worker; None: the cores, shared evenly."""
    workers_per_gpu: int | None = None
    gpus: str | None = None
    """Devices to use, "0,1" or "cpu,cpu"; None: all there are."""
    device: str = "auto"
    """Of the trainer."""
    selfplay_device: str = "auto"
    """cpu: no worker uses a GPU."""
    minutes: float | None = None
    seed_data: Path | None = None
    checkpoint: Path | None = None
    wandb_project: str | None = None
    """Weights & Biases; None: nothing is sent there."""
    fleet: str | None = None
    """Where others play: `ray`, `ray://HOST:PORT`; or a fleet file, whose hosts play over SSH (then
    `workers` of this host are none by default). None: the recipe's `distributed:` part, if any."""
    gpus_per_worker: float = 0.0
    """Of a Ray cluster; below 1: workers share a GPU."""
    device_manager: DeviceManager | None = None
    """Decides instead of `gpus` and `selfplay_device` which worker computes where."""

    def prepared(self) -> "PreparedRun":
        """The request with what it means for this host and this directory; nothing is created.

        Raises: ConfigError for whatever the processes would stumble over.
        """
        cluster, workers, keys = self.cluster(), self.workers, self.keys
        fleet = None if cluster is not None else fleet_of(self.recipe, self.fleet)
        if cluster is not None:
            if workers == 0:
                raise ConfigError("--workers 0: nobody would play on the cluster")
            workers = 0  # of this host
        elif self.gpus_per_worker:
            raise ConfigError("--gpus-per-worker: has no meaning without --fleet ray")
        if fleet is not None:
            workers = workers or 0
            keys = {**fleet_keys(fleet[1], workers), **keys}
        trainer = Trainer(
            self.run_dir,
            recipe=self.recipe,
            command_line=keys,
            seed_data=self.seed_data,
            checkpoint=self.checkpoint,
        )
        config = trainer.resolve_config()
        warm_start = trainer.warm_start(config)
        try:
            devices = choose_devices(
                self.gpus,
                self.device,
                self.selfplay_device,
                # Alpha-beta evaluates inline on processors.
                on_processors=isinstance(config, AlphaBetaRunConfig),
            )
            manager = self.device_manager or DeviceManager(devices.workers)
            per_gpu = self.workers_per_gpu or config.fleet.workers_per_gpu or None
            plan = manager.plan(workers, self.threads, workers_per_gpu=per_gpu)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        if fleet is not None:
            warn_of_weights(fleet[1], config)
        request = replace(self, keys=keys)
        return PreparedRun(request, config, plan, devices.trainer, warm_start, fleet)

    def cluster(self) -> Cluster | None:
        """The cluster that plays, if one was asked for. Raises: ConfigError."""
        try:
            return None if self.fleet is None else Cluster.parse(self.fleet)
        except ValueError as error:
            raise ConfigError(str(error)) from None


@dataclass(frozen=True)
class PreparedRun:
    """A checked request."""

    request: RunRequest
    config: RunConfig
    plan: WorkerPlan
    device: str
    """Of the trainer."""
    warm_start: "WarmStart | None"
    """What the run begins with, if it is new and a checkpoint was given."""
    fleet: "tuple[Path, FleetSpec] | None" = None
    """Where the fleet is described and what is there; None: no other host takes part."""

    @property
    def num_workers(self) -> int:
        """Here and on the fleet."""
        on_fleet = len(self.fleet[1].workers) if self.fleet else 0
        return self.plan.num_workers + on_fleet

    def who_plays(self) -> str:
        """The workers and the reason, for people."""
        if self.fleet is None:
            return str(self.plan)
        beside = f"; beside them {self.plan}" if self.plan.num_workers else ""
        count = self.num_workers - self.plan.num_workers
        return f"{counted(count, 'worker')} of the fleet {self.fleet[0]}{beside}"

    def notes(self) -> list[str]:
        """What is to be said before it starts; often nothing.

        Warns (ShareWarning) if an iteration has fewer games than workers.
        """
        notes = []
        if self.warm_start is not None:
            notes.append(f"The run {self.warm_start}")
        elif self.request.checkpoint is not None:
            notes.append(
                f"{self.request.run_dir} goes on from its own last loop; --checkpoint "
                f"{self.request.checkpoint} is not read: for a new run give another --run-dir"
            )
        if isinstance(self.config, TreeSearchRunConfig) and self.config.is_without_search:
            play = self.config.selfplay
            if play.final_temperature == 0:
                notes.append(
                    f"without search, after {counted(play.temperature_plies, 'move')} the most "
                    "probable one is always played, which teaches the policy nothing: "
                    "--set selfplay.final_temperature=1 draws them all"
                )
        games, workers = self.config.pacing.games_per_iteration, self.num_workers
        if games == 0 or workers == 0 or self.fleet is not None:
            return notes
        if games < workers:
            warnings.warn(
                f"{counted(games, 'game')} an iteration for {counted(workers, 'worker')}: "
                f"{workers - games} of them will have none to play",
                ShareWarning,
                stacklevel=3,
            )
        elif games % workers:
            notes.append(
                f"{games} games an iteration are not a multiple of {workers} workers: some play "
                "one more than the others, who wait meanwhile"
            )
        return notes

    def trainer_arguments(self) -> tuple[str, ...]:
        """Of `zerofleet trainer`, without the directory."""
        request = self.request
        arguments = ["--recipe", request.recipe, "--device", self.device]
        arguments += ["--num-workers", str(max(1, self.num_workers))]
        for key, value in request.keys.items():
            # As JSON, which YAML reads as the very value: a name such as "no" stays a text.
            arguments += ["--set", f"{key}={json.dumps(value)}"]
        if request.seed_data is not None:
            arguments += ["--seed-data", str(request.seed_data)]
        if request.checkpoint is not None:
            arguments += ["--checkpoint", str(request.checkpoint)]
        if request.wandb_project is not None:
            arguments += ["--use-wandb", "--project-name", request.wandb_project]
        if request.minutes is not None:
            arguments += ["--minutes", str(request.minutes)]
        return tuple(arguments)


def default_run_dir(recipe: str) -> Place:
    """Where a recipe is trained if nobody says: runs/<its name>."""
    return Place.of(Path("runs") / re.sub(r"[^\w.-]+", "_", Path(recipe).stem).strip("_"))
