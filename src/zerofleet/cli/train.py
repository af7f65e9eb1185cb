"""`zerofleet train`: the whole system on one machine, with one command."""

import re
import shlex
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from zerofleet.cli.options import (
    Blocks,
    Count,
    Duration,
    Filters,
    GamesPerIteration,
    LearningRate,
    MaxLoops,
    NumThreads,
    OptionalRunDir,
    Settings,
    Simulations,
    command_line_keys,
)
from zerofleet.fleet.devices import DeviceManager, WorkerPlan
from zerofleet.fleet.launcher import BACKGROUND, Command
from zerofleet.fleet.local import LocalLauncher
from zerofleet.fleet.supervisor import Event, Supervisor, stop_signals
from zerofleet.fleet.vitals import TRAINER, LeaseVitals
from zerofleet.roles.config import AlphaBetaRunConfig, ConfigError, RunConfig
from zerofleet.run.layout import CONFIG, LOGS, default_worker_id, worker_log_key
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import DirectoryStore, read_or_none

if TYPE_CHECKING:
    from zerofleet.monitor.read import RunReader
    from zerofleet.monitor.terminal import Monitor
    from zerofleet.monitor.view import RunView

GRACE_SECONDS = 30.0
"""For the roles to save and end; then they are killed, which loses nothing but time."""
VIEW_SECONDS = 0.5


