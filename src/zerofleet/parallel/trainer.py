"""`zerofleet.ParallelTrainer`: trains on this host, from a script or a notebook.

It is `zerofleet train` from Python: the same processes, files and guarantees, by the same code.
"""

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from rich.console import Console

from zerofleet.arena.stats import IterationStats
from zerofleet.fleet.devices import DeviceManager
from zerofleet.monitor.terminal import PlainMonitor
from zerofleet.monitor.view import RunView
from zerofleet.monitor.weights_and_biases import DEFAULT_PROJECT, import_wandb
from zerofleet.nets.config import NnueConfig, PolicyValueNetConfig
from zerofleet.parallel.history import Epoch, History
from zerofleet.parallel.request import PreparedRun, RunRequest, default_run_dir
from zerofleet.parallel.session import LocalSession
from zerofleet.roles.config import ConfigError
from zerofleet.run.commit import read_latest
from zerofleet.run.errors import RunError
from zerofleet.run.layout import LOGS, model_key
from zerofleet.run.models import fetch_model
from zerofleet.run.place import Place
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore

ARGUMENTS = {
    "epochs": "pacing.max_loops",
    "games_per_epoch": "pacing.games_per_iteration",
    "batch_size": "training.batch_size",
    "lr": "training.learning_rate",
    "simulations": "search.num_simulations",
    "seed": "seed",
    "experiment_name": "run_name",
}
"""Arguments by the configuration key they set."""


class TrainingFailedError(RunError):
    """The processes could not go on; the message says why and where their logs are."""


