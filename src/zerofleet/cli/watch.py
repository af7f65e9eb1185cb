"""`zerofleet watch`: a run in a terminal, full screen or line by line."""

import contextlib
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from zerofleet.cli.options import Flag, OptionalPlaceArgument


def watch(
    run_dir: OptionalPlaceArgument = None,
    *,
    file: Path | None = None,
    interval: Annotated[float, Parameter(validator=Number(gte=0.1, lte=3600))] = 2.0,
    simple: Flag = False,
) -> int:
    """Watch a run in the terminal: curves, workers, rates, losses, Elo, what limits it, the log.

    q quits. With --simple, or where the output is no terminal, plain lines are printed instead: the
    last loops, then what is new, until the run ends.

    Examples:

        zerofleet watch runs/connect_four

        ssh HOST "zerofleet watch runs/chess --simple"

        zerofleet watch s3://bucket/run

        zerofleet watch --file old/training_stats.json

    Parameters
    ----------
    file
        A training_stats.json in place of a run directory; the whole run is shown if it lies in one.
    interval
        Seconds between looks.
    simple
        Plain lines in place of the full screen.
    """
    from zerofleet.monitor.watching import look_at_file, look_at_run, watch_simple
    from zerofleet.roles.config import ConfigError

    if (run_dir is None) == (file is None):
        raise ConfigError("expected RUN, or --file training_stats.json")
    look = look_at_run(run_dir) if run_dir is not None else look_at_file(file or Path())
    console = Console()
    if simple or not console.is_terminal:
        with contextlib.suppress(KeyboardInterrupt):  # how people end it early
            watch_simple(look, console, interval_seconds=interval)
        return 0
    from zerofleet.monitor.watch import WatchApp

    WatchApp(look, interval_seconds=interval).run()
    return 0