def train(
    recipe: str,
    *,
    run_dir: OptionalRunDir = None,
    workers: Annotated[int, Parameter(validator=Number(gte=0, lte=4096))] | None = None,
    threads: NumThreads | None = None,
    workers_per_gpu: Count | None = None,
    selfplay_device: Literal["auto", "cpu"] = "auto",
    minutes: Duration | None = None,
    max_loops: MaxLoops = None,
    games_per_iteration: GamesPerIteration = None,
    simulations: Simulations = None,
    batch_size: int | None = None,
    learning_rate: LearningRate = None,
    filters: Filters = None,
    blocks: Blocks = None,
    seed_data: Path | None = None,
    seed: int | None = None,
    device: Annotated[str, Parameter(name=["--device", "--accelerator"])] = "auto",
    experiment_name: Annotated[
        str | None, Parameter(name=["--experiment-name", "--run-name"])
    ] = None,
    set_: Settings = None,
) -> int:
    """Train a recipe on this machine: one trainer and local workers, with live progress.

    Run it again on the same directory and it goes on where it stopped. More workers, here or on
    other machines that see the directory, may join at any time: `zerofleet worker --shared-dir D`.
    Ends with a table of the strength measured and a picture of the run.

    Examples:

        zerofleet train ultimate_ttt

        zerofleet train connect_four --workers 2 --minutes 60

        zerofleet train ultimate_ttt --run-dir runs/deep --minutes 60 --set search.depth=6

    Parameters
    ----------
    recipe
        What to learn: a name from the package (connect_four), the path of a .yaml file, or a game:
        FILE.py:CLASS of your own.
    run_dir
        The run directory (default: runs/RECIPE).
    workers
        Local worker processes (default: one with all cores, or two for each GPU). On GPUs it is
        lowered to a multiple of their number.
    threads
        Search threads of each worker (default: the cores, shared evenly).
    workers_per_gpu
        At most so many workers on a GPU.
    selfplay_device
        cpu keeps workers off the GPUs, which the trainer then has to itself.
    minutes
        End after this time (default: after max_loops).
    max_loops
        Training loops of the whole run (default 50).
    games_per_iteration
        Exactly so many games are played with each version of the net, dealt to the workers; 0:
        workers play on while the trainer trains.
    simulations
        Simulations of each move of tree search.
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
    seed
        Seed of the run (default 1).
    device
        Where the trainer computes: auto (a GPU if there is one), cpu, cuda or cuda:N.
    experiment_name
        Name of the run in logs and plots.
    """
    from zerofleet.roles.trainer import Trainer

    directory = run_dir or Path("runs") / re.sub(r"[^\w.-]+", "_", Path(recipe).stem).strip("_")
    keys = command_line_keys(
        set_,
        seed=seed,
        max_loops=max_loops,
        games_per_iteration=games_per_iteration,
        simulations=simulations,
        batch_size=batch_size,
        learning_rate=learning_rate,
        filters=filters,
        blocks=blocks,
        run_name=experiment_name,
    )
    # What is wrong with the arguments is said here, before any process starts.
    trainer = Trainer(directory, recipe=recipe, command_line=keys, seed_data=seed_data)
    config = trainer.resolve_config()
    # Alpha-beta evaluates on processors; so does tree search where it is told to.
    on_cpu = selfplay_device == "cpu" or isinstance(config, AlphaBetaRunConfig)
    try:
        plan = DeviceManager([] if on_cpu else None).plan(
            workers, threads, workers_per_gpu=workers_per_gpu
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if 0 < config.pacing.games_per_iteration < plan.num_workers:
        Console(stderr=True).print(
            f"zerofleet: {config.pacing.games_per_iteration} games an iteration for "
            f"{plan.num_workers} workers: some will have none to play",
            highlight=False,
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--run-dir {directory}: cannot be created: {error.strerror}; choose another place"
        ) from None
    session = _Session(directory, recipe, plan, minutes, config)
    return session.run(_trainer_arguments(recipe, keys, seed_data, device, minutes, plan))


def _trainer_arguments(
    recipe: str,
    keys: dict[str, object],
    seed_data: Path | None,
    device: str,
    minutes: float | None,
    plan: WorkerPlan,
) -> tuple[str, ...]:
    arguments = ["--recipe", recipe, "--device", device, "--num-workers", str(plan.num_workers)]
    for key, value in keys.items():
        arguments += ["--set", f"{key}={value}"]
    if seed_data is not None:
        arguments += ["--seed-data", str(seed_data)]
    if minutes is not None:
        arguments += ["--minutes", str(minutes)]
    return tuple(arguments)


class _Session:
    """The processes of one `zerofleet train` and what is shown of them."""

    def __init__(
        self,
        run_dir: Path,
        recipe: str,
        plan: WorkerPlan,
        minutes: float | None,
        config: RunConfig,
    ) -> None:
        self._run_dir = run_dir
        self._recipe = recipe
        self._plan = plan
        self._minutes = minutes
        self._config = config
        self._store = DirectoryStore(run_dir)
        self._messages: deque[str] = deque(maxlen=8)
        self._console = Console()

    def run(self, trainer_arguments: tuple[str, ...]) -> int:
        from zerofleet.monitor.read import RunReader
        from zerofleet.monitor.terminal import open_monitor

        plan = self._plan
        self._console.print(
            f"Run directory [bold]{self._run_dir}[/bold]; {self._plan}; "
            f"logs in {self._run_dir / LOGS}",
            highlight=False,
            soft_wrap=True,
        )
        launcher = LocalLauncher(orphan_grace_seconds=GRACE_SECONDS)
        vitals = LeaseVitals(self._store)
        trainer = Supervisor(
            launcher,
            [self._command(TRAINER, "trainer", *trainer_arguments)],
            vitals=vitals,
            on_event=self._note,
        )
        workers = Supervisor(
            launcher,
            [
                self._command(
                    default_worker_id(number),
                    "worker",
                    *("--worker-id", default_worker_id(number)),
                    *("--threads", str(plan.num_threads)),
                    *("--device", plan.devices[number]),
                )
                for number in range(plan.num_workers)
            ],
            vitals=vitals,
            on_event=self._note,
        )
        limit = None if self._minutes is None else 60 * self._minutes
        reader = RunReader(self._store, run_dir=str(self._run_dir), limit_seconds=limit)
        helpless = False
        with stop_signals() as stop:
            with open_monitor(self._console) as monitor:
                next_view = 0.0
                while not (stop.is_set() or helpless):
                    running = trainer.poll()
                    if not running:
                        break
                    if self._is_open():
                        workers.poll()
                    if time.monotonic() >= next_view:
                        next_view = time.monotonic() + VIEW_SECONDS
                        view = self._show(monitor, reader, workers)
                        helpless = _is_helpless(workers, view)
                    stop.wait(0.2)
                if stop.is_set():
                    self._messages.append(
                        f"stopping: finished games are saved, which may take {GRACE_SECONDS:.0f} s"
                    )
                    self._show(monitor, reader, workers)
                elif not helpless:
                    self._end_workers(workers)
                workers.stop(GRACE_SECONDS)
                trainer.stop(GRACE_SECONDS)
                self._show(monitor, reader, workers)
            if any(child.state == "parked" for child in trainer.children):
                self._say(f"zerofleet: the trainer failed: {trainer.children[0].reason}")
                return 1
            if helpless:
                self._say_helpless(workers)
                return 1
            self._say_result(interrupted=stop.is_set())
        return 130 if stop.is_set() else 0

    def _command(self, name: str, verb: str, *arguments: str) -> Command:
        log = "logs/trainer.log" if verb == "trainer" else worker_log_key(name)
        priority = () if verb == "trainer" else BACKGROUND
        return Command(
            name=name,
            argv=(
                *priority,
                *(sys.executable, "-m", "zerofleet", verb),
                *("--run-dir", str(self._run_dir)),
                *arguments,
            ),
            log=self._run_dir / log,
            env={"PYTHONUNBUFFERED": "1"},
        )

    def _is_open(self) -> bool:
        """True once the trainer has cleared the STOP of an earlier session."""
        return not stop_requested(self._store) and read_or_none(self._store, CONFIG) is not None

    def _end_workers(self, workers: Supervisor) -> None:
        """The run is done: workers see STOP, save their games and end by themselves."""
        end = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end:
            if all(child.state != "running" for child in workers.children):
                return
            for child in workers.children:
                if child.state == "running" and child.handle is not None:
                    status = child.handle.poll()
                    if status is not None:
                        child.state = "finished"
            time.sleep(0.1)

    def _note(self, event: Event) -> None:
        if event.kind in ("failed", "parked", "killed"):
            lines = [event.text.splitlines()[0], *event.reason.splitlines()]
            self._messages.extend(f"[{event.name}] {line}" for line in lines)

    def _show(self, monitor: "Monitor", reader: "RunReader", workers: Supervisor) -> "RunView":
        view = reader.read(
            restarts={c.command.name: max(0, c.num_starts - 1) for c in workers.children},
            messages=tuple(self._messages),
        )
        monitor.update(view)
        return view

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _say_helpless(self, workers: Supervisor) -> None:
        self._say("zerofleet: every worker failed again and again, so the run is stopped:")
        for child in workers.children:
            self._say(f"[{child.command.name}] {child.reason}\n  log: {child.command.log}")
        self._say(f"Nothing is lost. Mend it and go on with: {_this_command()}")

    def _say_result(self, *, interrupted: bool) -> None:
        from zerofleet.cli.result import show_result

        show_result(self._console, self._store, self._run_dir, measure=not interrupted)
        if interrupted:
            self._say(f"Stopped. Go on with: {_this_command()}")


def _is_helpless(workers: Supervisor, view: "RunView") -> bool:
    """No worker of this command will start again, and nobody else's plays for the run."""
    ours = workers.children
    return bool(ours) and all(c.state == "parked" for c in ours) and view.num_live_workers == 0


def _this_command() -> str:
    return shlex.join(["zerofleet", *sys.argv[1:]])