class ParallelTrainer:
    """Trains a net by self-play with worker processes of this host.

        trainer = zerofleet.ParallelTrainer(game="twenty48", num_workers=8)
        history = trainer.train(epochs=10, games_per_epoch=32, simulations=50)
        history = trainer.train(epochs=10, lr=0.0003)      # goes on

    Everything is in the run directory, as with `zerofleet train`; more workers on other machines
    that see it may join. No process is left when `train` returns or raises, or when this one dies.
    """

    def __init__(
        self,
        game: Any = "twenty48",
        net: BaseModel | Mapping[str, Any] | None = None,
        num_workers: int | None = None,
        *,
        run_dir: str | PathLike[str] | None = None,
        gpus: str | None = None,
        workers_per_gpu: int | None = None,
        threads: int | None = None,
        device: str = "auto",
        selfplay_device: str = "auto",
        device_manager: DeviceManager | None = None,
        checkpoint: str | PathLike[str] | None = None,
        seed: int | None = None,
        experiment_name: str | None = None,
        use_wandb: bool = False,
        project_name: str = DEFAULT_PROJECT,
        settings: Mapping[str, Any] | None = None,
        progress: bool = True,
    ) -> None:
        """Checks all of it; nothing is started.

        Args:
          game: name of a recipe or a game ("twenty48", "go(size=7)"), path of a .yaml recipe, a
            game of your own as "FILE.py:CLASS" or its class, or what `zerofleet.load_game` returns.
          net: `ResNetConfig`, `SpikingConfig`, `MlpConfig`, or a mapping of keys of them such as
            {"num_blocks": 5, "num_filters": 64}, over the recipe's; None: the recipe's.
          num_workers: worker processes; None: as many as suit this host. On GPUs it is lowered to a
            multiple of their number. What is used is printed with its reason.
          run_dir: a run that is there already goes on; None: a new one in runs/.
          gpus: devices to use, "0,1" or "cpu,cpu"; None: all GPUs that are visible.
          workers_per_gpu: at most so many workers on a GPU.
          threads: search threads of each worker; None: the cores, shared evenly.
          device: of the trainer: auto, cpu, cuda or cuda:N.
          selfplay_device: cpu keeps workers off the GPUs.
          device_manager: decides how many workers there are and where each computes; override its
            `assign_device(worker_id, num_workers)`.
          checkpoint: file with weights, optimizer and counters that a new run begins with,
            "checkpoints/model_epoch_50.pth" for instance (docs/one_host.md).
          seed: of the run; the same seed plays the same games.
          experiment_name: name of the run in logs and plots.
          use_wandb, project_name: also send each epoch's figures to Weights & Biases; needs its
            package.
          settings: any other configuration keys, {"selfplay.temperature_plies": 10}.
          progress: print a line for each epoch, and whatever workers have to say.
        Raises: ConfigError (a ValueError) that names what is wrong; WandbError without its package.
        """
        recipe = _recipe(game)
        if use_wandb:
            import_wandb()
        self._request = RunRequest(
            run_dir=Place.of(
                _directory(run_dir) if run_dir is not None else _new_directory(recipe)
            ),
            recipe=recipe,
            keys={
                **_net_keys(net),
                **_keys(seed=seed, experiment_name=experiment_name),
                **(settings or {}),
            },
            workers=num_workers,
            threads=threads,
            workers_per_gpu=workers_per_gpu,
            gpus=gpus,
            device=device,
            selfplay_device=selfplay_device,
            device_manager=device_manager,
            wandb_project=project_name if use_wandb else None,
            checkpoint=None if checkpoint is None else Path(checkpoint),
        )
        self._progress = progress
        self._store = DirectoryStore(self.run_dir)
        # How long it is to be trained is said later.
        keys = {**self._request.keys, ARGUMENTS["epochs"]: 10**9}
        prepared = self._prepared(replace(self._request, keys=keys))
        self._loops_before = 0 if prepared.warm_start is None else prepared.warm_start.num_loops
        self.plan = prepared.plan
        """How many workers there are and why, and the device of each."""
        if run_dir is None:
            self.run_dir.mkdir(parents=True)

    @property
    def run_dir(self) -> Path:
        """The run directory (docs/run_directory.md)."""
        return self._request.run_dir.files

    @property
    def history(self) -> History:
        """All epochs of the run so far."""
        return History(cast("list[IterationStats]", read_stats(self._store)))

    @property
    def epochs_done(self) -> int:
        """Epochs of the whole run, those of the checkpoint it began with included."""
        latest = read_latest(self._store)
        return self._loops_before if latest is None else int(latest.summary["iteration"])

    @property
    def model_path(self) -> Path:
        """The newest published version of the net. Raises: ModelMissingError before the first."""
        model = fetch_model(self._store)
        return self.run_dir / model_key(model.version, model.kind)

    def train(
        self,
        epochs: int = 100,
        games_per_epoch: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        simulations: int | None = None,
        *,
        minutes: float | None = None,
        on_epoch: Callable[[Epoch], object] | None = None,
    ) -> History:
        """Trains for so many more epochs; call it again to go on, with the same settings or others.

        Args:
          epochs: >= 1; each has self-play with one version of the net, and learning the next one.
          games_per_epoch: exactly so many games are played in each, dealt to the workers; None:
            what the run has.
          batch_size: positions of one training step; None: what the run has.
          lr: learning rate; None: what the run has.
          simulations: of each move; None: what the run has.
          minutes: end after this time, or up to a tenth of it later.
          on_epoch: called with each epoch, in order, once it is complete, its rating included;
            what it raises ends the training and comes out here.
        Returns: the epochs of this call.
        Raises: ConfigError; TrainingFailedError if the trainer or every worker fails again and
          again. What is committed stays: the next call goes on from there.
        """
        for name, value in (("epochs", epochs), ("games_per_epoch", games_per_epoch)):
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(f"{name}: expected a whole number >= 1, got {value!r}")
        if minutes is not None and minutes <= 0:
            raise ConfigError(f"minutes: expected a number > 0, got {minutes!r}")
        before = self.epochs_done
        keys = {
            # The trainer's count is that of the whole run.
            **_keys(epochs=before + epochs, games_per_epoch=games_per_epoch),
            **_keys(batch_size=batch_size, lr=lr, simulations=simulations),
        }
        request = replace(self._request, keys={**self._request.keys, **keys}, minutes=minutes)
        prepared = self._prepared(request)
        if self._progress:
            print(f"Run directory {self.run_dir}; {prepared.plan}; logs in {self.run_dir / LOGS}")
        for note in prepared.notes():
            if self._progress:
                print(note)
        watch = _Watch(before, on_epoch, show_lines=self._progress)
        outcome = LocalSession(prepared).run(threading.Event(), watch.update)
        if outcome.status == "failed":
            raise TrainingFailedError(outcome.reason)
        watch.finish()
        return self.history.since(before)

    def _prepared(self, request: RunRequest) -> PreparedRun:
        try:
            return request.prepared()
        except ConfigError as error:
            raise ConfigError(_with_argument(str(error))) from None


