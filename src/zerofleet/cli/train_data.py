"""`zerofleet train RECIPE --data D`: no workers, epochs over games that are there."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from rich.console import Console

from zerofleet.cli.options import KEYS
from zerofleet.fleet.devices import parse_devices
from zerofleet.roles.config import ConfigError, parse_config_json, resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.place import Place
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore
from zerofleet.train import TrainOptions

_OPTIONS = ("batch_size", "learning_rate", "filters", "blocks", "seed")
"""Flags that `python -m zerofleet.train` has, too."""
_SETTINGS = ("run_name", "checkpoint_interval", "max_positions")
"""Flags that are configuration keys there."""


def train_on_data(
    recipe: str,
    data: Path,
    run_dir: Place | None,
    *,
    epochs: int | None,
    device: str,
    gpus: str | None,
    minutes: float | None,
    checkpoint: Path | None,
    settings: list[str] | None,
    given: Mapping[str, Any],
    of_workers: Mapping[str, Any],
) -> int:
    """Does what `python -m zerofleet.train` does, with the flags of `zerofleet train`.

    Args:
      given: flags by their names in `KEYS`; None: not given.
      of_workers: flags that mean nothing here, and must not be given.
    Returns: the exit status.
    Raises: ConfigError.
    """
    for name, value in of_workers.items():
        if value:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(
                f"{flag}: has no meaning with --data, where nobody plays; leave it out"
            )
    if run_dir is not None and not run_dir.is_directory:
        raise ConfigError(
            f"--run-dir {run_dir}: training on given games wants a directory; copy it there when "
            "it is done"
        )
    more = [
        f"{KEYS[name]}={json.dumps(given[name])}" for name in _SETTINGS if given[name] is not None
    ]
    where, ranks = _devices(device, gpus)
    options = TrainOptions(
        recipe=recipe,
        data=data,
        save_dir=None if run_dir is None else run_dir.files,
        device=where,
        epochs=TrainOptions.epochs if epochs is None else epochs,
        checkpoint=checkpoint,
        minutes=minutes,
        set_=[*more, *(settings or ())] or None,
        **{name: given[name] for name in _OPTIONS},
    )
    from zerofleet.train import train

    status = train(world_size=ranks, options=options)
    if status == 0:
        _show(options.directory)
    return status


def _devices(device: str, gpus: str | None) -> tuple[Literal["auto", "cpu", "cuda"], int]:
    """Where the ranks compute, and how many there are."""
    try:
        names = parse_devices(gpus or device) if gpus or device not in ("auto", "cuda") else ()
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if not names:
        return cast(Literal["auto", "cuda"], device), 1
    numbers = [name.partition(":")[2] for name in names if name != "cpu"]
    if not numbers:
        return "cpu", len(names)
    if len(numbers) < len(names):
        raise ConfigError(f"--gpus {gpus}: processors or GPUs, not both")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    listed = [part.strip() for part in visible.split(",")] if visible else []
    chosen = [listed[int(n)] if listed else n for n in numbers]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(chosen)
    return "cuda", len(names)


def _show(directory: Path) -> None:
    """The picture of the run, and what may come next."""
    from zerofleet.cli.result import PICTURE

    console = Console()
    entries = read_stats(DirectoryStore(directory))
    try:
        from zerofleet.monitor.plot import plot_learning_curve

        picture = plot_learning_curve(cast(Any, entries), directory / PICTURE, title=directory.name)
        console.print(f"Learning curve: {picture}", soft_wrap=True, highlight=False)
    except ImportError as error:
        console.print(f"No picture: {error}")
    config = resolve({}, parse_config_json((directory / CONFIG).read_bytes()), {})
    engine = {"chess": "uci", "go": "gtp"}.get(config.game.spec.partition("(")[0])
    if engine and entries:  # none is published before the first epoch ends
        console.print(f"The net plays: zerofleet {engine} {directory}", soft_wrap=True)
