"""`zerofleet restore`: back to an earlier version of a run."""

import sys
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.cli.options import DirectoryArgument


def restore(
    run_dir: DirectoryArgument, *, version: Annotated[int, Parameter(validator=Number(gte=1))]
) -> int:
    """Make an earlier version the published one, and let training go on from it.

    Its bytes are published once more under the next number; no version is taken away. The trainer
    goes on with its weights, the games and counters that are there, and its optimizer if the
    version is recent. Stop the trainer first (docs/run_directory.md).

    For example, when a run has got worse since version 40:

        zerofleet restore runs/go7 --version 40

    Parameters
    ----------
    version
        The version to go back to.
    """
    from zerofleet.roles.restore import restore_version

    new = restore_version(
        run_dir, version, on_wait=lambda text: print(f"waiting: {text}", file=sys.stderr)
    )
    print(f"version {version} is published as version {new}; start its trainer to go on")
    return 0
