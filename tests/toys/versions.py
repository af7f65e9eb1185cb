"""`zerofleet versions`: the toy verb of tests/test_contributing.py."""

from zerofleet.cli.options import RunPlace


def versions(run_dir: RunPlace) -> None:
    """List the versions that a run has published.

    Examples:

        zerofleet versions runs/go7
    """
    from zerofleet.run.models import read_manifest
    from zerofleet.run.place import existing_store

    for version, entry in read_manifest(existing_store(run_dir))["versions"].items():
        print(version, *sorted(entry["files"]))
