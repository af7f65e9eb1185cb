"""`zerofleet trainer`: the one process of a run that learns."""

from pathlib import Path

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
from zerofleet.run.layout import TENSORBOARD


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
    minutes
        End after this time, or up to a tenth of it later.
    num_workers
        Workers to wait for, a moment, before games are first dealt (synchronous runs).
    seed
        Seed of the run (default 1).
    """
    from zerofleet.monitor.console import ConsoleReport
    from zerofleet.monitor.tensorboard import TensorBoardReport
    from zerofleet.monitor.weights_and_biases import WandbReport
    from zerofleet.roles.trainer import Trainer

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
    told = TensorBoardReport(run_dir.files / TENSORBOARD, ConsoleReport())
    project = wandb_project(use_wandb, project_name)
    wandb = None if project is None else WandbReport(run_dir, project, told)
    try:
        return Trainer(
            run_dir,
            recipe=recipe,
            command_line=keys,
            seed_data=seed_data,
            checkpoint=checkpoint,
            device=device,
            minutes=minutes,
            num_workers=num_workers,
            report=wandb or told,
        ).run()
    finally:
        if wandb is not None:
            wandb.close()