class _Watch:
    """Shows a run and calls back for its epochs."""

    def __init__(
        self, before: int, on_epoch: Callable[[Epoch], object] | None, *, show_lines: bool
    ) -> None:
        self._told = before
        self._on_epoch = on_epoch
        self._monitor = PlainMonitor(Console()) if show_lines else None
        self._entries: list[IterationStats] = []
        self._has_begun = False

    def update(self, view: RunView) -> None:
        self._has_begun |= view.is_running
        if not self._has_begun:
            return  # still the end of the call before
        if self._monitor is not None:
            self._monitor.update(view)
        self._entries = list(view.entries)
        self._tell(list(view.finished))

    def finish(self) -> None:
        self._tell(self._entries)

    def _tell(self, entries: list[IterationStats]) -> None:
        for epoch in History(entries).since(self._told):
            self._told = epoch.epoch
            if self._on_epoch is not None:
                self._on_epoch(epoch)


def _recipe(game: Any) -> str:
    """The text for a game, however it is given."""
    if isinstance(game, PathLike):
        game = fspath(game)
    if isinstance(game, str):
        return game
    spec = getattr(game, "spec", None)
    if isinstance(spec, str):
        return spec
    if inspect.isclass(game):
        try:
            return f"{inspect.getfile(game)}:{game.__qualname__}"
        except (TypeError, OSError):
            raise ConfigError(
                f"game: the class {game.__qualname__} has no file that workers could read; write "
                "it into one (in a notebook: %%writefile my_game.py) and pass "
                f"'my_game.py:{game.__qualname__}'"
            ) from None
    raise ConfigError(
        f"game: expected the name of a recipe or a game, FILE.py:CLASS or a class, got {game!r:.80}"
    )


def _net_keys(net: BaseModel | Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(net, PolicyValueNetConfig | NnueConfig):
        net = net.model_dump()
    if net is None:
        return {}
    if not isinstance(net, Mapping):
        raise ConfigError(
            "net: expected ResNetConfig, SpikingConfig, MlpConfig, a mapping of their keys or "
            f"None, got {net!r:.80}; models of torch cannot be passed, since workers build the net "
            "by its sizes"
        )
    return {f"net.{key}": value for key, value in net.items()}


def _keys(**arguments: Any) -> dict[str, Any]:
    return {ARGUMENTS[name]: value for name, value in arguments.items() if value is not None}


def _with_argument(message: str) -> str:
    """An error about a key that an argument set begins with the argument's name."""
    for argument, key in ARGUMENTS.items():
        if message.startswith(f"{key}:"):
            return f"{argument} ({key}):{message.removeprefix(key)[1:]}"
    return message


def _directory(run_dir: str | PathLike[str]) -> Path:
    if "://" in str(run_dir):
        raise ConfigError(
            f"run_dir {run_dir}: expected a directory; "
            f"`zerofleet train RECIPE --run-dir {run_dir}` trains in object storage"
        )
    return Path(run_dir)


def _new_directory(recipe: str) -> Path:
    """runs/<name>, or runs/<name>-2 and so on if that has a run."""
    first = default_run_dir(recipe).files
    number, directory = 1, first
    while directory.exists():
        number += 1
        directory = first.with_name(f"{first.name}-{number}")
    return directory
