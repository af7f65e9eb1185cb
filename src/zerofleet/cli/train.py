"""`zerofleet train`: the whole system on one machine, with one command."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from zerofleet.arena.stats import IterationStats, is_rated
from zerofleet.cli.options import (
    Blocks,
    Checkpoint,
    CheckpointInterval,
    Count,
    Depth,
    Duration,
    Filters,
    GamesPerIteration,
    LearningRate,
    MaxLoops,
    MaxPositions,
    NumThreads,
    OptionalRunPlace,
    ProjectName,
    Settings,
    Simulations,
    UseWandb,
    command_line_keys,
    wandb_project,
)
from zerofleet.cli.plain import plain_lines
from zerofleet.fleet.devices import without_auto
from zerofleet.fleet.supervisor import stop_signals
from zerofleet.roles.config import recipe_names
from zerofleet.run.layout import LOGS, default_worker_id
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.fleet.group import MakeGroup
    from zerofleet.monitor.terminal import Monitor
    from zerofleet.parallel.request import PreparedRun


def _recipes() -> str:
    *names, last = recipe_names()
    return f"{', '.join(names)} or {last}"


def train(
    recipe: Annotated[
        str,
        Parameter(
            help=f"What to learn: {_recipes()}; the path of a .yaml file of your own; or a game, "
            "FILE.py:CLASS of your own."
        ),
    ],
    *,
    run_dir: OptionalRunPlace = None,
    workers: Annotated[int, Parameter(validator=Number(gte=0, lte=4096))] | None = None,
    threads: NumThreads | None = None,
    workers_per_gpu: Count | None = None,
    gpus: str | None = None,
    fleet: str | None = None,
    gpus_per_worker: Annotated[float, Parameter(validator=Number(gt=0, lte=16))] | None = None,
    selfplay_device: Literal["auto", "cpu"] = "auto",
    minutes: Duration | None = None,
    max_loops: MaxLoops = None,
    games_per_iteration: GamesPerIteration = None,
    simulations: Simulations = None,
    depth: Depth | None = None,
    max_plies: Annotated[int, Parameter(validator=Number(gte=0))] | None = None,
    train_epochs: Annotated[int, Parameter(validator=Number(gte=0))] | None = None,
    max_positions: MaxPositions = None,
    batch_size: int | None = None,
    learning_rate: LearningRate = None,
    filters: Filters = None,
    blocks: Blocks = None,
    seed_data: Path | None = None,
    checkpoint: Checkpoint = None,
    data: Path | None = None,
    checkpoint_interval: CheckpointInterval = None,
    seed: int | None = None,
    device: Annotated[str, Parameter(name=["--device", "--accelerator"])] = "auto",
    experiment_name: Annotated[
        str | None, Parameter(name=["--experiment-name", "--run-name"])
    ] = None,
    use_wandb: UseWandb = False,
    project_name: ProjectName = None,
    set_: Settings = None,
) -> int:
    """Train a recipe on this machine, or from it on a fleet: one trainer and workers.

    Everything is in the run directory, runs/RECIPE if you name no other one. Run it again on the
    same directory and it goes on where it stopped. More workers, here or on
    other machines that see the directory, may join at any time: `zerofleet worker --shared-dir D`.
    Ends with a table of the strength measured and a picture of the run.

    Examples:

        zerofleet train ultimate_ttt

        zerofleet train connect_four --workers 2 --minutes 60

        zerofleet train ultimate_ttt --run-dir runs/deep --minutes 60 --depth 6

        zerofleet train go9 --fleet ray://10.0.0.1:6379 --workers 64 --gpus-per-worker 0.25

        zerofleet train chess_spiking --gpus 0,1 --iterations 200 --games-per-iter 1600

        zerofleet train go7 --fleet fleet.yaml

        zerofleet train chess --data runs/games --epochs 10 --blocks 6 --filters 64

    Parameters
    ----------
    run_dir
        The run directory (default: runs/RECIPE), or a place in object storage, s3://BUCKET/RUN.
    workers
        Local worker processes (default: one with all cores, or two for each GPU; what is chosen is
        printed with its reason). On GPUs it is lowered to a multiple of their number.
    threads
        Search threads of each worker (default: the cores, shared evenly).
    workers_per_gpu
        At most so many workers on a GPU.
    gpus
        Devices to use, as CUDA numbers them here: 0,1; or cpu,cpu for two workers on the processor
        (default: all GPUs that CUDA_VISIBLE_DEVICES leaves visible). One that is not here is
        refused.
    fleet
        Where others play. A fleet file: its hosts, over SSH (`zerofleet fleet --help`); then there
        are no local workers unless --workers asks for them. ray: the Ray cluster of this machine or
        a new one; ray://HOST:PORT: that one; this machine trains and has to be one of its nodes;
        --workers (default: as many as fit) have --threads processors (default 1) each. Default: the
        distributed: part of the recipe, if it has one.
    gpus_per_worker
        GPUs that Ray gives to each worker of --fleet ray; 0.5: two workers share one.
    selfplay_device
        cpu keeps workers off the GPUs, which the trainer then has to itself.
    minutes
        End after this time, or up to a tenth of it later (default: after max_loops).
    max_loops
        Training loops of the whole run (default 50).
    games_per_iteration
        Exactly so many games are played with each version of the net, dealt to the workers; 0:
        workers play on while the trainer trains.
    simulations
        Simulations of each move of tree search.
    depth
        Plies that alpha-beta searches for each move.
    max_plies
        A game of tree search this long is stopped: a draw, or the score so far; 0: as long as the
        rules allow.
    train_epochs
        Passes over the window in each loop; with tree search 0: as often as new games allow.
    max_positions
        Largest window (replay buffer); the oldest positions leave first.
    batch_size
        Positions of one training step.
    learning_rate
        Highest learning rate.
    filters
        Channels of a residual net.
    blocks
        Blocks of a residual net.
    seed_data
        .npz of evaluated positions to start a new run from.
    data
        Learn from the finished games of this directory and play none: games that `zerofleet import`
        took in, or those of another run. Every loop is an epoch over all of them, and held-out
        games measure it. The run directory is then runs/RECIPE_distributed if you name no other,
        as of `python -m zerofleet.train`, which does the same work.
    seed
        Seed of the run (default 1).
    device
        Where the trainer computes: auto (the first of --gpus, or a GPU if there is one), cpu, cuda
        or cuda:N. With cpu and without --gpus no worker uses a GPU either.
    experiment_name
        Name of the run in logs and plots.
    """
    flags = {
        "seed": seed,
        "max_loops": max_loops,
        "games_per_iteration": games_per_iteration,
        "simulations": simulations,
        "depth": depth,
        "max_plies": max_plies,
        "train_epochs": train_epochs,
        "max_positions": max_positions,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "filters": filters,
        "blocks": blocks,
        "checkpoint_interval": checkpoint_interval,
        "run_name": experiment_name,
    }
    if data is not None:
        from zerofleet.cli.train_data import train_on_data

        return train_on_data(
            recipe,
            data,
            run_dir,
            epochs=max_loops,
            device=device,
            gpus=gpus,
            minutes=minutes,
            checkpoint=checkpoint,
            settings=set_,
            given=flags,
            of_workers={
                "fleet": fleet,
                "gpus_per_worker": gpus_per_worker,
                "workers": workers,
                "threads": threads,
                "workers_per_gpu": workers_per_gpu,
                "games_per_iteration": games_per_iteration,
                "simulations": simulations,
                "depth": depth,
                "max_plies": max_plies,
                "train_epochs": train_epochs,
                "seed_data": seed_data,
                "use_wandb": use_wandb,
                "project_name": project_name,
            },
        )
    from zerofleet.parallel.request import RunRequest, default_run_dir

    request = RunRequest(
        run_dir=run_dir or default_run_dir(recipe),
        recipe=recipe,
        keys=command_line_keys(set_, **flags),
        workers=workers,
        threads=threads,
        workers_per_gpu=workers_per_gpu,
        gpus=gpus,
        fleet=fleet,
        gpus_per_worker=gpus_per_worker or 0.0,
        device=device,
        selfplay_device=selfplay_device,
        minutes=minutes,
        seed_data=seed_data,
        checkpoint=checkpoint,
        wandb_project=wandb_project(use_wandb, project_name),
    )
    prepared, cluster = request.prepared(), request.cluster()
    if cluster is None:
        return _run(prepared)
    with cluster.workers(prepared) as (prepared, group):
        return _run(prepared, group)


def _run(prepared: "PreparedRun", workers: "MakeGroup | None" = None) -> int:
    """The session with what is shown of it; returns the exit status."""
    from zerofleet.cli.result import end_lines, show_result
    from zerofleet.monitor.iterations import IterationsMonitor
    from zerofleet.parallel.session import LocalSession

    console, run_dir = Console(), prepared.request.run_dir
    say = plain_lines(console)
    session = LocalSession(prepared, workers)
    say(f"Run directory {run_dir}; {prepared.who_plays()}; logs in {run_dir.files / LOGS}")
    for note in prepared.notes():
        say(note)
    with stop_signals() as stop, _monitor(console, prepared) as monitor:
        on_event = None
        if isinstance(monitor, IterationsMonitor):
            tell = monitor.on_process
            on_event = lambda event: tell(event.name, event.kind, event.text)  # noqa: E731
        outcome = session.run(stop, monitor.update, on_event)
    if outcome.status == "failed":
        say(f"zerofleet: {outcome.reason}")
        say(f"Nothing is lost. Mend it and go on with: {_this_command()}")
        return 1
    interrupted = outcome.status == "stopped"
    store = run_dir.store()
    if prepared.config.terminal.view == "iterations":
        status = _iterations_result(console, store, prepared)
        return 130 if interrupted else status
    try:
        show_result(console, store, run_dir, measure=not interrupted)
    except KeyboardInterrupt:  # these games may take long, and everything else is done
        say("Not measured to the end; the last rating:")
        show_result(console, store, run_dir, measure=False)
    if interrupted:
        say(f"Stopped. Go on with: {_this_command()}")
    else:
        for line in end_lines(store, run_dir, _this_command()):
            say(line)
    return 130 if interrupted else 0


def _monitor(console: Console, prepared: "PreparedRun") -> "Monitor":
    from zerofleet.monitor.terminal import open_monitor

    config = prepared.config
    if config.terminal.view == "live":
        return open_monitor(console)
    from zerofleet.monitor.iterations import IterationsMonitor, device_labels

    labels = device_labels(prepared.plan.devices)
    device = without_auto(prepared.device)
    return IterationsMonitor(
        console,
        prepared.request.run_dir.files / LOGS,
        title=config.terminal.title or f"Training {config.game.spec}",
        device="cuda:0" if device == "cuda" else device,
        labels={default_worker_id(number): label for number, label in enumerate(labels)},
        num_epochs=config.training.train_epochs,
        loss=config.loss_text(),
    )


def _iterations_result(console: Console, store: Store, prepared: "PreparedRun") -> int:
    """Says what was completed; the status is 0 only if that is all of it."""
    from zerofleet.cli.result import end_lines, show_result

    entries = cast("list[IterationStats]", read_stats(store))
    done = max((entry.get("iteration", 0) for entry in entries), default=0)
    wanted = prepared.config.pacing.max_loops
    games = sum(entry.get("games", 0) for entry in entries)
    say = plain_lines(console)
    say(
        f"{done} of {counted(wanted, 'iteration')} completed, {counted(games, 'game')}; "
        f"everything is in {prepared.request.run_dir}"
    )
    if any(is_rated(entry) for entry in entries):
        show_result(console, store, prepared.request.run_dir, measure=False)
    ending = end_lines(store, prepared.request.run_dir, _this_command())
    for line in ending or [f"Go on with: {_this_command()}"]:
        say(line)
    return 0 if done >= wanted else 1


def _this_command() -> str:
    return shlex.join(["zerofleet", *sys.argv[1:]])
