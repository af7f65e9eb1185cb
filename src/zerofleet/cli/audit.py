"""`zerofleet audit`: is every game of a run counted exactly once?"""

from zerofleet.cli.options import PlaceArgument


def audit(run_dir: PlaceArgument) -> int:
    """Check from the files alone that every finished game counts once and the model is whole.

    The run may be in use. Exit status 0 if it is sound, 1 if anything was found.

    Any time, for example after a crash:

        zerofleet audit runs/ultimate_ttt
    """
    from zerofleet.records.account import shard_account
    from zerofleet.run import audit as auditor
    from zerofleet.run.place import existing_store

    report = auditor.audit(existing_store(run_dir), shard_account)
    print(report.text())
    return 0 if report.is_sound else 1
