"""`zerofleet status`: the fleet and the last loops of a run."""

import json
from dataclasses import replace

from rich.console import Console

from zerofleet.cli.options import AsJson, Flag, PlaceArgument


def status(
    run_dir: PlaceArgument,
    *,
    as_json: AsJson = False,
    plot: Flag = False,
) -> int:
    """Show the fleet and the last loops of a run, from its files alone.

    Examples:

        zerofleet status runs/ultimate_ttt

        watch -n 1 cat runs/ultimate_ttt/status.txt

        zerofleet status runs/ultimate_ttt --plot

    Parameters
    ----------
    as_json
        Print everything as one JSON object.
    plot
        Also write the learning curve and print the strength of the newest version.
    """
    from zerofleet.fleet.status import collect
    from zerofleet.monitor.read import RunReader
    from zerofleet.monitor.terminal import render_run
    from zerofleet.run.lease import LeaseWatch
    from zerofleet.run.place import existing_store

    store = existing_store(run_dir)
    if as_json:
        print(json.dumps(collect(store, LeaseWatch()).to_json(), indent=2))
        return 0
    console = Console()
    view = RunReader(store, run_dir=str(run_dir)).read()
    view = replace(view, elapsed_seconds=None)  # of this command; says nothing about the run
    console.print(render_run(view, width=console.size.width, height=1000))
    if plot:
        from zerofleet.cli.result import show_result

        show_result(console, store, run_dir, measure=False)
    return 0
