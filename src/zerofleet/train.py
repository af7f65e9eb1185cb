"""`python -m zerofleet.train`: trains a net on games that are there, on one device or many.

    python -m zerofleet.train --recipe chess --data D             one device
    python -m zerofleet.train --world-size 2 ...                  two ranks on this host
    torchrun --nproc_per_node=8 -m zerofleet.train ...            eight, as torchrun says
    torchrun --nnodes=2 --node_rank=0 --master_addr=A --master_port=P --nproc_per_node=8 -m ...
    zerofleet launch --gpus 8 ...                                 the same, and simpler

Here are its options and how a process finds its place among the ranks; roles/distributed.py trains.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

from zerofleet.run.process import leave_closed_output

Count = Annotated[int, Parameter(validator=Number(gte=1))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What is trained, on what, and how.

    Parameters
    ----------
    recipe
        A recipe of the package, the path of a .yaml file, or a game.
    data
        Games to learn from: a run directory, a folder of shards, or one shard.
    save_dir
        Where checkpoints, weights and logs go (default: runs/RECIPE_distributed). If there is a
        checkpoint, training goes on from it.
    backend
        What connects the ranks (default: nccl on GPUs, gloo on processors).
    device
        auto (a GPU for each rank if there are any), cpu or cuda.
    batch_size
        Samples of a step, of all ranks together (default: the recipe's).
    num_workers
        Threads that prepare batches, on each rank (default: the cores, shared by the ranks of the
        host, at most 8).
    learning_rate
        Learning rate after the warm-up (default 0.001).
    mixed_precision
        Compute in bfloat16 where the device has it, in float16 with scaled losses on other GPUs;
        says so where there is neither. Without the flag: as training.compute_dtype says.
    epochs
        Passes over the data, earlier starts counted.
    resume
        Insist on a checkpoint to go on from.
    checkpoint
        Begin with the weights, optimizer and counters of this file, or the weights alone of a
        model.pt or .safetensors.
    checkpoint_steps
        Commit after every so many steps, too.
    checkpoint_minutes
        Commit in the middle of an epoch at least so often.
    minutes
        Stop after this time, with a commit; the same command goes on.
    timeout_seconds
        A rank that waits longer than this for another one gives up.
    seed
        Seed of initial weights and sampling (default 1).
    filters
        Channels of a residual net.
    blocks
        Blocks of a residual net.
    set_
        Any configuration key: --set training.optimizer=sgd (repeatable).
    """

    recipe: str = "chess"
    data: Path | None = None
    save_dir: Annotated[
        Path | None, Parameter(name=["--save-dir", "--run-dir", "--shared-dir"])
    ] = None
    backend: Literal["nccl", "gloo"] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    batch_size: Count | None = None
    num_workers: Count | None = None
    learning_rate: Annotated[
        float | None, Parameter(name=["--learning-rate", "--lr"], validator=Number(gt=0))
    ] = None
    mixed_precision: bool | None = None
    epochs: Count = 10
    resume: Annotated[bool, Parameter(negative=())] = False
    checkpoint: Path | None = None
    checkpoint_steps: Count | None = None
    checkpoint_minutes: Annotated[float, Parameter(validator=Number(gt=0))] = 10.0
    minutes: Annotated[float | None, Parameter(validator=Number(gt=0))] = None
    timeout_seconds: Annotated[float, Parameter(validator=Number(gt=0))] = 300.0
    seed: Annotated[int | None, Parameter(validator=Number(gte=0))] = None
    filters: Annotated[Count | None, Parameter(name=["--filters", "--num-filters"])] = None
    blocks: Annotated[Count | None, Parameter(name=["--blocks", "--num-blocks"])] = None
    set_: Annotated[list[str] | None, Parameter(name=["--set"], negative=())] = None

    def arguments(self) -> list[str]:
        """The same as words of a command line."""
        words = []
        for option in fields(self):
            value = getattr(self, option.name)
            if value == option.default:
                continue
            flag = "--" + option.name.strip("_").replace("_", "-")
            if isinstance(value, bool):
                words.append(flag if value else flag.replace("--", "--no-", 1))
            else:
                values = value if isinstance(value, list) else [value]
                words += [f"{flag}={part}" for part in values]
        return words

    @property
    def directory(self) -> Path:
        """Where the job saves."""
        name = Path(self.recipe).stem if self.recipe.endswith((".yaml", ".yml")) else self.recipe
        return self.save_dir or Path("runs") / f"{name.replace(':', '_')}_distributed"

    @property
    def log_dir(self) -> Path:
        """Where launchers put the output of the ranks."""
        return self.directory / "logs"

    def check(self, *, has_data: bool = True) -> None:
        """Raises: ConfigError for what no rank needs to be started for.

        Args:
          has_data: rank 0 is here, the only one that has to see `data`.
        """
        from zerofleet.roles.config import ConfigError, load_recipe

        if self.data is None:
            raise ConfigError(
                "--data is missing: a run directory or a folder of shards; self-play and training "
                f"together are `zerofleet train {self.recipe}`"
            )
        if has_data and not self.data.exists():
            raise ConfigError(f"--data {self.data}: no such run directory, folder or file")
        load_recipe(self.recipe)

    def keys(self) -> dict[str, Any]:
        """Dotted configuration keys."""
        from zerofleet.roles.config import parse_setting

        keys = {
            "training.batch_size": self.batch_size,
            "training.learning_rate": self.learning_rate,
            "net.num_filters": self.filters,
            "net.num_blocks": self.blocks,
            "seed": self.seed,
        }
        given = {key: value for key, value in keys.items() if value is not None}
        return given | dict(parse_setting(text) for text in self.set_ or ())


