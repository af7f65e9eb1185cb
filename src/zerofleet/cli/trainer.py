"""`zerofleet trainer`: the one process of a run that learns."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zerofleet.cli.options import (
    Checkpoint,
    CheckpointInterval,
    Count,
    Duration,
    LearningRate,
    MaxLoops,
    MaxPositions,
    ProjectName,
    RunPlace,
    Settings,
    UseWandb,
    command_line_keys,
    wandb_project,
)
from zerofleet.roles.config import AlphaBetaRunConfig, ConfigError
from zerofleet.run.layout import LOGS, TENSORBOARD

if TYPE_CHECKING:
    from zerofleet.training.group import RankGroup

_STOPPED = (128 + 15, 128 + 2)
"""Exit statuses of a launcher that was told to end: a trainer that is told so ends well."""


def trainer(
    *,
    run_dir: RunPlace,
    recipe: str | None = None,
    seed_data: Path | None = None,
    checkpoint: Checkpoint = None,
    checkpoint_interval: CheckpointInterval = None,
    run_name: str | None = None,
    max_loops: MaxLoops = None,
    min_new_positions: int | None = None,
    max_positions: MaxPositions = None,
    train_epochs: int | None = None,
    lambda_search: float | None = None,
    eval_games: int | None = None,
    learning_rate: LearningRate = None,
    batch_size: int | None = None,
    device: str = "auto",
    gpus: str | None = None,
    minutes: Duration | None = None,
    num_workers: Count = 1,
    seed: int | None = None,
    use_wandb: UseWandb = False,
    project_name: ProjectName = None,
    set_: Settings = None,
) -> int:
    """Learn from the games of a run and publish networks.

    Creates the run directory if it is missing and goes on where it stopped if it is not; only one
    trainer can run on a directory. Ends by itself after --max-loops and then stops the workers.

    Examples:

        zerofleet trainer --shared-dir /mnt/run

        zerofleet trainer --shared-dir /mnt/run --seed-data games.npz --max-loops 100

        zerofleet trainer --shared-dir s3://bucket/run --recipe go7

        zerofleet trainer --run-dir runs/chess --recipe chess --gpus 0,1,2,3

    Parameters
    ----------
    recipe
        What to learn: a name from the package, the path of a .yaml file, or a game. A new run is of
        ultimate_ttt without it.
    seed_data
        .npz of evaluated positions to start from: a run's checkpoint.npz, or boards and values.
    run_name
        Name of the run in logs and plots.
    max_loops
        Training loops of the whole run, counted across restarts (default 50).
    min_new_positions
        New positions that start a loop (default 50000).
    max_positions
        Largest window; the oldest positions leave first (default 2000000).
    train_epochs
        Passes over the window in each loop (default 10).
    lambda_search
        Share of the search value in the target; the rest is the result (default 0.75).
    eval_games
        Games against each opponent after each loop (default 100).
    learning_rate
        Highest learning rate of a loop (default 0.002).
    batch_size
        Positions in a training step; less while the window is small (default 16384).
    device
        Where to compute: auto (a GPU if there is one), cpu, cuda or cuda:N.
    gpus
        Several devices that learn together, one process on each: 0,1 as CUDA numbers them, or
        cpu,cpu (docs/distributed.md). Nets of tree search.
    minutes
        End after this time, or up to a tenth of it later.
    num_workers
        Workers to wait for, a moment, before games are first dealt (synchronous runs).
    seed
        Seed of the run (default 1).
    """
    keys = command_line_keys(
        set_,
        run_name=run_name,
        seed=seed,
        max_loops=max_loops,
        min_new_positions=min_new_positions,
        max_positions=max_positions,
        train_epochs=train_epochs,
        lambda_search=lambda_search,
        learning_rate=learning_rate,
        batch_size=batch_size,
        checkpoint_interval=checkpoint_interval,
        eval_games=eval_games,
    )

    def run(where: "str | RankGroup") -> int:
        from zerofleet.monitor.console import ConsoleReport
        from zerofleet.monitor.tensorboard import TensorBoardReport
        from zerofleet.monitor.weights_and_biases import WandbReport
        from zerofleet.roles.progress import one_device
        from zerofleet.roles.trainer import Trainer

        told = TensorBoardReport(run_dir.files / TENSORBOARD, ConsoleReport())
        project = wandb_project(use_wandb, project_name)
        wandb = None if project is None else WandbReport(run_dir, project, told)
        try:
            made = Trainer(
                run_dir,
                recipe=recipe,
                command_line=keys,
                seed_data=seed_data,
                checkpoint=checkpoint,
                device=where,
                minutes=minutes,
                num_workers=num_workers,
                report=wandb or told,
            )
            if isinstance(made.resolve_config(), AlphaBetaRunConfig):
                one_device(where)
            return made.run()
        finally:
            if wandb is not None:
                wandb.close()

    devices = _devices(gpus, device)
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return _as_rank(devices, run)
    if len(devices) > 1:
        return _start_ranks(len(devices), run_dir.files / LOGS)
    return run(devices[0])


def _devices(gpus: str | None, device: str) -> tuple[str, ...]:
    from zerofleet.fleet.devices import check_device, parse_devices

    if gpus is not None and device != "auto":
        raise ConfigError(f"--gpus {gpus} and --device {device}: name the devices with one of them")
    try:
        return (check_device(device, "--device"),) if gpus is None else parse_devices(gpus)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _start_ranks(num_ranks: int, log_dir: Path) -> int:
    from zerofleet.run.threads import calm_threads

    calm_threads()
    from zerofleet.training.launch import Nodes, run_ranks

    status = run_ranks(["-m", "zerofleet", *sys.argv[1:]], Nodes(num_ranks), log_dir=log_dir)
    return 0 if status in _STOPPED else status


def _as_rank(devices: tuple[str, ...], run: "Callable[[RankGroup], int]") -> int:
    """One of the ranks that `_start_ranks`, or torchrun, has started."""
    from zerofleet.run.threads import calm_threads

    calm_threads()
    from zerofleet.roles.ranks import follow, send_end
    from zerofleet.training.group import Place, RankGroup, end_with_launcher

    end_with_launcher()
    place = Place.from_environment()
    if len(devices) not in (1, place.local_world_size):
        raise ConfigError(
            f"--gpus: {len(devices)} devices for {place.local_world_size} ranks of this host"
        )
    group = RankGroup.join(place, device=devices[place.local_rank % len(devices)])
    try:
        if not group.is_main:
            return follow(group)
        status = run(group)
        send_end(group)
        return status
    finally:
        group.close()
