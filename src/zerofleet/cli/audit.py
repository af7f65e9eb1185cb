"""`zerofleet audit`: is every game of a run counted exactly once?"""

from pathlib import Path


def audit(run_dir: Path) -> int:
    """Check from the files alone that every finished game counts once and the model is whole.

    Exit status 0 if the run is sound, 1 if anything was found.

    Example:

        zerofleet audit runs/ultimate_ttt

    Parameters
    ----------
    run_dir
        The run directory; it may be in use.
    """
    from zerofleet.records.account import shard_account
    from zerofleet.run import audit as auditor
    from zerofleet.run.errors import RunError
    from zerofleet.run.store import DirectoryStore

    if not run_dir.is_dir():
        raise RunError(f"{run_dir}: no such run directory")
    report = auditor.audit(DirectoryStore(run_dir), shard_account)
    print(report.text())
    return 0 if report.is_sound else 1