DEFAULTS = TrainOptions()


def train(
    *,
    world_size: Count | None = None,
    rank: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    local_rank: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    master_addr: str | None = None,
    master_port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65535))] = None,
    options: TrainOptions = DEFAULTS,
) -> int:
    """Train a net on games that are there, on one device or several.

    Alone it uses one device. With --world-size N it starts N ranks on this host. With --rank as
    well it is one of N that somebody starts by hand. Under torchrun it is what torchrun says.

    Parameters
    ----------
    world_size
        Ranks of the job.
    rank
        Number of this rank, from 0, where ranks are started by hand.
    local_rank
        Number of its GPU on this host (default: the rank).
    master_addr
        Host of rank 0, where ranks are started by hand (default: this one).
    master_port
        A free port there (default 12355).
    """
    from zerofleet.run.threads import calm_threads

    calm_threads()  # before torch is loaded
    from zerofleet.training.group import Place, is_launched

    options.check(has_data=False)
    if not is_launched() and rank is None and (world_size or 1) > 1:
        from zerofleet.training.launch import Nodes, run_ranks

        assert world_size is not None
        options.check()
        nodes = Nodes(world_size, master_port=master_port)
        command = ["-m", "zerofleet.train", *options.arguments()]
        return run_ranks(command, nodes, log_dir=options.log_dir)
    if world_size == 1 and rank is None:
        rank = 0
    place = Place.from_environment(
        rank=rank,
        world_size=world_size,
        local_rank=local_rank,
        master_addr=master_addr,
        master_port=master_port,
    )
    options.check(has_data=place.rank == 0)
    return _train_as(place, options)


def _train_as(place: Any, options: TrainOptions) -> int:
    import torch

    from zerofleet.fleet.devices import usable_cores
    from zerofleet.roles.distributed import DistributedTraining
    from zerofleet.training.group import RankGroup, end_with_launcher

    end_with_launcher()
    if place.local_world_size > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, usable_cores() // place.local_world_size))
    device = "cpu" if options.device == "auto" and options.backend == "gloo" else options.device
    group = RankGroup.join(
        place, device=device, backend=options.backend, timeout_seconds=options.timeout_seconds
    )
    assert options.data is not None
    try:
        return DistributedTraining(
            options.directory,
            group,
            recipe=options.recipe,
            data=options.data,
            command_line=options.keys(),
            epochs=options.epochs,
            mixed_precision=options.mixed_precision,
            num_workers=options.num_workers,
            must_resume=options.resume,
            checkpoint=options.checkpoint,
            checkpoint_steps=options.checkpoint_steps,
            checkpoint_minutes=options.checkpoint_minutes,
            minutes=options.minutes,
        ).run()
    finally:
        group.close()


def main(arguments: list[str] | None = None, run: Callable[..., int] = train) -> int:
    """Reads the command line; returns the exit status: 0, 1 (a told error) or 2 (usage)."""
    app = App(name="python -m zerofleet.train", help=run.__doc__, version_flags=())
    app.default(run)
    words = sys.argv[1:] if arguments is None else arguments
    try:
        result = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        print(f"zerofleet: {error} See: python -m zerofleet.train --help", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        leave_closed_output()
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("torch", "safetensors"):
            raise
        print(
            f"zerofleet: training needs {error.name}: pip install 'zerofleet[train]'",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        from zerofleet.roles.report import told

        text = told(error)
        if text is None:
            raise
        print(f"zerofleet: {text}", file=sys.stderr)
        return int(getattr(error, "exit_status", 1))
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
